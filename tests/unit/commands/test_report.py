"""`report` and `compare` read any run back; what is not there is told in one sentence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from components.report.lineage import Artifact, Promotion
from pipeline import runs
from pipeline.cli import app
from pipeline.commands import report
from pipeline.runs import RunRecord, save_record
from tests.made_reports import ORIGIN, make_artifacts

FIRST, SECOND, EMPTY = "20250101-000000-aaaa", "20250102-000000-bbbb", "20241231-000000-cccc"


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs with artifacts, and one that failed before it had any."""
    runs = {
        FIRST: make_artifacts(tmp_path / "first", baseline=False),
        SECOND: make_artifacts(tmp_path / "second", blessed=False, never_predicted=3),
        EMPTY: {},
    }

    def read_outputs(_: Path, run_id: str) -> dict[str, Artifact]:
        return {f"Stage.{name}": artifact for name, artifact in runs[run_id].items()}

    monkeypatch.setattr(report, "read_outputs", read_outputs)
    output = tmp_path / "output"
    for run_id in runs:
        save_record(output / "sample", RunRecord(run_id=run_id, data="sample", origin=ORIGIN))
    (output / "sample" / "metadata.sqlite").touch()
    return output


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_page_of_the_latest_run_is_written_and_its_place_printed(output: Path) -> None:
    result = invoke("report", "--output", output)
    assert result.exit_code == 0
    path = output / "sample" / "runs" / SECOND / "report.html"
    assert result.stdout == f"{path}\n"
    assert "The model did not pass" in path.read_text()


def test_json_is_all_that_is_printed(output: Path) -> None:
    values = json.loads(invoke("report", FIRST, "--format", "json", "--output", output).stdout)
    assert (values["run_id"], values["verdict"], values["origin"]["command"]) == (FIRST, "pushed", ORIGIN.command)


def test_text_says_the_verdict_the_checks_and_the_classes(output: Path) -> None:
    text = invoke("report", SECOND, "--format", "text", "--output", output).stdout
    assert "The model did not pass, and was not pushed." in text
    assert "✗  calibration error" in text
    assert "✓  class accuracy" in text
    assert "nearest of 10" in text
    assert "…" not in text
    assert len({line for line in text.splitlines() if line.startswith("Dress")}) == 2
    assert "1.5 seconds on CPU" in text


def test_opening_a_report_opens_its_page(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(report.webbrowser, "open", opened.append)
    invoke("report", FIRST, "--open", "--format", "text", "--output", output)
    assert opened == [(output / "sample" / "runs" / FIRST / "report.html").as_uri()]


def test_a_promotion_is_told_for_ever(output: Path) -> None:
    promotion = Promotion(version=4, reason="bags sell", pushed_at="2025-01-03T00:00:00+00:00")
    record = RunRecord(
        run_id=SECOND, data="sample", verdict="not_blessed", promotion=promotion, started_at="2025-01-02"
    )
    save_record(output / "sample", record)
    assert (
        "a person pushed it as version 4: bags sell" in invoke("report", "--format", "text", "--output", output).stdout
    )
    for other in (FIRST, EMPTY):
        save_record(output / "sample", RunRecord(run_id=other, data="sample", started_at="2025-01-01"))
    assert "version 4 (by a person: bags sell)" in invoke("status", "--output", output).stdout


def test_runs_are_compared_by_data_options_checks_and_classes(output: Path) -> None:
    rows = json.loads(invoke("compare", FIRST, SECOND, "--json", "--output", output).stdout)
    found: dict[tuple[str, str], Any] = {(row["section"], row["name"]): (row["first"], row["second"]) for row in rows}
    assert found["Verdict", "verdict"] == ("pushed", "not_blessed")
    assert found["Verdict", "baseline"] == (None, 1)
    assert found["Data", "train, Coat"] == (4, 4)
    assert found["Hyperparameters", "seed"] == (42, 42)
    assert found["Accuracy by class", "Dress"][1] == 0
    assert found["Checks", "calibration error, overall"] == ("passed", "failed")
    text = invoke("compare", FIRST, SECOND, "--output", output).stdout
    assert f"{found['Accuracy by class', 'Dress'][0]:.4g}" in text
    assert "The counts by class are the same in both." in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("report", "nope"), f"nope: no such run in .*; the latest is {SECOND}"),
        (("report", EMPTY), f"{EMPTY}: this run left nothing to report"),
        (("compare", FIRST, "nope"), "nope: no such run"),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence(output: Path, arguments, complaint: str) -> None:
    result = invoke(*arguments, "--output", output)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert re.search(complaint, result.stderr)


def test_without_any_run_it_says_so(tmp_path: Path) -> None:
    result = invoke("report", "--output", tmp_path)
    assert result.exit_code == 2
    assert "there is none yet" in result.stderr


def lose_an_artifact(output: Path) -> None:
    shutil.rmtree(output.parent / "first" / "evaluation")


def lose_the_store(output: Path) -> None:
    (output / "sample" / "metadata.sqlite").unlink()


def damage_the_store(output: Path) -> None:
    (output / "sample" / "metadata.sqlite").write_bytes(b"garbage" * 1_000)


@pytest.mark.parametrize("form", ["html", "json", "text"])
@pytest.mark.parametrize("damage", [lose_an_artifact, lose_the_store, damage_the_store])
def test_a_page_is_never_replaced_by_one_that_says_less(
    damage: Callable[[Path], None], form: str, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = RunRecord(run_id=FIRST, data="sample", origin=ORIGIN, verdict="pushed", accuracy=0.875)
    save_record(output / "sample", record)
    assert invoke("report", FIRST, "--output", output).exit_code == 0
    page = output / "sample" / "runs" / FIRST / "report.html"
    before = page.read_text()
    if damage is not lose_an_artifact:
        monkeypatch.setattr(report, "read_outputs", runs.read_outputs)
    damage(output)
    result = invoke("report", FIRST, "--format", form, "--output", output)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.strip().splitlines()) == 1
    assert f"it was pushed, accuracy 0.8750, and the page of that time is kept, {page}" in result.stderr
    assert page.read_text() == before


def test_a_damaged_record_is_one_line_and_the_others_are_shown(output: Path) -> None:
    path = output / "sample" / "runs" / "20250103-000000-dddd" / "run.json"
    path.parent.mkdir()
    path.write_text("[]")
    lines = invoke("status", "--output", output).stdout.splitlines()
    assert [line.startswith(f"{path}: no record of a run") for line in lines].count(True) == 1
    assert sum("sample" in line for line in lines[1:]) == 4
    told = invoke("report", path.parent.name, "--output", output)
    assert told.exit_code == 1
    assert told.stderr.startswith(f"Error: {path}: no record of a run that can be read (")
    assert invoke("report", "--output", output).stdout.strip().endswith(f"{SECOND}/report.html")
