"""What was ever pushed: so that what a person took back, by deleting its version, does not come back by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from components.images.regular_files import read_regular
from components.serving.manifest import ServingError
from components.serving.versions import find_versions, read_manifest, replace_file

HISTORY = ".pushed.json"
_MOST_BYTES = 64 << 20  # some 400,000 pushes


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One version that there was or is.

    Attributes:
        taken_back: Whether it was deleted while it was the highest. Later pushes do not change that.
        at: When it was pushed, ISO 8601, UTC; "" where that is not known.
        restores: The version that a rollback brought back with it; None where it is no rollback.
        reason: Why a person pushed it; "" where the gate had blessed it.
    """

    version: int
    digest: str
    recipe: str
    taken_back: bool = False
    at: str = ""
    restores: int | None = None
    reason: str = ""


def read_history(serving_dir: Path) -> list[Push]:
    """Return all pushes that are known, lowest version first, and which of them are taken back as things stand now.

    Raises:
        ServingError: The record cannot be read.
    """
    path, versions = serving_dir / HISTORY, find_versions(serving_dir)
    try:
        recorded = msgspec.json.decode(read_regular(path, _MOST_BYTES), type=list[Push]) if path.exists() else []
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ServingError(
            f"{path}: not a list of what was pushed ({reason}); restore it, or delete it: "
            "then a model that was taken back may be pushed again."
        ) from error
    known = {push.version: push for push in (*_list_present(serving_dir, versions), *recorded)}
    highest = max(versions, default=-1)
    return [
        replace(push, taken_back=push.taken_back or (version > highest and version not in versions))
        for version, push in sorted(known.items())
    ]


def write_history(serving_dir: Path, pushes: Iterable[Push]) -> None:
    """Remember pushes, as `read_history` gave them, or one more."""
    replace_file(serving_dir / HISTORY, json.dumps([asdict(push) for push in pushes], indent=1))


def find_taken_back(history: Iterable[Push], digest: str, recipe: str) -> int | None:
    """Return the version that was this model, or one by the same recipe, where the last such was taken back."""
    alike = [push for push in history if push.digest == digest or (recipe and push.recipe == recipe)]
    return alike[-1].version if alike and alike[-1].taken_back else None


def _list_present(serving_dir: Path, versions: Iterable[int]) -> Iterable[Push]:
    """Pushes of a time before there was a record."""
    for version in versions:
        try:
            manifest = read_manifest(serving_dir, version)
        except ServingError:
            continue
        if manifest:
            yield Push(version=version, digest=manifest.digest, recipe=manifest.recipe)
