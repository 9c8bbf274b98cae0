"""Pusher: a blessed model becomes the next version of the serving directory, whole or not at all."""

import logging
import shutil
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.baseline import COMPARED_PROPERTY, get_version
from components.data_validator import DataValidation
from components.report.push import (
    NEWLY_PROPERTY,
    RECIPE_PROPERTY,
    ROLLBACK_PROPERTY,
    SAME_ANSWERS_PROPERTY,
    WITHHELD_PROPERTY,
    Push,
)
from components.report.push import VERSION_PROPERTY as PUSHED_VERSION_PROPERTY
from components.serving import history
from components.serving.baseline_choice import VERSION_PROPERTY
from components.serving.directory_lock import lock_serving_dir
from components.serving.integrity import verify_model
from components.serving.manifest import (
    DATA_SUMMARY,
    Manifest,
    ServingError,
    digest_model,
    read_model_manifest,
    write_manifest,
)
from components.serving.model_verifier import VerificationError, verify_copy
from components.serving.publishing import clear_staging, publish_staged
from components.serving.versions import find_versions, get_next_version, get_pushed_version

logger = logging.getLogger(__name__)


class PushError(ServingError):
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
    accept: Parameter[int],
) -> None:
    """Push the model if it is blessed, not pushed already, and not taken back; record what was done.

    TFX's own Pusher copies in place, so that a crash leaves half a version to be served.

    Raises:
        ServingError: The copy does not answer as the model does, or something else was pushed since the evaluation.
    """
    pushed_model.set_string_custom_property(RECIPE_PROPERTY, recipe)  # for whoever promotes the model elsewhere
    source, target = Path(path_utils.serving_model_path(model.uri)), Path(serving_dir)
    if not blessing.get_int_custom_property("blessed"):
        _record(pushed_model, Push(rollback=_describe_served(target)))
        return
    examples_dir = Path(examples.uri, "Split-eval")
    manifest = Manifest(
        digest=digest_model(source),
        recipe=recipe,
        run_id=run_id,
        baseline_version=get_version(blessing, COMPARED_PROPERTY),
        pushed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    with lock_serving_dir(target):
        push = find_same_model(target, source, manifest, examples_dir)
        pushes = history.read_history(target)
        taken_back = history.find_taken_back(pushes, manifest.digest, recipe)
        if push is None and taken_back is not None and not accept:
            how = history.describe_taken_back(pushes, taken_back)
            push = Push(
                withheld=f"version {taken_back}, of the same recipe, was taken back: {how}; "
                "push it again with --accept, or train otherwise"
            )
        if push is None:
            _refuse_other_baseline(get_version(baseline, VERSION_PROPERTY), get_pushed_version(target))
            version = push_model(source, target, manifest, examples_dir, Path(validation.uri))
            push = Push(version=version, newly=True)
        _record(pushed_model, replace(push, rollback=_describe_served(target)))


def find_same_model(serving_dir: Path, model_dir: Path, manifest: Manifest, examples_dir: Path) -> Push | None:
    """Return what is pushed, if it is this model: by its digest, or by its answers; None if it is another.

    The bytes of a SavedModel depend on what its process did before, so one that is trained again by the same recipe is
    asked: on the same machine it mostly gives the same answers to the bit, on another one hardly ever.
    """
    versions = find_versions(serving_dir)
    if not versions or verify_model(versions[max(versions)]).state == "damaged":
        return None
    current = read_model_manifest(versions[max(versions)])
    if current is None or (current.digest != manifest.digest and current.recipe != manifest.recipe):
        return None
    if current.digest == manifest.digest:
        return Push(version=max(versions))
    try:
        images = verify_copy(versions[max(versions)], model_dir, examples_dir)
    except VerificationError as error:
        logger.info("Version %d is of the same recipe, and another model: %s", max(versions), error)
        return None
    return Push(version=max(versions), same_answers=images)


def push_model(model_dir: Path, serving_dir: Path, manifest: Manifest, examples_dir: Path, data_summary: Path) -> int:
    """Copy a model into the serving directory as its next version. Only while the directory is locked.

    The summary of its data goes with it, so that what is pushed can always be compared with newer data.

    The copy is staged under a name that TensorFlow Serving ignores, checked in a process of its own against the answers
    of the model in `model_dir` on the examples in `examples_dir`, written through to the disk, and renamed. A crash
    before the rename leaves the versions as they were; what it leaves beside them goes with the next push.

    Raises:
        PushError: The copy does not answer as the model does.
        ServingError: A record in the directory cannot be read.
    """
    before = history.read_history(serving_dir)
    version = get_next_version(serving_dir)
    staging = clear_staging(serving_dir)
    shutil.copytree(model_dir, staging)
    shutil.copytree(data_summary, staging / DATA_SUMMARY)
    write_manifest(staging, manifest)
    try:
        verify_copy(staging, model_dir, examples_dir)
    except VerificationError as error:
        raise PushError(f"The staged copy of the model was refused and nothing was pushed: {error}") from error
    publish_staged(serving_dir, version, manifest, before)
    return version


def _refuse_other_baseline(compared: int | None, pushed: int | None) -> None:
    if compared != pushed:
        raise PushError(
            f"The model was compared with {_name_version(compared)}, but {_name_version(pushed)} is pushed now; "
            "nothing was pushed. Run the pipeline again with --no-cache."
        )


def _describe_served(serving_dir: Path) -> str:
    try:
        return history.describe_served(history.read_history(serving_dir), get_pushed_version(serving_dir))
    except ServingError:  # a model that is not pushed needs no history
        return ""


def _name_version(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"


def _record(pushed: types.Artifact, push: Push) -> None:
    if push.version is not None:
        pushed.set_int_custom_property(PUSHED_VERSION_PROPERTY, push.version)
    pushed.set_int_custom_property(NEWLY_PROPERTY, int(push.newly))
    pushed.set_int_custom_property(SAME_ANSWERS_PROPERTY, push.same_answers)
    if push.withheld:
        pushed.set_string_custom_property(WITHHELD_PROPERTY, push.withheld)
    if push.rollback:
        pushed.set_string_custom_property(ROLLBACK_PROPERTY, push.rollback)
