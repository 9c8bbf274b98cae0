"""Which version a model is compared with: what is pushed now, or what came before it where that is this very model."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from components.serving.integrity import check_model
from components.serving.manifest import ServingError, digest_model, read_model_manifest
from components.serving.versions import find_versions

logger = logging.getLogger(__name__)

# Of a Baseline artifact: not there for none.
VERSION_PROPERTY = "version"


def copy_baseline(serving_dir: Path, version: int | None, candidate: Path, copy: Path) -> int | None:
    """Copy what a candidate is to be compared with, and return its version, None for none.

    Args:
        serving_dir: The serving directory.
        version: What is pushed now, None for nothing.
        candidate: Folder of the SavedModel.
        copy: The folder to make; it is not made where there is nothing.

    Raises:
        ServingError: That version is damaged, or no longer there.
    """
    chosen = None if version is None else choose_baseline(serving_dir, version, digest_model(candidate))
    if chosen is not None:
        source = find_versions(serving_dir)[chosen]
        shutil.copytree(source, copy)
        if check_model(copy, source).state == "foreign":  # the copy, for that is what the Evaluator loads
            logger.warning("%s is foreign: it has no manifest, so nothing is known of it.", source)
    return chosen


def choose_baseline(serving_dir: Path, version: int, digest: str) -> int | None:
    """Return the version to compare a model of that digest with, None for none.

    It is `version`. If that is this very model, pushed by an earlier run, it is what that was compared with: nothing is
    learnt from comparing a model with itself.

    Raises:
        ServingError: `version` is damaged, or no longer there.
    """
    versions = find_versions(serving_dir)
    if version not in versions:
        raise ServingError(f"{serving_dir}: version {version} was deleted since the run began; run it again.")
    check_model(versions[version])
    manifest = read_model_manifest(versions[version])
    if manifest and manifest.digest == digest and manifest.baseline_version in (None, *versions):
        return manifest.baseline_version
    return version
