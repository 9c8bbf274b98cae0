"""A run that would take every stage from the cache: known from the last one's record, without importing TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from components.serving.integrity import verify_model
from components.serving.versions import find_versions
from pipeline.artifact_files import FILES_PROPERTY, find_damage
from pipeline.config import PipelineConfig
from pipeline.fingerprint import fingerprint_project, fingerprint_values
from pipeline.runs import RunRecord, read_outputs
from pipeline.store import StoreError

# Options that say where a run is done, and not what.
_WHERE = ("engine", "engine_address", "worker_pool", "asked_pool", "workers")


def fingerprint_run(config: PipelineConfig) -> str:
    """Return the SHA-256 of all that a run depends on: data, options, every source of the project, releases."""
    values = {name: str(value) for name, value in asdict(config).items() if name not in _WHERE}
    return fingerprint_values(config=values, sources=fingerprint_project())


def find_unchanged(
    config: PipelineConfig, fingerprint: str, records: Iterable[RunRecord], has_artifacts: Callable[[str], bool]
) -> RunRecord | None:
    """Return the latest of the records, newest first, with that fingerprint, if one more like it would change nothing.

    That is so where its model is what is pushed now, as it was pushed, and, as `has_artifacts` says of a run, all its
    artifacts are still there.
    """
    last = next(
        (record for record in records if record.fingerprint == fingerprint and record.data == config.name), None
    )
    if last is None or last.removed or last.verdict != "pushed" or not config.cache or config.require_gpu:
        return None
    versions = find_versions(config.serving_dir)
    if not versions or max(versions) != last.pushed_version:
        return None
    if verify_model(versions[max(versions)]).state not in ("verified", "older_manifest"):
        return None
    return last if has_artifacts(last.artifacts_of) else None


def has_whole_artifacts(metadata_path: Path, run_id: str) -> bool:
    """Tell whether all that a run here has made is still there, file by file."""
    try:
        outputs = read_outputs(metadata_path, run_id).values()
    except StoreError:  # which the run will tell of
        return False
    whole = not any(each.deleted or find_damage(each.uri, each.properties.get(FILES_PROPERTY, "")) for each in outputs)
    return bool(outputs) and whole


def repeat_outcome(record: RunRecord, last: RunRecord) -> None:
    """Fill in the record of a run in which there is nothing to do, from that of the last one."""
    record.same_as = last.artifacts_of
    record.verdict, record.accuracy, record.baseline_accuracy = last.verdict, last.accuracy, last.baseline_accuracy
    record.accuracy_interval, record.churn = last.accuracy_interval, last.churn
    record.pushed_version, record.serving_path, record.origin = last.pushed_version, last.serving_path, last.origin
    record.same_answers = last.same_answers
    record.startup_seconds = 0.0
    record.stages = {name: {"seconds": 0.0, "cached": True} for name in last.stages}
