"""What the summary of a run advises, and what is told of a run that could not begin."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.gate.checks import Check
from pipeline.cli import app
from pipeline.commands import run, summary
from pipeline.commands.summary import suggest_next
from pipeline.config import PipelineConfig
from pipeline.runs import Outcome, RunRecord


def advise(monkeypatch: pytest.MonkeyPatch, *failed: tuple[str, float], **options: Any) -> str:
    checks = [Check(name=name, slice="train", passed=False, reason="", value=value) for name, value in failed]
    outcome = Outcome(checks=checks, pushed_version=None, newly_pushed=False, same_answers=0)
    monkeypatch.setattr(summary, "read_outcome", lambda *_: outcome)
    config = PipelineConfig(name="digits", data_dir="/data/digits", output_dir=Path("output/digits"), **options)
    return suggest_next(RunRecord(run_id="1", data="digits", verdict="data_rejected"), config)


def test_rejected_data_names_the_option_that_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = advise(
        monkeypatch, ("class balance", 9), ("class balance", 8), ("shared images", 0.5), max_shared_images=0.2
    )
    assert advice == (
        "mend the files in /data/digits, and run again; or, where it is meant to be so, "
        "with a higher --max-class-imbalance (now 5) and --max-shared-images (now 0.2)"
    )


@pytest.mark.parametrize("failed", [("image size", 3), ("class balance", 0)])
def test_where_no_option_helps_none_is_named(monkeypatch: pytest.MonkeyPatch, failed: tuple[str, float]) -> None:
    advice = advise(monkeypatch, failed, ("label skew", 0.5))
    assert advice == "mend the files in /data/digits, and run again"


def test_a_record_that_cannot_be_kept_is_an_error_in_json_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run, "save_record", fail)
    result = CliRunner().invoke(
        app, ["run", "--json", "--data", "sample", "--sample-size", "600", "--output", str(tmp_path / "output")]
    )
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert (record["run_id"], record["verdict"]) == (None, "error")
    assert "no space left" in record["reasons"][0].lower()
    assert len(result.stderr.strip().splitlines()) == 1
