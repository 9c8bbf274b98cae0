"""What a worker has to have in common with the process that submits work, and how one asks a pool of them."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from pipeline.fingerprint import fingerprint_project

DESCRIBE = "/pipeline.engines.WorkerPool/Describe"
PACKAGES = ("apache-beam", "tensorflow", "tensorflow-data-validation", "tensorflow-model-analysis", "tfx")


def describe_worker() -> dict[str, str]:
    """Return what this process is like: versions of Python and packages, and the project's sources."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {"Python": platform.python_version(), **versions, "this project's sources": fingerprint_project()[:12]}


def copy_beside(file: Path) -> str:
    """Leave a copy beside a file of whoever asks, which works if they share its folder; return why not, or ""."""
    try:
        file.with_suffix(".answer").write_bytes(file.read_bytes())
    except OSError as error:
        return error.strerror or str(error)
    return ""
