"""Going back: an earlier version becomes the newest one, under a number of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from components.serving.directory_lock import lock_serving_dir
from components.serving.history import Push, read_history, remember_push
from components.serving.integrity import verify_model
from components.serving.manifest import Manifest, ServingError, read_model_manifest, write_manifest
from components.serving.publishing import clear_staging, publish_staged
from components.serving.versions import find_versions, get_next_version


class RollbackError(ValueError):
    """There is no such way back; one sentence says why. What is served stays as it was."""


class DamagedVersionError(ServingError):
    """The version to go back to is damaged; what is served stays as it was."""


def roll_back(serving_dir: Path, to: int | None, reason: str) -> Push:
    """Bring a version back as the newest, which is the baseline of the next run; wait for a push that is at work.

    The copy is held against the manifest file by file before it gets its number, and nothing is loaded. Every version
    above the one that is brought back counts as taken back from then on.

    Args:
        serving_dir: The serving directory.
        to: The version to bring back; by default the highest below what is pushed now that was not taken back itself
            and is another model.
        reason: Why; kept with the version for ever.

    Raises:
        RollbackError: There is no such version, it is what is pushed already, or nothing is known of it.
        DamagedVersionError: It is damaged.
        ServingError: A record in the directory cannot be read, or the directory cannot be written.
    """
    if not find_versions(serving_dir):  # rather than to make the folder
        raise RollbackError(f"{serving_dir}: no model is pushed there; run the pipeline first.")
    with lock_serving_dir(serving_dir):
        versions, before = find_versions(serving_dir), read_history(serving_dir)
        chosen = _choose(versions, before) if to is None else _look_up(versions, to)
        known = _read_sound(chosen, versions[chosen])
        manifest = replace(
            known,
            pushed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            restores=chosen,
            restored_because=reason,
        )
        version = get_next_version(serving_dir)
        staging = clear_staging(serving_dir)
        shutil.copytree(versions[chosen], staging, symlinks=True)
        _read_sound(chosen, staging)
        write_manifest(staging, manifest)
        publish_staged(serving_dir, version, manifest, before)
        return remember_push(version, manifest)


def _choose(versions: Mapping[int, Path], history: list[Push]) -> int:
    """Return the last version before what is pushed now that is another model, and was not taken back."""
    pushed = max(versions)
    digest = _read_digest(versions[pushed])
    taken_back = {push.version for push in history if push.taken_back}
    earlier = [version for version in versions if version < pushed]
    found = [version for version in earlier if version not in taken_back and _read_digest(versions[version]) != digest]
    if found:
        return found[-1]
    if not earlier:
        raise RollbackError(
            f"version {pushed} is the only one, so there is none to go back to; run the pipeline, or promote a run."
        )
    raise RollbackError(
        f"version {pushed} has none before it that is another model and was not taken back "
        f"(there are {', '.join(map(str, earlier))}); name one with --to."
    )


def _look_up(versions: Mapping[int, Path], version: int) -> int:
    pushed = max(versions)
    if version not in versions:
        raise RollbackError(
            f"--to {version}: there is no such version; expected one of {', '.join(map(str, versions))}."
        )
    damaged = verify_model(versions[pushed]).state == "damaged"
    if version == pushed and not damaged:
        raise RollbackError(f"--to {version}: it is what is pushed now; there is nothing to do.")
    digest = _read_digest(versions[version])
    if version != pushed and not damaged and digest and digest == _read_digest(versions[pushed]):
        raise RollbackError(
            f"--to {version}: version {pushed}, which is pushed now, is that very model; there is nothing to do."
        )
    return version


def _read_digest(model_dir: Path) -> str | None:
    """Return the digest in a manifest; None where there is none that can be read."""
    with suppress(ServingError):
        manifest = read_model_manifest(model_dir)
        return manifest.digest if manifest else None
    return None


def _read_sound(version: int, model_dir: Path) -> Manifest:
    """Return the manifest of a version, or of a copy of it, whose files are those that were pushed."""
    finding = verify_model(model_dir)
    if finding.state == "damaged":
        raise DamagedVersionError(
            f"version {version} is damaged ({finding.problems[0].rstrip('.')}), and was not brought back; restore its "
            "files, or name another with --to."
        )
    manifest = read_model_manifest(model_dir)
    if manifest is None:
        raise RollbackError(
            f"version {version} has no manifest, so that a copy can't be verified; name another with --to."
        )
    return manifest
