"""A record tells what is served when its run has ended, and how far its data is from what was served before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.report.lineage import Artifact
from pipeline import served
from pipeline.config import PipelineConfig
from pipeline.runs import RunRecord
from pipeline.served import fill_in_served
from tests.made_reports import make_artifacts


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    """Version 1 is served, and a run compared a model with it."""
    artifacts = make_artifacts(tmp_path / "run")
    config = PipelineConfig(name="sample", data_dir="", output_dir=tmp_path / "output" / "sample")
    shutil.copytree(artifacts["baseline"].uri / "Format-Serving", config.serving_dir / "1")
    return config


def fill_in(
    monkeypatch: pytest.MonkeyPatch, config: PipelineConfig, artifacts: dict[str, Artifact], **values
) -> RunRecord:
    stages = {"validation": "DataValidator.validation", "baseline": "Baseline.baseline"}
    outputs = {stages[name]: artifact for name, artifact in artifacts.items() if name in stages}
    monkeypatch.setattr(served, "read_outputs", lambda *_: outputs)
    record = RunRecord(run_id="1", data="sample", **values)
    fill_in_served(record, config)
    return record


def read_run(tmp_path: Path, **variations) -> dict[str, Artifact]:
    return make_artifacts(tmp_path / "other", **variations)


def test_what_was_not_blessed_leaves_the_baseline_served(
    monkeypatch: pytest.MonkeyPatch, config: PipelineConfig, tmp_path: Path
) -> None:
    values = {"verdict": "not_blessed", "accuracy": 0.8, "baseline_accuracy": 0.9}
    record = fill_in(monkeypatch, config, read_run(tmp_path), **values)
    assert (record.served_version, record.served_accuracy) == (1, 0.9)
    assert 0 < (record.pixel_divergence or 0) < 1
    assert (record.label_shift, record.shifted_label) == (0, "")


def test_what_was_pushed_is_served_and_compared_with_what_was_before(
    monkeypatch: pytest.MonkeyPatch, config: PipelineConfig, tmp_path: Path
) -> None:
    artifacts = read_run(tmp_path)
    shutil.copytree(artifacts["validation"].uri, config.serving_dir / "2" / "assets.extra" / "data")
    values = {"verdict": "pushed", "accuracy": 0.8, "baseline_accuracy": 0.9, "pushed_version": 2}
    record = fill_in(monkeypatch, config, artifacts, newly_pushed=True, **values)
    assert (record.served_version, record.served_accuracy) == (2, 0.8)
    assert 0 < (record.pixel_divergence or 0) < 1
    again = fill_in(monkeypatch, config, artifacts, **values)
    assert (again.served_version, again.served_accuracy) == (2, 0.8)
    assert again.pixel_divergence == 0, "it is served already what was trained on this data"


def test_rejected_data_is_compared_with_that_of_what_is_served(
    monkeypatch: pytest.MonkeyPatch, config: PipelineConfig, tmp_path: Path
) -> None:
    record = fill_in(monkeypatch, config, read_run(tmp_path, rejected=True), verdict="data_rejected")
    assert (record.served_version, record.served_accuracy) == (1, None)
    assert 0 < (record.pixel_divergence or 0) < 1


@pytest.mark.parametrize("variations", [{"class_names": ("a", "b")}, {"baseline": False}])
def test_what_is_not_known_stays_empty(
    variations, monkeypatch: pytest.MonkeyPatch, config: PipelineConfig, tmp_path: Path
) -> None:
    if not variations.get("baseline", True):
        shutil.rmtree(config.serving_dir)
    record = fill_in(monkeypatch, config, read_run(tmp_path, **variations), verdict="not_blessed", accuracy=0.8)
    assert (record.label_shift, record.shifted_label, record.pixel_divergence) == (None, "", None)
    assert record.served_accuracy is None
    error = fill_in(monkeypatch, config, {}, verdict="error")
    assert error.label_shift is None
