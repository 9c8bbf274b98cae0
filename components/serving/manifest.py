"""The manifest of a pushed model: where it comes from, and the size and SHA-256 of each of its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from components.images.regular_files import read_regular

# TensorFlow leaves assets.extra to the user: https://www.tensorflow.org/guide/saved_model#the_savedmodel_format
MANIFEST = Path("assets.extra", "manifest.json")
DATA_SUMMARY = Path("assets.extra", "data")
_CHUNK_BYTES = 1 << 20
_MOST_BYTES = 16 << 20  # of a manifest: far more than the names of a model's files come to


class ServingError(RuntimeError):
    """The serving directory does not hold what it should."""


class ManifestError(ServingError):
    """There is a file of a manifest's name, and it is none; `problem` says so without the remedy."""

    def __init__(self, path: Path, problem: str) -> None:
        self.problem = f"{path}: {problem}"
        super().__init__(f"{self.problem}; restore it, or delete that version.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """The size of a file in bytes, and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Where a pushed model comes from, and what it consists of.

    Attributes:
        digest: SHA-256 of the model's files (see `digest_model`).
        recipe: SHA-256 of everything that the model is made from: data, sources, options, releases.
        run_id: The run that pushed it.
        baseline_version: The version that it was compared with, None for none.
        pushed_at: ISO 8601, UTC.
        reason: Why a person pushed it although the gate had not blessed it; "" where the gate had.
        restores: The earlier version that it is a copy of, where a person rolled back; the fields above are that one's,
            but for `pushed_at`.
        restored_because: Why, as that person put it.
        files: Every file of the version but this one, by its name in it; None in older manifests.
    """

    digest: str
    recipe: str
    run_id: str
    baseline_version: int | None
    pushed_at: str
    reason: str = ""
    restores: int | None = None
    restored_because: str = ""
    files: dict[str, FileFacts] | None = None


def read_model_manifest(model_dir: Path) -> Manifest | None:
    """Read the manifest of a version, or of a copy of one; None for a model that something else made.

    Raises:
        ManifestError: There is a file of that name, and it is no manifest.
    """
    path = model_dir / MANIFEST
    try:
        manifest = msgspec.json.decode(read_regular(path, _MOST_BYTES), type=Manifest)
    except OSError as error:
        if not os.path.lexists(path):  # a link that leads nowhere is no manifest, and its version no foreign one
            return None
        raise ManifestError(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ManifestError(path, f"not a manifest ({error})") from error
    if manifest.files is None and manifest.baseline_version == 0:
        return replace(manifest, baseline_version=None)  # how manifests without a list said that there was none
    return manifest


def write_manifest(model_dir: Path, manifest: Manifest) -> None:
    """Write the manifest into the folder of a version, with the list of the files that are there."""
    path = model_dir / MANIFEST
    path.parent.mkdir(exist_ok=True)
    files = {name: describe_file(file) for name, file in walk_files(model_dir) if name != MANIFEST.as_posix()}
    path.write_text(json.dumps(asdict(replace(manifest, files=files)), indent=2))


def walk_files(model_dir: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is in a folder and is none, sorted, each with its name in it; no link is followed."""
    found = []
    for directory, folders, files in os.walk(model_dir):
        links = [name for name in folders if Path(directory, name).is_symlink()]
        found += [Path(directory, name) for name in (*files, *links)]
    for path in sorted(found):
        yield path.relative_to(model_dir).as_posix(), path


def describe_file(path: Path) -> FileFacts:
    """Return size and SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return FileFacts(size=path.stat().st_size, sha256=digest.hexdigest())


def digest_model(model_dir: Path) -> str:
    """Return the SHA-256 of all files of a SavedModel and their names, those left out that a push adds."""
    digest = hashlib.sha256()
    for path in sorted(model_dir.rglob("*")):
        name = path.relative_to(model_dir)
        if path.is_file() and name != MANIFEST and DATA_SUMMARY not in name.parents:
            digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
