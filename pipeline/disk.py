"""What files take on the disk."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are: stat(2)


def measure_size(path: Path) -> int:
    """Return the bytes that a file, or a folder with all that is below it, takes on the disk; no link is followed.

    What disappears meanwhile counts as nothing.
    """
    size = _measure(path)
    for directory, folders, files in os.walk(path):
        size += sum(_measure(Path(directory, name)) for name in (*folders, *files))
    return size


def _measure(path: Path) -> int:
    try:
        return path.lstat().st_blocks * _BLOCK_BYTES
    except OSError:
        return 0
