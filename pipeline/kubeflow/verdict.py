"""What became of a run on a cluster, in the words of a local one, from what its stages wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from components.gate.checks import DATA_CHECKS_FILE, GATE_FILE, OVERALL, Check, get_failures
from components.report.push import read_push
from pipeline.kubeflow.changes import CHANGES, KNOWN, read_known
from pipeline.kubeflow.client import Client
from pipeline.kubeflow.metadata import RunMetadata, StoredArtifact
from pipeline.kubeflow.pods import Pods
from pipeline.kubeflow.stages import read_stages
from pipeline.kubeflow.transport import KubeflowError
from pipeline.runs import Outcome, RunRecord, record_outcome

# The stage that says no to the data.
_DATA_GATE = "DataGate"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRun:
    """A run that has ended.

    Attributes:
        record: As a local run keeps one.
        images: How many evaluation images its accuracy is of; 0 where no model was evaluated.
    """

    record: RunRecord
    images: int


def judge_run(client: Client, run: Any) -> JudgedRun:
    """Say what became of a run that has ended, a V2beta1Run.

    Raises:
        KubeflowError: It succeeded, but what it wrote is not to be had.
    """
    stages = read_stages(run)
    record = RunRecord(run_id=str(run.run_id), data=client.config.pipeline_name, verdict="error")
    record.stages = {stage.name: {"seconds": stage.seconds} for stage in stages}
    if run.created_at and run.finished_at:
        record.started_at = run.created_at.isoformat(timespec="seconds")
        record.seconds = (run.finished_at - run.created_at).total_seconds()
    metadata = RunMetadata(client.transport, client.config.namespace)
    try:
        outputs = metadata.read_outputs(record.run_id)
        if first := outputs.get(f"{CHANGES}.{KNOWN}"):
            record.same_as = read_known(first.properties).same_as
        written = _read_checks(metadata, metadata.read_outputs(record.same_as) if record.same_as else outputs)
    except KubeflowError as error:
        if run.state == "SUCCEEDED":
            sentence = f"run {record.run_id} has succeeded, but its verdict can't be read: {error}"
            raise type(error)(sentence) from error
        written = _Written(data=[], gate=[], pushed={})
    accuracy = next((check for check in written.gate if (check.name, check.slice) == ("accuracy", OVERALL)), None)
    if accuracy:
        record_outcome(record, written.make_outcome())
        record.newly_pushed = record.newly_pushed and not record.same_as
    if run.state == "SUCCEEDED" and not accuracy:
        record.reasons = ["the run has succeeded, but evaluated no model; it is none of this pipeline"]
    elif run.state != "SUCCEEDED" and record.verdict != "not_blessed":
        _record_failure(record, client, run, get_failures(written.data))
    return JudgedRun(record=record, images=(accuracy.images or 0) if accuracy else 0)


def _record_failure(record: RunRecord, client: Client, run: Any, data_failures: list[str]) -> None:
    """Fill in why a run did not succeed."""
    failed = [stage.name for stage in read_stages(run) if stage.state == "failed"]
    record.verdict = "data_rejected" if _DATA_GATE in failed and data_failures else "error"
    if run.state == "CANCELED":
        record.verdict, record.reasons = "error", ["it was terminated"]
    elif record.verdict == "data_rejected":
        record.reasons = data_failures
    elif failed:
        pods = Pods(client.transport, record.run_id)
        found = pods.read()
        record.reasons = [
            f"{name} failed: {pods.explain_failure(found.get(name)) or 'its log says why'}" for name in failed
        ]
    else:
        record.reasons = ["no stage of it failed; its page says more"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What the stages of a run wrote: checks of the data and of the model, and what the Pusher did."""

    data: list[Check]
    gate: list[Check]
    pushed: Mapping[str, Any]

    def make_outcome(self) -> Outcome:
        push = read_push(self.pushed)
        return Outcome(
            checks=[*self.gate, *push.checks],
            pushed_version=push.version,
            newly_pushed=push.newly,
            same_answers=push.same_answers,
        )


def _read_checks(metadata: RunMetadata, outputs: Mapping[str, StoredArtifact]) -> _Written:
    """Fetch what the verdict is read from.

    Raises:
        KubeflowError: It is not to be had.
    """

    def read(output: str, file: str) -> list[Check]:
        if output not in outputs:
            return []
        try:
            return msgspec.json.decode(metadata.fetch_file(outputs[output], file), type=list[Check])
        except msgspec.DecodeError as error:
            raise KubeflowError(
                f"{outputs[output].uri}/{file}: no checks of this pipeline ({error}); run it again"
            ) from error

    pushed = outputs.get("Pusher.pushed_model")
    return _Written(
        data=read("DataValidator.validation", DATA_CHECKS_FILE),
        gate=read("Evaluator.evaluation", GATE_FILE),
        pushed=pushed.properties if pushed else {},
    )
