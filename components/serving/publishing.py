"""How a staged model becomes a version: at once and for good, or not at all."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from components.serving.history import HISTORY, Push, remember_push, write_history
from components.serving.manifest import Manifest
from components.serving.versions import record_version, sync_to_disk

logger = logging.getLogger(__name__)

STAGING = ".staging"  # no number: TensorFlow Serving ignores it


def clear_staging(serving_dir: Path) -> Path:
    """Return where a model is staged, with nothing there: what a killed push left goes."""
    staging = serving_dir / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    return staging


def publish_staged(serving_dir: Path, version: int, manifest: Manifest, before: Sequence[Push]) -> None:
    """Make what is staged a version. Only while the directory is locked, and once the staged files are verified.

    It is written through to the disk, and renamed. A crash before the rename leaves the versions as they were.

    Args:
        serving_dir: Where it is staged.
        version: A number above all that there have ever been.
        manifest: What was written into it.
        before: The history so far, as it was read under the lock.
    """
    staging = serving_dir / STAGING
    record_version(serving_dir, version)
    write_history(serving_dir, before)
    for path in (*staging.rglob("*"), staging):
        sync_to_disk(path)
    staging.rename(serving_dir / str(version))
    sync_to_disk(serving_dir)
    _remember(serving_dir, remember_push(version, manifest), before)


def _remember(serving_dir: Path, push: Push, before: Sequence[Push]) -> None:
    """Only once the version is there: one that never was would be taken for one that was taken back."""
    try:
        write_history(serving_dir, [*before, push])
    except OSError as error:  # it is pushed all the same, and its manifest says so while it is there
        logger.warning("%s: could not be written (%s)", serving_dir / HISTORY, error.strerror)
