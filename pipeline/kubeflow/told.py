"""What a command printed in a pod: between two lines, by which it is found again among what KFP's launcher prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# The parameter of the run that holds the command and its arguments, a list in JSON.
ARGUMENTS = "arguments"
_BEGIN, _END = "----- run_pipeline.py", "----- exit code"
_PRINTED = re.compile(rf"^{_BEGIN} \S+\n(?P<text>.*?)^{_END} (?P<code>\d+)$", re.MULTILINE | re.DOTALL)


class Told(NamedTuple):
    """What a command has printed, and its exit code."""

    text: str
    exit_code: int


def find_told(log: str) -> Told | None:
    """Return what a command printed into a log that has more in it; None where it did not come to its end."""
    found = list(_PRINTED.finditer(log))
    return Told(found[-1]["text"], int(found[-1]["code"])) if found else None


def tell(name: str, command: Callable[[], object]) -> int:
    """Call a command under the guard, mark what it prints, and return its exit code."""
    from pipeline.commands.guard import call_guarded

    print(f"{_BEGIN} {name}", flush=True)
    code = int(call_guarded(command))
    print(f"{_END} {code}", flush=True)
    return code
