"""`health` tells a scheduler by its exit code whether all is well."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from tests.made_outputs import make_run, make_version


@pytest.fixture
def output(tmp_path: Path) -> Path:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    make_run(tmp_path, "now", 0, verdict="not_blessed", started_at=now)
    make_version(tmp_path / "clothes" / "serving", 1)
    return tmp_path


def check(output: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["health", "--output", str(output), *map(str, arguments)])


def test_all_is_well(output: Path) -> None:
    result = check(output, "--within", "26h")
    assert result.exit_code == 0, result.stdout
    assert "clothes: well" in result.stdout
    assert "not blessed: now" in result.stdout
    assert "version 1, verified" in result.stdout
    assert "how long it will last is unknown: the records of at least a day are needed" in result.stdout


def test_one_that_is_not_well_is_enough(output: Path) -> None:
    make_run(output, "old", 5, data="shoes")
    result = check(output, "--within", "26h", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["healthy"] is False
    assert {each["data"]: each["healthy"] for each in told["data_sets"]} == {"clothes": True, "shoes": False}
    assert told["disk"]["free_bytes"] > 0
    assert told["disk"]["days_left"] is None
    assert check(output, "--within", "26h", "--data", "clothes").exit_code == 0


def test_what_is_served_and_damaged_is_not_well_and_written_down(output: Path) -> None:
    (output / "clothes" / "serving" / "1" / "saved_model.pb").write_text("damaged")
    result = check(output, "--within", "2d", "--prometheus", output / "pipeline.prom")
    assert result.exit_code == 1
    assert "version 1, which is served, is damaged" in result.stdout
    text = (output / "pipeline.prom").read_text()
    assert 'image_pipeline_healthy{data="clothes"} 0.0\n' in text
    assert 'image_pipeline_served_whole{data="clothes"} 0.0\n' in text


def test_without_any_run_it_is_not_well(tmp_path: Path) -> None:
    result = check(tmp_path, "--within", "26h")
    assert result.exit_code == 1
    assert f"No run in {tmp_path}." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--within", "soon"), "--within 'soon': expected a time, such as 26h, 90m or 2d"),
        (("--within", "26h", "--data", "shoes"), "--data shoes: there is nothing of it in"),
        (("--within", "26h", "--output", "/no/such/folder"), "--output /no/such/folder: no such folder"),
        (("--within", "26h", "--prometheus", "/dev/null"), "--prometheus /dev/null: there is no regular file there"),
        (
            ("--within", "26h", "--prometheus", "/no/such/file"),
            "--prometheus /no/such/file: there is no folder /no/such",
        ),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(output: Path, arguments: tuple[object, ...], complaint: str) -> None:
    result = check(output, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
