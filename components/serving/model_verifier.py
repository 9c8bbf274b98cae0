"""The fresh process in which a copy of a model is compared with the model: started, asked, ended.

It imports TensorFlow first, which takes seconds. So it can be started ahead, while another stage is at work.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_waiting: list[subprocess.Popen[str]] = []


class VerificationError(RuntimeError):
    """The copy does not answer as the model does, or cannot be loaded."""


def start_ahead() -> None:
    """Start the process that the next `verify_copy` asks."""
    _waiting.append(_start())


def end_waiting() -> None:
    """End processes that were started and never asked."""
    while _waiting:
        process = _waiting.pop()
        process.kill()
        process.communicate()


def verify_copy(copy: Path, original: Path, examples_dir: Path) -> int:
    """Load both models in a fresh process, compare their answers on evaluation images, and return how many those were.

    Raises:
        VerificationError: They differ, or the copy cannot be loaded.
    """
    process = _waiting.pop() if _waiting else _start()
    output, errors = process.communicate("\n".join(map(str, (copy, original, examples_dir))))
    if process.returncode:
        raise VerificationError((errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1])
    return int(output.split()[-1])


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "components.serving.verify_model"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
