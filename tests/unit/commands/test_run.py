"""What the summary of a run advises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.gate.checks import Check
from pipeline.commands import run
from pipeline.commands.run import suggest_next
from pipeline.config import PipelineConfig
from pipeline.runs import Outcome, RunRecord


def advise(monkeypatch: pytest.MonkeyPatch, *failed: tuple[str, float], **options: Any) -> str:
    checks = [Check(name=name, slice="train", passed=False, reason="", value=value) for name, value in failed]
    outcome = Outcome(checks=checks, pushed_version=None, newly_pushed=False, same_answers=0)
    monkeypatch.setattr(run, "read_outcome", lambda *_: outcome)
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
