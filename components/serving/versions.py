"""The serving directory: `<n>/` for each version, as TensorFlow Serving reads it, and a manifest in each.

The highest number is what is pushed now. Names that are no number are ours; TensorFlow Serving ignores them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from components.serving.manifest import Manifest, ServingError, read_model_manifest

HIGHEST_VERSION = ".highest_version"
_MOST = 2**63 - 1


def find_versions(serving_dir: Path) -> dict[int, Path]:
    """Return the folders of the versions by their numbers, lowest first.

    A number may have leading zeros; of two names for one number, TensorFlow Serving takes the last:
    https://github.com/tensorflow/serving/blob/master/tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc
    """
    folders = sorted(path for path in _list_entries(serving_dir) if path.name.strip("0123456789") == "")
    found = {number: path for path in folders if (number := _read_number(path.name)) is not None and path.is_dir()}
    return dict(sorted(found.items()))


def list_versions(serving_dir: Path) -> list[int]:
    """Return the versions in a serving directory, lowest first."""
    return list(find_versions(serving_dir))


def get_pushed_version(serving_dir: Path) -> int | None:
    """Return the version that is pushed now, None for none. TensorFlow Serving serves a version 0, too."""
    return max(find_versions(serving_dir), default=None)


def get_next_version(serving_dir: Path) -> int:
    """Return a version above all that there have ever been, so that a number is never used twice.

    Raises:
        ServingError: The record of the highest version cannot be read, or there is no higher number.
    """
    numbers = [number for entry in _list_entries(serving_dir) if (number := _read_number(entry.name)) is not None]
    record = serving_dir / HIGHEST_VERSION
    if record.exists():
        recorded = _read_number(record.read_text(errors="replace"))
        if recorded is None:
            raise ServingError(
                f"{record}: expected the highest version that there has ever been, so that no number is used twice; "
                f"write it into that file: {max(numbers, default=0)}, or more where higher ones were deleted."
            )
        numbers.append(recorded)
    version = max(numbers, default=0) + 1
    if version > _MOST:
        raise ServingError(
            f"{serving_dir}: has a version {_MOST}, above which there is no number; delete or rename it."
        )
    return version


def record_version(serving_dir: Path, version: int) -> None:
    """Remember, on the disk, that `version` is taken."""
    replace_file(serving_dir / HIGHEST_VERSION, str(version))


def read_manifest(serving_dir: Path, version: int) -> Manifest | None:
    """Read the manifest of a version; None for a model that something else put there, and where there is none."""
    path = find_versions(serving_dir).get(version)
    return read_model_manifest(path) if path else None


def replace_file(path: Path, text: str) -> None:
    """Write a file that is there whole or as it was, whatever happens."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text)
    sync_to_disk(temporary)
    temporary.replace(path)


def sync_to_disk(path: Path) -> None:
    """Wait until a file or the entries of a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _list_entries(serving_dir: Path) -> list[Path]:
    return list(serving_dir.iterdir()) if serving_dir.is_dir() else []


def _read_number(text: str) -> int | None:
    """Read a number as TensorFlow Serving reads a name; it takes files for versions as well, and spaces around them."""
    match = re.fullmatch(r"\s*0*([0-9]{1,19})\s*", text)
    return int(match[1]) if match and int(match[1]) <= _MOST else None
