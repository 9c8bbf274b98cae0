"""What is kept of each run, and what ML Metadata says of it. Imports neither TensorFlow nor TFX."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec

from components.gate.checks import DATA_CHECKS_FILE, GATE_FILE, OVERALL, Check, get_failures, read_checks
from components.images.regular_files import read_regular
from components.report.lineage import Artifact, Origin, Promotion, read_properties
from components.report.number_format import without_nan
from components.report.push import read_push
from pipeline.processes import identify_process
from pipeline.removed_runs import REMOVED_RUNS, read_removed
from pipeline.store import check_store, open_store

# In the folder of a run: its page.
REPORT_FILE = "report.html"
_MOST_BYTES = 16 << 20  # of a record: far more than the names and reasons of a run come to

# A run that came to a verdict, as it should: it is for the alarms to say that a model or data was refused.
GOOD_VERDICTS = ("pushed", "not_blessed", "data_rejected")
Verdict = Literal["running", "pushed", "not_blessed", "data_rejected", "error", "interrupted", "damaged"]
FINISHED: tuple[Verdict, ...] = ("pushed", "not_blessed", "data_rejected", "error")


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """What `--json` prints and `status` lists; kept as `runs/<run_id>/run.json` from the start of the run.

    Attributes:
        accuracy_interval: Where the true accuracy lies with 95 % confidence.
        label_shift: The largest change of a class's share, 0 to 1, since the data of what was served when the run
            began, and `shifted_label` that class; None where that is not known.
        pixel_divergence: Of the grey values of the two, in bits, 0 to 1. Both are of the split where it is more.
        served_version: What is served since the end of the run, and `served_accuracy` its accuracy on the run's images.
        used_bytes: What the data set's folder took on the disk when the run ended.
        removed: Whether `clean` removed the run: this record is all that is left of it, in `removed_runs.jsonl`.
        removed_at: When; ISO 8601, UTC.
    """

    run_id: str
    data: str
    verdict: Verdict = "running"
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    baseline_accuracy: float | None = None
    churn: float | None = None
    label_shift: float | None = None
    shifted_label: str = ""
    pixel_divergence: float | None = None
    pushed_version: int | None = None
    newly_pushed: bool = False
    same_answers: int = 0
    served_version: int | None = None
    served_accuracy: float | None = None
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
    process_identity: str = ""
    sequence: int = 0
    fingerprint: str = ""
    same_as: str = ""
    used_bytes: int | None = None
    removed: bool = False
    removed_at: str = ""

    @property
    def artifacts_of(self) -> str:
        """The run in ML Metadata whose artifacts are this one's: an earlier one where there was nothing to do."""
        return self.same_as or self.run_id

    def to_values(self) -> dict[str, Any]:
        """Return the record as what JSON can hold."""
        return without_nan(msgspec.to_builtins(self))

    def to_json(self) -> str:
        """Return the record on one line."""
        return json.dumps(self.to_values())


def start_record(data: str, sequence: int = 0) -> RunRecord:
    """Make the record of a run that starts now, by its number among all runs in the same output."""
    now = datetime.now(timezone.utc)
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    process = os.getpid()
    return RunRecord(
        run_id=run_id,
        data=data,
        started_at=now.isoformat(timespec="seconds"),
        process=process,
        process_identity=identify_process(process),
        sequence=sequence,
    )


def record_refusal(data: str, reason: str) -> RunRecord:
    """Make the record, which is never kept, of a run that could not begin."""
    return RunRecord(run_id="", data=data, verdict="error", reasons=[reason])


def describe_refusal(record: RunRecord) -> str:
    """Return what `--json` prints where there was no run at all, because of what was given."""
    return json.dumps({**record.to_values(), "run_id": None})


def save_record(output_dir: Path, record: RunRecord) -> Path:
    """Write the record into the folder of its run, whole or not at all, and return that folder."""
    directory = output_dir / "runs" / record.run_id
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / "run.json.new"
    try:
        temporary.write_text(record.to_json() + "\n")
        temporary.replace(directory / "run.json")
    except OSError:
        temporary.unlink(missing_ok=True)
        with suppress(OSError):  # there is something else in it
            directory.rmdir()
        raise
    return directory


def find_next_sequence(records: Iterable[RunRecord]) -> int:
    """Return the number of the next run after those of an output folder."""
    return max((record.sequence for record in records), default=0) + 1


def find_previous(output: Path, record: RunRecord) -> RunRecord | None:
    """Return the run on the same data that came to an end before `record`; interrupted and damaged ones did not."""
    earlier = (each for each in list_records(output) if each.data == record.data and each.run_id != record.run_id)
    finished = (each for each in earlier if each.verdict in FINISHED)
    return next((each for each in finished if each.sequence <= record.sequence), None)


def list_records(output: Path) -> list[RunRecord]:
    """Return the records of all pipelines below `output` that can be read, newest first."""
    return [record for record in read_records(output) if record.verdict != "damaged"]


