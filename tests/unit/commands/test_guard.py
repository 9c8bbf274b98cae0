"""Whatever happens, a person sees one sentence and never a traceback, and the shell gets the documented exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.exit_codes import ExitCode
from pipeline.commands.guard import call_guarded
from pipeline.runs import RunRecord, save_record

ROOT = Path(__file__).parents[3]


def raise_(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A folder with a run whose model is the work of a person, with a reason in characters of all kinds."""
    record = RunRecord(run_id="20250101-000000-aaaa", data="sample", verdict="pushed", accuracy=0.875, pushed_version=1)
    save_record(tmp_path / "sample", record)
    return tmp_path


def run_pipeline(*arguments: object, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = f'exec "$0" run_pipeline.py "$@" {redirect}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    "error", [ValueError("odd\nvery"), RecursionError(), MemoryError(), OSError(28, "No space left")]
)
def test_any_error_becomes_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert call_guarded(raise_(error)) == ExitCode.ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(".")


def test_the_details_of_an_unknown_error_are_kept(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    call_guarded(raise_(ValueError("odd")))
    log = Path(capsys.readouterr().err.split("details are in ")[1].strip().rstrip("."))
    assert "Traceback" in log.read_text()
    log.unlink()
    monkeypatch.setenv("PIPELINE_DEBUG", "1")
    call_guarded(raise_(ValueError("odd")))
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert call_guarded(raise_(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert call_guarded(raise_(SystemExit(3))) == 3
    assert call_guarded(lambda: None) == 0


def test_what_comes_from_outside_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    call_guarded(raise_(OSError(2, "No such file", "\x1b[2J\u202ename")))
    assert "\N{SYMBOL FOR ESCAPE}[2J\N{REPLACEMENT CHARACTER}name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONSAFEPATH": "1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb", "NO_COLOR": "1"},
        {"COLUMNS": "5"},
    ],
    ids=str,
)
def test_the_environment_does_not_decide(environment: dict[str, str], output: Path) -> None:
    shown = run_pipeline("status", "--output", output, **environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"0\.8750 +version 1", shown.stdout)
    help_text = run_pipeline("--help", **environment).stdout
    assert "Exit codes: 0 pushed" in help_text
    assert "130 interrupted" in " ".join(help_text.split())


@pytest.mark.parametrize("redirect", ["2>&-", ">&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_obstacle(redirect: str, output: Path) -> None:
    shown = run_pipeline("status", "--output", output, redirect=redirect)
    assert shown.returncode == 0
    assert "Traceback" not in shown.stdout + shown.stderr
    assert ("version 1" in shown.stdout) == (">&-" not in redirect.split())


def test_a_reader_that_goes_away_is_no_news(output: Path) -> None:
    shown = run_pipeline("options", redirect="| head -1 >/dev/null")
    assert shown.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's device that is always full")
def test_output_that_goes_nowhere_is_told(output: Path) -> None:
    shown = run_pipeline("status", "--output", output, redirect="> /dev/full")
    assert shown.returncode == 1
    assert len(shown.stderr.splitlines()) == 1
    assert "no space left on device; free some space" in shown.stderr
