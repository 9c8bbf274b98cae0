"""The page of all runs is written whole or not at all, and never at the cost of a run."""

from __future__ import annotations

import fcntl
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline import output_folder
from pipeline.cli import app
from pipeline.commands import history
from pipeline.commands.history import refresh_history, write_history
from pipeline.runs import RunRecord, save_record
from tests.made_histories import make_nights, make_rollbacks, write_nights


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Forty nights of one data set, and an earlier run of another."""
    records = make_nights(60)
    write_nights(tmp_path / "output", records, make_rollbacks(records))
    save_record(tmp_path / "output" / "sample", RunRecord(run_id="20240101-000000-aaaa", data="sample"))
    return tmp_path / "output"


def test_the_page_is_written_and_its_place_printed(output: Path) -> None:
    result = invoke("history", "--output", output)
    assert (result.exit_code, result.stdout) == (0, f"{output}/index.html\n")
    page = (output / "index.html").read_text()
    assert "61 runs of 2 data sets" in page
    links = re.findall(r'href="\./(fashion-mnist/runs/[^"]*)"', page)
    assert len(links) == 60
    assert all((output / link).is_file() for link in links)
    assert sorted(path.name for path in output.iterdir() if path.is_file()) == [".history.lock", "index.html"]


def test_it_opens_in_a_browser(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(history.webbrowser, "open", opened.append)
    invoke("history", "--open", "--output", output)
    assert opened == [(output / "index.html").as_uri()]


@pytest.mark.parametrize("name", ["nowhere", "something else"])
def test_where_there_are_no_runs_nothing_is_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "something else").mkdir()
    result = invoke("history", "--output", tmp_path / name)
    assert result.exit_code == 2
    assert re.fullmatch(r"Error: history: no runs in .*; start one, .*\n", result.stderr)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_run_whose_folder_is_gone_has_no_link(output: Path) -> None:
    shutil.rmtree(next((output / "fashion-mnist" / "runs").iterdir()))
    write_history(output)
    assert (output / "index.html").read_text().count("report.html") == 59


def test_a_list_of_pushes_that_cannot_be_read_is_told_on_the_page(output: Path) -> None:
    path = output / "fashion-mnist" / "serving" / ".pushed.json"
    path.write_text("[{")
    write_history(output)
    page = (output / "index.html").read_text()
    assert f"What people pushed and took back is not known: {path}: not a list of what was pushed" in page


def block_the_name(output: Path, _: pytest.MonkeyPatch) -> None:
    (output / "index.html").mkdir()


def fill_the_disk(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, text: str, **_: object) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write)


def break_the_page(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "render_history", lambda *_: 1 // 0)


@pytest.mark.parametrize("damage", [block_the_name, fill_the_disk, break_the_page])
def test_a_page_that_cannot_be_written_is_told_in_a_sentence_and_fails_nothing(
    damage: Callable[[Path, pytest.MonkeyPatch], None],
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(output, monkeypatch)
    refresh_history(output)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"Warning: {output}/index.html is not up to date: ")
    assert len(told.err.splitlines()) == 1
    assert not list(output.glob("*.new"))


def test_a_page_that_cannot_be_written_leaves_the_one_that_is_there(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_history(output).read_text()
    fill_the_disk(output, monkeypatch)
    refresh_history(output)
    assert (output / "index.html").read_text() == before


def test_who_writes_it_last_knows_of_all_runs(output: Path) -> None:
    """One process has read the records and not yet written the page while another run ends."""
    with (output / ".history.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        writers = [threading.Thread(target=write_history, args=(output,)) for _ in range(2)]
        for writer in writers:
            writer.start()
        late = replace(make_nights(1)[0], run_id="late", data="late")
        save_record(output / "late", late)
    for writer in writers:
        writer.join()
    assert "62 runs of 3 data sets" in (output / "index.html").read_text()


def test_nobody_waits_for_ever(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output_folder, "_WAIT_SECONDS", 0.0)
    with (output / ".history.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refresh_history(output)
    assert f"{output}/.history.lock: another process holds it" in capsys.readouterr().err
