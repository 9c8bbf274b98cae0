"""The command `history`, and the page that every command rewrites which changes what it tells."""

from __future__ import annotations

import sys
import webbrowser
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from components.serving.history import read_history
from components.serving.manifest import ServingError
from components.serving.versions import get_pushed_version
from pipeline.commands.messages import explain, name_place
from pipeline.commands.plain_text import show_line
from pipeline.history.page import MOST_LISTED, DataSet, render_history
from pipeline.history.timeline import group_by_data
from pipeline.output_folder import wait_for_lock
from pipeline.runs import REPORT_FILE, RunRecord, read_records

HISTORY_FILE = "index.html"
_LOCK_FILE = ".history.lock"


class NoRunsError(ValueError):
    """There is nothing to tell of; one sentence says so."""


def show_history(output: Path, *, open_browser: bool) -> None:
    """Write the page of all runs, and print where it is.

    Raises:
        NoRunsError: There are none.
    """
    if not any(output.glob("*/runs")):  # it may be a folder of something else, in which nothing is to be written
        raise NoRunsError(_describe_none(output))
    path = write_history(output)
    print(path)
    if open_browser:
        webbrowser.open(path.resolve().as_uri())


def refresh_history(output: Path) -> None:
    """Write the page again after a command that changed what it tells.

    That command has done its work: where the page can't be written, that is told in a sentence, and nothing else.
    """
    try:
        write_history(output)
    except NoRunsError:  # there are versions alone, and nothing to tell
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, no run fails for it
        sentence = f"Warning: {output / HISTORY_FILE} is not up to date: {explain(error).sentence}."
        with suppress(OSError):
            print(show_line(sentence), file=sys.stderr, flush=True)


def write_history(output: Path) -> Path:
    """Write the page of all runs below `output`, whole or not at all, and return where it is.

    Records are read once nobody else writes the page, so that the last who writes it knows of all.

    Raises:
        NoRunsError: There are none.
        BusyError: Another process has been at it for long.
        OSError: It can't be written.
    """
    path = output / HISTORY_FILE
    temporary = path.with_suffix(".new")
    with name_place(path), wait_for_lock(output / _LOCK_FILE):
        if not (groups := group_by_data(read_records(output))):
            raise NoRunsError(_describe_none(output))
        data_sets = [_read_data_set(output, name, records) for name, records in groups.items()]
        page = render_history(data_sets, REPORT_FILE, datetime.now(timezone.utc))
        try:
            temporary.write_text(page, encoding="utf-8", errors="replace")
            return temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _describe_none(output: Path) -> str:
    return f"history: no runs in {output}; start one, python run_pipeline.py, or name their folder with --output."


def _read_data_set(output: Path, name: str, records: list[RunRecord]) -> DataSet:
    serving_dir, runs_dir = output / name / "serving", output / name / "runs"
    try:
        pushes, note = read_history(serving_dir), ""
    except ServingError as error:
        pushes, note = [], f"What people pushed and took back is not known: {error}"
    run_ids = [record.run_id for record in records[:MOST_LISTED]]
    return DataSet(
        name=name,
        records=records,
        served_version=get_pushed_version(serving_dir),
        pushes=pushes,
        pages=frozenset(run_id for run_id in run_ids if (runs_dir / run_id / REPORT_FILE).is_file()),
        note=note,
    )
