"""What is kept of runs that were removed: their records, a line each, in a file that only grows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from components.images.regular_files import read_regular

REMOVED_RUNS = "removed_runs.jsonl"
_MOST_BYTES = 1 << 30  # some 300,000 runs


def read_removed(path: Path) -> tuple[list[tuple[int, bytes]], str]:
    """Return the lines of the file with their numbers, and why it can't be read, "" where it can.

    A last line without an end is being written, or was when the process was killed; its run is still there.
    """
    try:
        content = read_regular(path, _MOST_BYTES)
    except OSError as error:
        return [], error.strerror or str(error)
    lines = content.split(b"\n")[:-1]
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()], ""


def append_removed(path: Path, records: Iterable[str]) -> None:
    """Add records, a line each, on the disk when this returns. Only while the output folder is locked.

    Raises:
        OSError: They can't be written.
    """
    content = read_regular(path, _MOST_BYTES) if path.exists() else b""
    with path.open("ab") as file:
        file.truncate(content.rfind(b"\n") + 1)  # what a killed process left of a line
        file.write("".join(f"{record}\n" for record in records).encode())
        file.flush()
        os.fsync(file.fileno())
