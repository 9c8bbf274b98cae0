"""What is kept of each run, and what ML Metadata says of it. Imports neither TensorFlow nor TFX."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec

from components.gate.checks import DATA_CHECKS_FILE, GATE_FILE, Check, read_checks
from components.report.lineage import Artifact, Origin, Promotion, read_properties
from components.report.push import read_push

Verdict = Literal["running", "pushed", "not_blessed", "data_rejected", "error"]


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """What `--json` prints and `status` lists; kept as `runs/<run_id>/run.json` from the start of the run."""

    run_id: str
    data: str
    verdict: Verdict = "running"
    accuracy: float | None = None
    baseline_accuracy: float | None = None
    churn: float | None = None
    pushed_version: int | None = None
    newly_pushed: bool = False
    same_answers: int = 0
    serving_path: str | None = None
    report_path: str | None = None
    seconds: float | None = None
    startup_seconds: float | None = None
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    origin: Origin = field(default_factory=Origin)
    promotion: Promotion | None = None
    started_at: str = ""
    process: int = 0
    fingerprint: str = ""
    same_as: str = ""

    @property
    def artifacts_of(self) -> str:
        """The run in ML Metadata whose artifacts are this one's: an earlier one where there was nothing to do."""
        return self.same_as or self.run_id

    def to_json(self) -> str:
        """Return the record on one line."""
        return json.dumps(asdict(self))


def start_record(data: str) -> RunRecord:
    """Make the record of a run that starts now."""
    now = datetime.now(timezone.utc)
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return RunRecord(run_id=run_id, data=data, started_at=now.isoformat(timespec="seconds"), process=os.getpid())


def describe_refusal(data: str, reason: str) -> str:
    """Return what `--json` prints where there was no run at all, because of what was given."""
    record = RunRecord(run_id="", data=data, verdict="error", reasons=[reason])
    return json.dumps({**asdict(record), "run_id": None})


def save_record(output_dir: Path, record: RunRecord) -> Path:
    """Write the record into the folder of its run, whole or not at all, and return that folder."""
    directory = output_dir / "runs" / record.run_id
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / "run.json.new"
    temporary.write_text(record.to_json() + "\n")
    temporary.replace(directory / "run.json")
    return directory


def list_records(output: Path) -> list[RunRecord]:
    """Return the records of all pipelines below `output`, newest first."""
    records = [msgspec.convert(json.loads(path.read_text()), RunRecord) for path in output.glob("*/runs/*/run.json")]
    return sorted(records, key=lambda record: record.run_id, reverse=True)


def is_alive(record: RunRecord) -> bool:
    """Tell whether the process of a run still exists."""
    return record.verdict == "running" and Path(f"/proc/{record.process}").exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the stages of a run left behind; empty where they did not come to it.

    Attributes:
        checks: All that the run had to satisfy: the gate's, or where the data was rejected, those of the data.
        pushed_version: The version that is this run's model, None for none.
        newly_pushed: Whether it was this run that pushed it.
        same_answers: How many evaluation images that version answers alike, where it is known by its answers alone.
    """

    checks: list[Check]
    pushed_version: int | None
    newly_pushed: bool
    same_answers: int


def read_outcome(metadata_path: Path, run_id: str) -> Outcome:
    """Read the outcome of a run back from ML Metadata and the artifacts that it names."""
    outputs = read_outputs(metadata_path, run_id)
    files = (("Evaluator.evaluation", GATE_FILE), ("DataValidator.validation", DATA_CHECKS_FILE))
    paths = [outputs[output].uri / file for output, file in files if output in outputs]
    pushed = read_push(outputs["Pusher.pushed_model"].properties if "Pusher.pushed_model" in outputs else {})
    return Outcome(
        checks=[*(read_checks(paths[0]) if paths else []), *pushed.checks],
        pushed_version=pushed.version,
        newly_pushed=pushed.newly,
        same_answers=pushed.same_answers,
    )


def read_outputs(metadata_path: Path, run_id: str) -> dict[str, Artifact]:
    """Return the artifacts that the stages of a run made or took from the cache, as `Stage.key`; {} without a store."""
    if not metadata_path.exists():
        return {}
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(metadata_path)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    store = ml_metadata.MetadataStore(config)
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    outputs = {}
    for execution in store.get_executions_by_context(run.id) if run else []:
        # Every execution is also in the context of its node, which is called `<pipeline>.<stage>`.
        contexts = store.get_contexts_by_execution(execution.id)
        stage = next(context.name.split(".", 1)[1] for context in contexts if context.type == "node")
        for event in store.get_events_by_execution_ids([execution.id]):
            if event.type == metadata_store_pb2.Event.OUTPUT:
                (artifact,) = store.get_artifacts_by_id([event.artifact_id])
                properties = read_properties(artifact.custom_properties)
                outputs[f"{stage}.{event.path.steps[0].key}"] = Artifact(
                    id=artifact.id, type=artifact.type, uri=Path(artifact.uri), properties=properties
                )
    return outputs
