"""The files of an artifact, listed when its stage is done, so that one with less is never taken for whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from components.serving.manifest import describe_file

FILES_PROPERTY = "files"
# A larger file is known by its size alone: to read it would take longer than some stages.
LARGEST_DIGESTED = 256 * 2**20


class _File(NamedTuple):
    """Size in bytes, time of the last change in nanoseconds, and the SHA-256, "" for a large file."""

    size: int
    changed: int
    digest: str


def list_files(directory: Path) -> str:
    """List the files below a folder, or the one that it is, as JSON: by name, with size, time and digest."""
    files = {}
    for name, path in _walk(directory):
        status = path.stat()
        digest = describe_file(path).sha256 if status.st_size <= LARGEST_DIGESTED else ""
        files[name] = _File(status.st_size, status.st_mtime_ns, digest)
    return json.dumps(files)


def find_damage(directory: Path, listed: str) -> str:
    """Compare a folder with the list that was made of it, and say in a clause what is wrong, "" for nothing.

    A file is read only where size and time leave a doubt. Files that came later are no damage.
    """
    if not directory.exists():
        return f"{directory} is gone"
    if not listed:  # made before there were lists
        return ""
    present = dict(_walk(directory))
    for name, values in json.loads(listed).items():
        expected = _File(*values)
        if name not in present:
            return f"{directory / name} is gone"
        status = present[name].stat()
        if status.st_size != expected.size:
            return f"{directory / name} has {status.st_size:,} bytes, expected {expected.size:,}"
        doubtful = status.st_mtime_ns != expected.changed and expected.digest
        if doubtful and describe_file(present[name]).sha256 != expected.digest:
            return f"{directory / name} was changed"
    return ""


def _walk(directory: Path) -> Iterator[tuple[str, Path]]:
    if directory.is_file():
        yield "", directory
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path
