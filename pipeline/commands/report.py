"""The commands `report` and `compare`: runs read back from ML Metadata and their artifacts, without TensorFlow."""

from __future__ import annotations

import json
import webbrowser
from dataclasses import asdict, replace
from pathlib import Path

from components.report.lineage import Artifact
from components.report.page import render_page
from components.report.record import Report, gather_report, to_json
from pipeline.artifact_files import FILES_PROPERTY, find_damage
from pipeline.runs import REPORT_FILE, RunRecord, read_outputs, read_records
from pipeline.store import StoreError

# The artifacts that a report is made of, by the names that their stages give them.
_READ = {"validation", "model_run", "baseline", "evaluation"}
_DECIDED = ("pushed", "not_blessed", "data_rejected")


class DamagedRunError(RuntimeError):
    """Of this run is less there than there was; one sentence says what, and what is still known."""


class RemovedRunError(ValueError):
    """The run was removed; one sentence says when, and what is still known."""


class UnknownRunError(ValueError):
    """There is no such run, or nothing is left of it; one sentence says which there are."""


def find_record(output: Path, run_id: str | None) -> RunRecord:
    """Return the record of a run below `output`; without a name, of the latest that can be read.

    Raises:
        UnknownRunError: There is none.
        DamagedRunError: It can't be read.
    """
    records = read_records(output)
    damaged = [record for record in records if record.verdict == "damaged"]
    for record in damaged:
        if record.run_id == run_id:
            raise DamagedRunError(record.reasons[0])
    records = [record for record in records if record not in damaged]
    found = [record for record in records if run_id == record.run_id or (run_id is None and not record.removed)]
    if not found:
        latest = f"the latest is {records[0].run_id}" if records else "there is none yet"
        raise UnknownRunError(f"{run_id or 'report'}: no such run in {output}; {latest} (see status).")
    return found[0]


def read_report(output: Path, record: RunRecord) -> Report:
    """Gather the report of a run.

    Raises:
        RemovedRunError: The run was removed.
        UnknownRunError: The run left no artifacts.
        DamagedRunError: What it left is no longer whole.
    """
    refuse_removed(record)
    try:
        outputs = read_outputs(output / record.data / "metadata.sqlite", record.artifacts_of)
    except StoreError as error:
        raise DamagedRunError(_describe_loss(output, record, str(error))) from error
    for damage in (_find_damage(each) for key, each in outputs.items() if key.partition(".")[2] in _READ):
        if damage:
            raise DamagedRunError(_describe_loss(output, record, damage))
    if not outputs and record.verdict in _DECIDED:
        raise DamagedRunError(_describe_loss(output, record, "ML Metadata has nothing of it any more"))
    if not outputs:
        raise UnknownRunError(f"{record.run_id}: this run left nothing to report; see its run.log.")
    report = gather_report(
        {key.split(".", 1)[1]: artifact for key, artifact in outputs.items()},
        run_id=record.run_id,
        started_at=record.started_at,
        origin=record.origin,
        promotion=record.promotion,
        error=" ".join(record.reasons) if record.verdict in ("error", "interrupted") else "",
    )
    return replace(report, newly_pushed=report.newly_pushed and not record.same_as)


def refuse_removed(record: RunRecord) -> None:
    """Refuse a run of which there is nothing but its record.

    Raises:
        RemovedRunError: It was removed.
    """
    if record.removed:
        raise RemovedRunError(
            f"{record.run_id}: this run was removed on {record.removed_at[:10]}; it was {_tell_outcome(record)}."
        )


def _tell_outcome(record: RunRecord) -> str:
    accuracy = "" if record.accuracy is None else f", accuracy {record.accuracy:.4f}"
    return f"{record.verdict.replace('_', ' ')}{accuracy}"


def _find_damage(artifact: Artifact) -> str:
    return find_damage(artifact.uri, artifact.properties.get(FILES_PROPERTY, ""))


def _describe_loss(output: Path, record: RunRecord, loss: str) -> str:
    """Say why there can be no new report, and what is still known: a page is never replaced by one that says less."""
    page = output / record.data / "runs" / record.run_id / REPORT_FILE
    kept = f"the page of that time is kept, {page}" if page.is_file() else f"run.log in {page.parent} tells more"
    return (
        f"{record.run_id}: no new report can be made, {loss.rstrip('.')}; it was {_tell_outcome(record)}, and {kept}."
    )


def write_report(output: Path, record: RunRecord, report: Report | None = None) -> Path:
    """Write the page of a run into its folder, whole or not at all, and return where it is.

    Raises:
        UnknownRunError: The run left no artifacts.
    """
    path = output / record.data / "runs" / record.run_id / REPORT_FILE
    temporary = path.with_suffix(".new")
    temporary.write_text(render_page(report or read_report(output, record)), encoding="utf-8")
    return temporary.replace(path)


def show_report(output: Path, run_id: str | None, kind: str, *, open_browser: bool) -> None:
    """Print a report as text or JSON, or write the page and print where it is.

    Raises:
        UnknownRunError: There is no such run, or it left no artifacts.
    """
    record = find_record(output, run_id)
    report = read_report(output, record)
    if kind == "json":
        print(json.dumps(to_json(report)))
    elif kind == "text":
        from pipeline.commands.report_text import print_report

        print_report(report)
    if kind == "html" or open_browser:
        path = write_report(output, record, report)
        if kind == "html":
            print(path)
        if open_browser:
            webbrowser.open(path.resolve().as_uri())


def show_comparison(output: Path, run_ids: tuple[str, str], *, as_json: bool) -> None:
    """Print two runs side by side.

    Raises:
        UnknownRunError: There is no such run, or it left no artifacts.
    """
    from pipeline.commands.comparison import compare_reports, print_comparison

    first, second = (read_report(output, find_record(output, run_id)) for run_id in run_ids)
    rows = compare_reports(first, second)
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        print_comparison(run_ids, rows)
