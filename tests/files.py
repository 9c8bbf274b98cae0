"""What lies in a folder, for comparison."""

from __future__ import annotations

from pathlib import Path


def list_files(directory: Path) -> dict[str, bytes]:
    """Return the content of each file, by its path in the folder."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
