"""What a run on a cluster leaves on the volume of the models: the record, the page and the alarm of a local run.

So `health`, `status`, `history` and `clean` read there what they read here.
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone

from components.report.record import Report
from components.serving.versions import get_pushed_version
from pipeline.commands.history import refresh_history
from pipeline.commands.messages import explain
from pipeline.commands.notify import tell_run
from pipeline.commands.plain_text import show_line
from pipeline.disk import measure_size
from pipeline.history.timeline import read_time
from pipeline.kubeflow.changes import Known
from pipeline.kubeflow.message import Task
from pipeline.runs import REPORT_FILE, RunRecord, find_next_sequence, list_records, save_record
from pipeline.served import fill_in_drift


def keep_run(task: Task, report: Report, reasons: list[str], page: str, known: Known) -> None:
    """Keep record and page, rewrite the history, and tell whoever wants to hear of runs.

    The report is written already: what goes wrong here is told in the log, and fails nothing. `known` is what the first
    stage said.
    """
    output_dir = task.config.output_dir
    try:
        record = make_record(task, report, reasons, known)
        directory = save_record(output_dir, record)
        (directory / REPORT_FILE).write_text(page, encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is what it is without it
        print(show_line(f"Warning: the run is not on the volume: {explain(error).sentence}."), file=sys.stderr)
        return
    refresh_history(output_dir.parent)
    tell_run(output_dir.parent, task.notify, record, quiet=False, log_file=None)


def make_record(task: Task, report: Report, reasons: list[str], known: Known) -> RunRecord:
    """Make the record of a run that ended, as a local one would have it but for its stages."""
    output_dir = task.config.output_dir
    started = read_time(report.started_at)
    record = RunRecord(
        run_id=task.run_id,
        data=task.config.name,
        verdict=report.verdict,
        accuracy=report.accuracy,
        accuracy_interval=report.accuracy_interval,
        baseline_accuracy=report.baseline_accuracy,
        churn=report.churn.share if report.churn else None,
        pushed_version=report.pushed_version,
        newly_pushed=report.newly_pushed,
        same_answers=report.same_answers,
        served_version=get_pushed_version(task.config.serving_dir),
        serving_path=str(task.config.serving_dir),
        report_path=str(output_dir / "runs" / task.run_id / REPORT_FILE),
        seconds=(datetime.now(timezone.utc) - started).total_seconds() if started else None,
        reasons=reasons,
        origin=report.origin,
        started_at=report.started_at,
        sequence=find_next_sequence(list_records(output_dir.parent)),
        fingerprint=known.fingerprint,
        same_as=known.same_as,
        used_bytes=measure_size(output_dir),
    )
    accuracies = {report.baseline_version: report.baseline_accuracy, report.pushed_version: report.accuracy}
    if record.served_version is not None:
        record.served_accuracy = accuracies.get(record.served_version)
    fill_in_drift(record, report.drift.values())
    return record
