"""The serving directory: `<n>/` for each version, as TensorFlow Serving reads it, and a manifest in each.

The highest number is what is pushed now. Names that are no number are ours; TensorFlow Serving ignores them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

# TensorFlow leaves assets.extra to the user: https://www.tensorflow.org/guide/saved_model#the_savedmodel_format
MANIFEST = Path("assets.extra", "manifest.json")
DATA_SUMMARY = Path("assets.extra", "data")
_HIGHEST = ".highest_version"


class ServingError(RuntimeError):
    """The serving directory does not hold what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Where a pushed model comes from.

    Attributes:
        digest: SHA-256 of the model's files (see `digest_model`).
        recipe: SHA-256 of everything that the model is made from: data, sources, options, releases.
        run_id: The run that pushed it.
        baseline_version: The version that it was compared with, 0 for none.
        pushed_at: ISO 8601, UTC.
        reason: Why a person pushed it although the gate had not blessed it; "" where the gate had.
    """

    digest: str
    recipe: str
    run_id: str
    baseline_version: int
    pushed_at: str
    reason: str = ""


def list_versions(serving_dir: Path) -> list[int]:
    """Return the versions in a serving directory, lowest first."""
    if not serving_dir.is_dir():
        return []
    return sorted(int(entry.name) for entry in serving_dir.iterdir() if entry.name.isdecimal() and entry.is_dir())


def get_pushed_version(serving_dir: Path) -> int:
    """Return the version that is pushed now, 0 for none."""
    return max(list_versions(serving_dir), default=0)


def get_next_version(serving_dir: Path) -> int:
    """Return a version above all that there have ever been, so that a number is never used twice."""
    highest = serving_dir / _HIGHEST
    return max(int(highest.read_text()) if highest.exists() else 0, get_pushed_version(serving_dir)) + 1


def record_version(serving_dir: Path, version: int) -> None:
    """Remember that `version` is taken."""
    temporary = serving_dir / f"{_HIGHEST}.new"
    temporary.write_text(str(version))
    temporary.replace(serving_dir / _HIGHEST)


def read_manifest(serving_dir: Path, version: int) -> Manifest | None:
    """Read the manifest of a version; None for a model that something else put there."""
    return read_model_manifest(serving_dir / str(version))


def read_model_manifest(model_dir: Path) -> Manifest | None:
    """Read the manifest of a version, or of a copy of one."""
    path = model_dir / MANIFEST
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except ValueError as error:
        raise ServingError(f"{path}: not a manifest ({error}); restore it, or delete that version.") from error


def write_manifest(model_dir: Path, manifest: Manifest) -> None:
    """Write the manifest into the folder of a version."""
    path = model_dir / MANIFEST
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(manifest), indent=2))


def digest_model(model_dir: Path) -> str:
    """Return the SHA-256 of all files of a SavedModel and their names, those left out that a push adds."""
    digest = hashlib.sha256()
    for path in sorted(model_dir.rglob("*")):
        name = path.relative_to(model_dir)
        if path.is_file() and name != MANIFEST and DATA_SUMMARY not in name.parents:
            digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
