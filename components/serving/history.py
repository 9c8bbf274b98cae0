"""What was ever pushed, and brought back: so that what a person took back does not come back by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from components.images.regular_files import read_regular
from components.serving.manifest import Manifest, ServingError
from components.serving.versions import find_versions, read_manifest, replace_file

HISTORY = ".pushed.json"
_MOST_BYTES = 64 << 20  # some 400,000 pushes


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One version that there was or is.

    Attributes:
        taken_back: Whether it was deleted while it was the highest, or a version below it was brought back. Later
            pushes do not change that.
        at: When it was pushed, ISO 8601, UTC; "" where that is not known.
        restores: The earlier version that it is a copy of, where a person rolled back; else None.
        reason: Why a person brought that back, or pushed a model that the gate had not blessed.
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
    known = {push.version: push for push in _list_present(serving_dir, versions)}
    for push in recorded:  # one of before there was `at` says less than its manifest
        told = push if push.at else replace(known.get(push.version, push), taken_back=push.taken_back)
        known[push.version] = told
    rollbacks = [push for push in known.values() if push.restores is not None]
    highest = max(versions, default=-1)
    return [
        replace(push, taken_back=push.taken_back or deleted or find_rollback(rollbacks, version) is not None)
        for version, push in sorted(known.items())
        for deleted in [version > highest and version not in versions]
    ]


def write_history(serving_dir: Path, pushes: Iterable[Push]) -> None:
    """Remember pushes, as `read_history` gave them, or one more."""
    replace_file(serving_dir / HISTORY, json.dumps([asdict(push) for push in pushes], indent=1))


def remember_push(version: int, manifest: Manifest) -> Push:
    """Return what is to be remembered of a version."""
    return Push(
        version=version,
        digest=manifest.digest,
        recipe=manifest.recipe,
        at=manifest.pushed_at,
        restores=manifest.restores,
        reason=manifest.reason if manifest.restores is None else manifest.restored_because,
    )


def find_taken_back(history: Iterable[Push], digest: str, recipe: str) -> int | None:
    """Return the version that was this model, or one by the same recipe, where the last such was taken back."""
    alike = [push for push in history if push.digest == digest or (recipe and push.recipe == recipe)]
    return alike[-1].version if alike and alike[-1].taken_back else None


def find_rollback(history: Iterable[Push], version: int) -> Push | None:
    """Return the push that took a version back by bringing one below it back, None where none did."""
    return next(
        (push for push in history if push.restores is not None and push.restores < version < push.version), None
    )


def describe_taken_back(history: Iterable[Push], version: int) -> str:
    """Say in a clause how a version was taken back."""
    rollback = find_rollback(history, version)
    if rollback is None:
        return "its folder was deleted while it was the highest"
    return f"{describe_rollback(rollback)} (“{rollback.reason}”)"


def describe_rollback(push: Push) -> str:
    """Say in a clause what a rollback did."""
    return f"a person brought version {push.restores} back as version {push.version}"


def describe_served(history: Sequence[Push], version: int | None) -> str:
    """Say what is served where a person rolled back to it, and why; "" where nobody did."""
    served = next((push for push in history if push.version == version), None)
    if served is None or served.restores is None:
        return ""
    day = f" on {served.at[:10]}" if served.at else ""
    return f"version {served.version}, which brought back {served.restores}{day}, because: {served.reason}"


def _list_present(serving_dir: Path, versions: Iterable[int]) -> Iterable[Push]:
    """Pushes of which there is no record: from before there was one, or because it could not be written."""
    for version in versions:
        try:
            manifest = read_manifest(serving_dir, version)
        except ServingError:
            continue
        if manifest:
            yield remember_push(version, manifest)
