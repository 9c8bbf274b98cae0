"""Whether the files of a version are those that were pushed. A SavedModel is code: what fails is not loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.serving.manifest import (
    MANIFEST,
    FileFacts,
    Manifest,
    ManifestError,
    ServingError,
    describe_file,
    digest_model,
    read_model_manifest,
    walk_files,
)
from components.serving.versions import find_versions

State = Literal["verified", "older_manifest", "foreign", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of a version since it was pushed.

    Attributes:
        state: `verified`, file by file; `older_manifest`, which lists no files: the model as a whole is as it was;
            `foreign`, something else put it there, so that nothing is known of it; `damaged`.
        problems: What is wrong, a sentence for each file; none where nothing is.
    """

    state: State
    problems: tuple[str, ...] = ()


def verify_model(model_dir: Path) -> Finding:
    """Compare the files in the folder of a version, or of a copy of one, with its manifest.

    What is read are the files that are found in the folder, and no link; never a path that a manifest names.
    """
    try:
        manifest = read_model_manifest(model_dir)
    except ManifestError as error:
        return Finding(state="damaged", problems=(error.problem,))
    if manifest is None:
        return Finding(state="foreign")
    try:
        problems = tuple(_find_problems(model_dir, manifest))
    except OSError as error:
        problems = (f"{error.filename}: cannot be read ({error.strerror})",)
    if problems:
        return Finding(state="damaged", problems=problems)
    return Finding(state="older_manifest" if manifest.files is None else "verified")


def check_model(model_dir: Path, name: Path | None = None) -> Finding:
    """Return what `verify_model` finds, where that is no damage.

    Args:
        model_dir: The folder of a version, or of a copy of it.
        name: What the sentence calls it, where that is another folder.

    Raises:
        ServingError: Its files are not those that were pushed; the sentence names the first, and the ways out.
    """
    finding = verify_model(model_dir)
    if finding.state == "damaged":
        more = f", and {len(finding.problems) - 1} more" if len(finding.problems) > 1 else ""
        raise ServingError(
            f"{name or model_dir} is damaged: {finding.problems[0].rstrip('.')}{more}. Restore its files, or delete "
            "that folder to go back to the version before it; `verify` lists what is wrong."
        )
    return finding


def check_pushed(serving_dir: Path) -> None:
    """Check what is pushed now.

    Raises:
        ServingError: It is damaged.
    """
    versions = find_versions(serving_dir)
    if versions:
        check_model(versions[max(versions)])


def _find_problems(model_dir: Path, manifest: Manifest) -> Iterator[str]:
    found = {name: path for name, path in walk_files(model_dir) if name != MANIFEST.as_posix()}
    if manifest.files is None:
        if digest_model(model_dir) != manifest.digest:
            yield "its files are not those that were pushed; its manifest is an older one, and does not say which"
        return
    for name, facts in sorted(manifest.files.items()):
        yield from _compare(name, found.get(name), facts)
    for name in sorted(found.keys() - manifest.files.keys()):
        yield f"{name}: was not pushed with it"


def _compare(name: str, path: Path | None, facts: FileFacts) -> Iterator[str]:
    if path is None:
        yield f"{name}: is missing"
    elif path.is_symlink() or not path.is_file():
        yield f"{name}: expected a file, found something else"
    elif path.stat().st_size != facts.size:
        yield f"{name}: has {path.stat().st_size:,} bytes, expected {facts.size:,}"
    elif describe_file(path) != facts:
        yield f"{name}: its contents are not those that were pushed (SHA-256)"
