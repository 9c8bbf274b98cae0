"""What a person sees: names are never markup and never commands, and they never push the numbers away."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from components.report.lineage import Promotion
from pipeline.commands.console import StageDisplay, Terminal, make_table, print_status, shorten_name
from pipeline.runs import RunRecord


def show(*things: Any, **options: Any) -> str:
    stream = io.StringIO()
    console = Terminal(file=stream, width=160, **options)
    for thing in things:
        console.print(thing)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["[/bold]", "[red]x", "a\\[b", ":smile:"])
def test_a_name_is_never_markup(name: str) -> None:
    table = make_table("Class")
    table.add_row(Text(name))
    assert name in show(table)


def test_what_a_terminal_would_obey_is_shown_and_colours_stay() -> None:
    shown = show(Text("\x1b]0;title\x07 \x1b[2J", "red"), force_terminal=True, color_system="standard")
    assert "␛]0;title␇ ␛[2J" in shown or "␛]0;title ␛[2J" in shown
    assert shown.startswith("\x1b[31m")
    assert shown.count("\x1b") == 2


def test_a_long_name_leaves_the_numbers_where_they_can_be_seen() -> None:
    table = make_table("Class", ">Images")
    table.add_row(Text("x" * 300), "1,234")
    (row,) = show(table).splitlines()[1:]
    assert row.rstrip().endswith("…   1,234")
    assert len(row) < 80
    assert shorten_name("y" * 300, 24) == "y" * 22 + "…"
    assert shorten_name("Bag", 24) == "Bag"


def test_status_shows_the_year_where_it_is_another_one(capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(timezone.utc)
    times = (now.isoformat(), "2019-03-04T12:00:00+00:00", "no time", "")
    print_status([RunRecord(run_id=str(index), data="sample", started_at=text) for index, text in enumerate(times)])
    rows = capsys.readouterr().out.splitlines()[1:]
    assert "04 Mar 2019" in rows[1]
    assert f" {now.year} " not in rows[0]
    assert [row.split()[0] for row in rows[2:]] == ["2", "3"]


def test_a_long_reason_does_not_push_the_other_columns_away(capsys: pytest.CaptureFixture[str]) -> None:
    promotion = Promotion(version=1, reason="because " * 60, pushed_at="")
    print_status([RunRecord(run_id="20250101-000000-aaaa", data="sample", accuracy=0.875, promotion=promotion)])
    row = "20250101-000000-aaaa  sample  interrupted    0.8750         version 1 (by a person: because"
    assert row in capsys.readouterr().out


def test_without_a_terminal_no_line_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    with StageDisplay(stream, quiet=False) as display:
        display.print("word " * 60)
        display.start_stage("Trainer")
        display.emit(logging.LogRecord("components.trainer", logging.WARNING, "", 0, "warn " * 60, None, None))
        display.end_stage("Trainer", 1.5, cached=False, note="note " * 20)
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["word", "warn", "✓"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's device that is always full")
def test_a_full_disk_takes_no_traceback_and_what_follows_is_told() -> None:
    script = """
from pathlib import Path
from pipeline.commands.console import divert_output, log_exception
with divert_output(Path("/dev/full")) as terminal:
    try:
        raise ValueError("why")
    except ValueError:
        log_exception()
    terminal.write("told")
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "told")
