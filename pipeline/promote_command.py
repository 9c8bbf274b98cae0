"""The command `promote`: a person pushes a model in spite of the gate, and the reason stays with it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from components.lineage import Promotion
from components.serving import Manifest, digest_model, get_pushed_version, read_manifest
from pipeline.environment import prepare_environment
from pipeline.report_command import find_record, write_report
from pipeline.runs import RunRecord, read_outputs, save_record


class PromotionError(ValueError):
    """The model cannot be promoted; one sentence says why."""


def promote_run(output: Path, run_id: str, reason: str) -> int:
    """Push the model of a run and keep the reason: in its manifest, in the record of the run, and in its report.

    Returns:
        The version that it became.

    Raises:
        UnknownRunError: There is no such run.
        PromotionError: There is no reason, the run has no evaluated model, or its model is what is pushed.
        PushError: The copy does not answer as the model does; nothing was pushed.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise PromotionError('--reason "": expected a sentence that says why the model ships in spite of the gate.')
    record = find_record(output, run_id)
    directory = output / record.data
    metadata_path = directory / "metadata.sqlite"
    artifacts = read_outputs(metadata_path, run_id) if metadata_path.exists() else {}
    if "Evaluator.evaluation" not in artifacts:
        raise PromotionError(f"{run_id}: this run has no evaluated model ({record.verdict}); promote another.")
    serving_dir = (directory / "serving").resolve()
    model_dir = artifacts["Trainer.model"].uri / "Format-Serving"
    manifest = Manifest(
        digest=digest_model(model_dir),
        recipe=record.origin.get("recipe", ""),
        run_id=run_id,
        baseline_version=artifacts["Baseline.baseline"].properties.get("version", 0),
        pushed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        reason=reason,
    )
    _refuse_what_is_pushed(serving_dir, manifest)
    prepare_environment()
    from components.pusher import lock_serving_dir, push_model  # brings TFX, which takes its time

    with lock_serving_dir(serving_dir):
        _refuse_what_is_pushed(serving_dir, manifest)
        version = push_model(
            model_dir,
            serving_dir,
            manifest,
            artifacts["ExampleGen.examples"].uri / "Split-eval",
            artifacts["DataValidator.validation"].uri,
        )
    _record_promotion(output, record, Promotion(version=version, reason=reason, pushed_at=manifest.pushed_at))
    return version


def _refuse_what_is_pushed(serving_dir: Path, manifest: Manifest) -> None:
    version = get_pushed_version(serving_dir)
    current = read_manifest(serving_dir, version) if version else None
    if current and current.digest == manifest.digest:
        raise PromotionError(f"{manifest.run_id}: its model is what is pushed already, version {version}.")


def _record_promotion(output: Path, record: RunRecord, promotion: Promotion) -> None:
    record.promotion = asdict(promotion)
    save_record(output / record.data, record)
    write_report(output, record)
