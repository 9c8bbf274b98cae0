"""The command `promote`: a person pushes a model in spite of the gate, and the reason stays with it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from components.report.lineage import Promotion
from components.report.record import MODEL_DIR, read_baseline_version
from components.serving.directory_lock import lock_serving_dir
from components.serving.integrity import verify_model
from components.serving.manifest import Manifest, digest_model, read_model_manifest
from components.serving.versions import find_versions
from pipeline.artifact_files import FILES_PROPERTY, find_damage
from pipeline.commands.console import divert_output
from pipeline.commands.history import refresh_history
from pipeline.commands.report import find_record, refuse_removed, write_report
from pipeline.environment import prepare_environment
from pipeline.reasons import read_reason
from pipeline.runs import read_outputs, save_record


class PromotionError(ValueError):
    """The model cannot be promoted; one sentence says why."""


def promote_run(output: Path, run_id: str, reason: str) -> Promotion:
    """Push the model of a run and keep the reason: in its manifest, in the record of the run, and in its report.

    Raises:
        UnknownRunError: There is no such run.
        RemovedRunError: The run was removed.
        ReasonError: The reason is none that could be kept.
        PromotionError: The run has no evaluated model, or its model is what is pushed.
        PushError: The copy does not answer as the model does; nothing was pushed.
    """
    reason = read_reason(reason)
    record = find_record(output, run_id)
    refuse_removed(record)
    directory = output / record.data
    artifacts = read_outputs(directory / "metadata.sqlite", record.artifacts_of)
    if "Evaluator.evaluation" not in artifacts:
        raise PromotionError(f"{run_id}: this run has no evaluated model ({record.verdict}); promote another.")
    for artifact in artifacts.values():
        if damage := find_damage(artifact.uri, artifact.properties.get(FILES_PROPERTY, "")):
            raise PromotionError(f"{run_id}: its model can't be pushed, {damage}; run the pipeline again.")
    serving_dir = (directory / "serving").resolve()
    model_dir = artifacts["Trainer.model"].uri / MODEL_DIR
    manifest = Manifest(
        digest=digest_model(model_dir),
        recipe=record.origin.recipe,
        run_id=run_id,
        baseline_version=read_baseline_version(artifacts["Baseline.baseline"]),
        pushed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        reason=reason,
    )
    refuse_what_is_pushed(serving_dir, manifest)
    with divert_output(directory / "runs" / run_id / "run.log"):
        examples_dir = artifacts["ExampleGen.examples"].uri / "Split-eval"
        version = push_in_spite(
            model_dir, serving_dir, manifest, examples_dir, artifacts["DataValidator.validation"].uri
        )
    record.promotion = Promotion(version=version, reason=reason, pushed_at=manifest.pushed_at)
    save_record(directory, record)
    write_report(output, record)
    refresh_history(output)
    return record.promotion


def push_in_spite(
    model_dir: Path, serving_dir: Path, manifest: Manifest, examples_dir: Path, data_summary: Path
) -> int:
    """Push a model that the gate has not blessed, and return its version; as `push_model`, without a lock of one's own.

    Raises:
        PromotionError: It is what is pushed.
        PushError: The copy does not answer as the model does; nothing was pushed.
    """
    prepare_environment()
    from components.pusher import push_model  # brings TFX, which takes its time

    with lock_serving_dir(serving_dir):
        refuse_what_is_pushed(serving_dir, manifest)
        return push_model(model_dir, serving_dir, manifest, examples_dir, data_summary)


def refuse_what_is_pushed(serving_dir: Path, manifest: Manifest) -> None:
    """Raise a PromotionError where the model is what is pushed already, and whole."""
    versions = find_versions(serving_dir)
    if not versions or verify_model(versions[max(versions)]).state == "damaged":
        return  # what is damaged is to be replaced
    current = read_model_manifest(versions[max(versions)])
    if current and current.digest == manifest.digest:
        raise PromotionError(
            f"{manifest.run_id}: its model is what is pushed already, version {max(versions)}; there is nothing to do."
        )
