"""Pusher: a blessed model becomes the next version of the serving directory, whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.baseline import COMPARED_PROPERTY, VERSION_PROPERTY
from components.data_validator import DataValidation
from components.serving.model_verifier import VerificationError, verify_copy
from components.serving.versions import (
    DATA_SUMMARY,
    Manifest,
    digest_model,
    get_next_version,
    get_pushed_version,
    read_manifest,
    record_version,
    write_manifest,
)

PUSHED_VERSION_PROPERTY = "pushed_version"
NEWLY_PUSHED_PROPERTY = "newly_pushed"
_STAGING = ".staging"
_LOCK = ".lock"


class PushError(RuntimeError):
    """The model was not pushed; the serving directory is as it was."""


@component
def AtomicPusher(
    model: InputArtifact[standard_artifacts.Model],
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    baseline: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    validation: InputArtifact[DataValidation],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    serving_dir: Parameter[str],
    recipe: Parameter[str],
    run_id: Parameter[str],
) -> None:
    """Push the model if it is blessed and not pushed already, and record the version, 0 where it was not blessed.

    TFX's own Pusher copies in place, so that a crash leaves half a version to be served.

    Raises:
        PushError: The copy does not answer as the model does, or something else was pushed since the evaluation.
    """
    if not blessing.get_int_custom_property("blessed"):
        _record(pushed_model, version=0, newly=False)
        return
    source, target = Path(path_utils.serving_model_path(model.uri)), Path(serving_dir)
    manifest = Manifest(
        digest=digest_model(source),
        recipe=recipe,
        run_id=run_id,
        baseline_version=blessing.get_int_custom_property(COMPARED_PROPERTY),
        pushed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    with lock_serving_dir(target):
        version = get_pushed_version(target)
        current = read_manifest(target, version) if version else None
        # A SavedModel's bytes depend on what its process did before: the same model made again has others.
        already_there = current is not None and (current.digest == manifest.digest or current.recipe == manifest.recipe)
        if not already_there:
            _refuse_other_baseline(baseline.get_int_custom_property(VERSION_PROPERTY), version)
            version = push_model(source, target, manifest, Path(examples.uri, "Split-eval"), Path(validation.uri))
    _record(pushed_model, version=version, newly=not already_there)


def push_model(model_dir: Path, serving_dir: Path, manifest: Manifest, examples_dir: Path, data_summary: Path) -> int:
    """Copy a model into the serving directory as its next version. Only while the directory is locked.

    The summary of its data goes with it, so that what is pushed can always be compared with newer data.

    The copy is staged under a name that TensorFlow Serving ignores, checked in a process of its own against the answers
    of the model in `model_dir` on the examples in `examples_dir`, written through to the disk, and renamed. A crash
    before the rename leaves the versions as they were; what it leaves beside them goes with the next push.

    Raises:
        PushError: The copy does not answer as the model does.
    """
    staging = serving_dir / _STAGING
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(model_dir, staging)
    shutil.copytree(data_summary, staging / DATA_SUMMARY)
    write_manifest(staging, manifest)
    try:
        verify_copy(staging, model_dir, examples_dir)
    except VerificationError as error:
        raise PushError(f"The staged copy of the model was refused and nothing was pushed: {error}") from error
    version = get_next_version(serving_dir)
    record_version(serving_dir, version)
    for path in (*staging.rglob("*"), staging, serving_dir / ".highest_version"):
        sync_to_disk(path)
    staging.rename(serving_dir / str(version))
    sync_to_disk(serving_dir)
    return version


def sync_to_disk(path: Path) -> None:
    """Wait until a file or the entries of a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def lock_serving_dir(serving_dir: Path) -> Iterator[None]:
    """Hold the serving directory for a push; it is made where it is missing, and let go when the process ends."""
    serving_dir.mkdir(parents=True, exist_ok=True)
    with (serving_dir / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse_other_baseline(compared: int, pushed: int) -> None:
    if compared != pushed:
        raise PushError(
            f"The model was compared with {_name_version(compared)}, but {_name_version(pushed)} is pushed now; "
            "nothing was pushed. Run the pipeline again with --no-cache."
        )


def _name_version(version: int) -> str:
    return f"version {version}" if version else "no version"


def _record(pushed: types.Artifact, *, version: int, newly: bool) -> None:
    pushed.set_int_custom_property(PUSHED_VERSION_PROPERTY, version)
    pushed.set_int_custom_property(NEWLY_PUSHED_PROPERTY, int(newly))
