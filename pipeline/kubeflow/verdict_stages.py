"""The stages at the end of a run on a cluster: Report tells what became of it, Verdict fails one that is rejected.

Report runs whatever became of the others, so that there is a page and a verdict of every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from components.report.lineage import Origin
from components.report.page import render_page
from components.report.record import Report, describe_verdict, gather_report, list_key_metrics
from pipeline.commands.exit_codes import CODE_OF_VERDICT
from pipeline.commands.plain_text import show_line
from pipeline.kubeflow.changes import CHANGES, KNOWN, Known, read_known
from pipeline.kubeflow.message import Outputs, Task, read_facts
from pipeline.kubeflow.places import find_local_path, restore_artifact
from pipeline.kubeflow.run_artifacts import StageRecord, read_stages
from pipeline.kubeflow.volume import keep_run
from pipeline.origin import describe_origin, describe_recipe

REPORT, VERDICT = "Report", "Verdict"
PAGE, METRICS = "report", "metrics"
# Of HTML, KFP's web page shows the one object at the artifact's address; of metrics, it lists the properties:
# https://github.com/kubeflow/pipelines/blob/2.17.0/frontend/src/components/viewers/MetricsVisualizations.tsx
REPORT_OUTPUTS = {PAGE: "system.HTML", METRICS: "system.Metrics"}

# What a report is read from; of other artifacts, it names number and place.
_READ = ("validation", "model_run", "baseline", "evaluation")
_LOG = "executor-logs"
_LAST, _DATA_GATE = "Pusher", "DataGate"
_DONE = ("COMPLETE", "CACHED")


class ModelRejectedError(RuntimeError):
    """The model was not blessed; the message is the sentence of the check that decided."""


def run_verdict(task: Task) -> Outputs:
    """Fail unless the model was blessed.

    Raises:
        ModelRejectedError: It was not.
    """
    told = {key: restore_artifact(runtime) for key, (runtime,) in task.inputs.items()}
    report = gather_report(told, run_id=task.run_id, started_at="", origin=Origin())
    if report.verdict == "not_blessed" and report.deciding_check:
        raise ModelRejectedError(f"The model was not blessed: {report.deciding_check.reason}")
    return {}


def run_report(task: Task) -> Outputs:
    """Write the page and the numbers of a run, as far as it came, keep them on the volume, and tell of it.

    Raises:
        UnavailableError: ML Metadata or the object store does not answer.
    """
    stages = read_stages(task.run_id)
    known = find_known(stages)
    report = gather_cluster_report(task, stages)
    if known.same_as:
        repeated = gather_cluster_report(task, read_stages(known.same_as))
        report = replace(repeated, started_at=report.started_at, newly_pushed=False)
    page = find_local_path(task.outputs[PAGE]["uri"])
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text := render_page(report), encoding="utf-8")
    reasons = [report.error] if report.error else [check.reason for check in report.failures]
    keep_run(task, report, reasons, text, known)
    code = CODE_OF_VERDICT[report.verdict]
    same = f"Nothing changed since run {known.same_as}. " if known.same_as else ""
    print(show_line(f"Verdict: {report.verdict} (exit code {code}). {same}{describe_outcome(report)}"))
    return {PAGE: {}, METRICS: {"verdict": report.verdict, "exit_code": int(code), **list_key_metrics(report)}}


def find_known(stages: Mapping[str, StageRecord]) -> Known:
    """Return what the first of the stages has said, if it came to that."""
    outputs = stages[CHANGES].outputs if CHANGES in stages else {}
    return read_known(outputs[KNOWN].properties if KNOWN in outputs else {})


def gather_cluster_report(task: Task, stages: Mapping[str, StageRecord]) -> Report:
    """Gather the report of a run from what its stages have left behind.

    Raises:
        UnavailableError: The object store does not answer.
    """
    stages = {name: stage for name, stage in stages.items() if name != REPORT}
    stored = {key: each for stage in stages.values() for key, each in stage.outputs.items() if key not in (_LOG, KNOWN)}
    artifacts = {key: each.fetch() if key in _READ else each.locate() for key, each in stored.items()}
    config = replace(task.config, **read_facts(artifact.properties for artifact in artifacts.values()))
    report = gather_report(
        artifacts,
        run_id=task.run_id,
        started_at=min(stage.started for stage in stages.values()).isoformat(timespec="seconds") if stages else "",
        origin=describe_origin(config, describe_recipe(config)),
    )
    return replace(report, error=find_error(stages, data_rejected=report.verdict == "data_rejected"))


def find_error(stages: Mapping[str, StageRecord], *, data_rejected: bool) -> str:
    """Say why a run did not come to its end; "" where it did, or where it ended because its data was rejected.

    Raises:
        UnavailableError: The object store does not answer.
    """
    for name, stage in stages.items():
        if stage.state == "FAILED" and name != VERDICT and not (name == _DATA_GATE and data_rejected):
            return f"{name} failed: {_read_reason(stage)}."
    if data_rejected or (_LAST in stages and stages[_LAST].state in _DONE):
        return ""
    for name, stage in stages.items():
        if stage.state not in _DONE:
            return f"{name} did not come to its end: its pod was stopped, lost, or had too little memory."
    last = next(reversed([*stages]), "")
    return f"The stage after {last} did not start." if last else "No stage of it started."


def _read_reason(stage: StageRecord) -> str:
    """Return the sentence with which a stage ended, out of its log."""
    beginning = "Error: "
    lines: list[str] = []
    if _LOG in stage.outputs:
        lines = stage.outputs[_LOG].fetch().uri.read_text(encoding="utf-8", errors="replace").splitlines()
    said = next((line for line in reversed(lines) if line.startswith(beginning)), "")
    return said.partition(" failed: ")[2].rstrip(".") or "its log says why"


def describe_outcome(report: Report) -> str:
    """Say in a line what became of a run, and why."""
    if report.error:
        return report.error
    reasons = [f"{check.reason}." for check in report.failures]
    return " ".join([describe_verdict(report), *reasons])