def read_records(output: Path) -> list[RunRecord]:
    """Return the records of all pipelines below `output`, newest first; of those that can't be read, why not.

    The order is that in which they were started: the clock, which the name of a run is from, may have been set back.
    Of a run that was removed there is the record that was kept of it; where `clean` was killed there are both.
    """
    paths = [directory / "run.json" for directory in output.glob("*/runs/*")]
    records = [_read_record(path) for path in paths if os.path.lexists(path)]  # one that leads nowhere, too
    present = {(record.data, record.run_id) for record in records}
    removed = [record for path in output.glob(f"*/{REMOVED_RUNS}") for record in read_removed_runs(path)]
    records += [record for record in removed if (record.data, record.run_id) not in present]
    return sorted(records, key=lambda record: (record.sequence, record.run_id), reverse=True)


def read_removed_runs(path: Path) -> list[RunRecord]:
    """Return the records of removed runs, and one damaged record for all lines that are none."""
    data = path.parent.name
    lines, problem = read_removed(path)
    read = [(number, _convert_line(line, data)) for number, line in lines]
    found = {record.run_id: record for _, record in read if isinstance(record, RunRecord)}
    problems = [f"line {number}: {reason}" for number, reason in read if isinstance(reason, str)]
    if problem or problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        sentence = f"{path}: records of removed runs that can't be read ({problem or problems[0]}{more}); restore them."
        found[""] = RunRecord(run_id=path.name, data=data, verdict="damaged", reasons=[sentence])
    return list(found.values())


def _convert_line(line: bytes, data: str) -> RunRecord | str:
    """Return the record of a removed run, or why it is none."""
    try:
        record = _decode(line)
    except (ValueError, RecursionError) as error:
        return str(error) or type(error).__name__
    return replace(record, data=data, removed=True)


def _read_record(path: Path) -> RunRecord:
    run_id, data = path.parent.name, path.parents[2].name
    try:
        if not (text := read_regular(path, _MOST_BYTES).strip()):
            raise ValueError("it is empty")
        record = _decode(text)
        if (record.run_id, record.data) != (run_id, data):  # a copy: its names lead elsewhere
            raise ValueError(f"it is of {record.data}, {record.run_id}")
        return record
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, RecursionError) as error:  # JSON, its characters, a type or a value
        reason = str(error) or type(error).__name__
    sentence = f"{path}: no record of a run that can be read ({reason}); restore it, or delete the folder of that run."
    return RunRecord(run_id=run_id, data=data, verdict="damaged", reasons=[sentence])


def _decode(text: bytes) -> RunRecord:
    try:
        return msgspec.json.decode(text, type=RunRecord)
    except (ValueError, RecursionError):  # NaN, which is no JSON; and what is wrong is told best by json
        return msgspec.convert(json.loads(text), RunRecord)


def is_alive(record: RunRecord) -> bool:
    """Tell whether the process of a run still exists, and is no other one that got its number later."""
    if record.verdict != "running" or record.process < 1:
        return False
    identity = identify_process(record.process)
    return bool(identity) and record.process_identity in ("", identity)


def find_verdict(record: RunRecord) -> Verdict:
    """Return the verdict as it stands now: a run whose process is gone was interrupted."""
    return "interrupted" if record.verdict == "running" and not is_alive(record) else record.verdict


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


def record_outcome(record: RunRecord, outcome: Outcome) -> None:
    """Fill in what came of a run whose model was evaluated: the verdict, why, and the numbers beside it."""
    checks = {check.name: check for check in outcome.checks if check.slice == OVERALL}
    overall = {name: check.value for name, check in checks.items()}
    record.accuracy, record.accuracy_interval = overall["accuracy"], checks["accuracy"].interval
    change = overall.get("change of accuracy")
    record.baseline_accuracy = None if change is None or record.accuracy is None else record.accuracy - change
    record.churn = overall.get("churn")
    record.reasons = get_failures(outcome.checks)
    if record.reasons:
        record.verdict = "not_blessed"
        return
    record.verdict = "pushed"
    record.pushed_version = outcome.pushed_version
    record.newly_pushed, record.same_answers = outcome.newly_pushed, outcome.same_answers


def read_outputs(metadata_path: Path, run_id: str) -> dict[str, Artifact]:
    """Return the artifacts that the stages of a run made or took from the cache, as `Stage.key`; {} without a store.

    Raises:
        StoreError: There is one, but it can't be read.
    """
    if not check_store(metadata_path):
        return {}
    with open_store(metadata_path) as store:
        return _query_outputs(store, run_id)


def _query_outputs(store: Any, run_id: str) -> dict[str, Artifact]:
    from ml_metadata.proto import metadata_store_pb2

    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    outputs = {}
    for execution in store.get_executions_by_context(run.id) if run else []:
        # Every execution is also in the context of its node, which is called `<pipeline>.<stage>`.
        contexts = store.get_contexts_by_execution(execution.id)
        stage = next(context.name.split(".", 1)[1] for context in contexts if context.type == "node")
        for event in store.get_events_by_execution_ids([execution.id]):
            if event.type != metadata_store_pb2.Event.OUTPUT:
                continue
            for artifact in store.get_artifacts_by_id([event.artifact_id]):  # none, where the disk was full just then
                properties = read_properties(artifact.custom_properties)
                outputs[f"{stage}.{event.path.steps[0].key}"] = Artifact(
                    id=artifact.id,
                    type=artifact.type,
                    uri=Path(artifact.uri),
                    properties=properties,
                    deleted=artifact.state == metadata_store_pb2.Artifact.DELETED,
                )
    return outputs
