"""A run is passed over only where it would change nothing: all options, sources and results are as they were."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from components.report.lineage import Artifact
from components.serving.manifest import Manifest, digest_model, write_manifest
from pipeline import unchanged
from pipeline.artifact_files import FILES_PROPERTY, list_files
from pipeline.config import PipelineConfig
from pipeline.runs import RunRecord, list_records, save_record
from pipeline.unchanged import find_unchanged, fingerprint_run, has_whole_artifacts


@pytest.fixture
def config(constant_models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PipelineConfig:
    """An output directory with a run that pushed version 1."""
    config = PipelineConfig(name="clothes", data_dir="/data", data_digest="d", output_dir=tmp_path / "clothes")
    version = config.serving_dir / "1"
    shutil.copytree(constant_models.a, version)
    write_manifest(
        version, Manifest(digest=digest_model(version), recipe="", run_id="1", baseline_version=0, pushed_at="")
    )
    record = RunRecord(
        run_id="1", data="clothes", verdict="pushed", pushed_version=1, fingerprint=fingerprint_run(config)
    )
    save_record(config.output_dir, record)
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "model.pb").touch()
    listed = {FILES_PROPERTY: list_files(tmp_path / "artifact")}
    artifact = Artifact(type="Model", uri=tmp_path / "artifact", properties=listed)
    monkeypatch.setattr(
        unchanged, "read_outputs", lambda _, run_id: {"Trainer.model": artifact} if run_id == "1" else {}
    )
    return config


def find(config: PipelineConfig) -> RunRecord | None:
    has_artifacts = partial(has_whole_artifacts, config.metadata_path)
    return find_unchanged(config, fingerprint_run(config), list_records(config.output_dir.parent), has_artifacts)


def test_the_same_run_again_has_nothing_to_do(config: PipelineConfig) -> None:
    found = find(config)
    assert found is not None
    assert found.run_id == "1"


def test_what_comes_after_such_a_run_refers_to_the_one_with_the_artifacts(config: PipelineConfig) -> None:
    record = RunRecord(run_id="2", data="clothes", fingerprint=fingerprint_run(config))
    (last,) = list_records(config.output_dir.parent)
    unchanged.repeat_outcome(record, last)
    save_record(config.output_dir, record)
    found = find(config)
    assert found is not None
    assert (found.run_id, found.artifacts_of, found.newly_pushed) == ("2", "1", False)


@pytest.mark.parametrize(
    "change",
    [{"epochs": 11}, {"data_digest": "e"}, {"min_accuracy": 0.5}, {"cache": False}, {"require_gpu": True}],
    ids=str,
)
def test_other_data_or_options_are_another_run(config: PipelineConfig, change: dict) -> None:
    assert find(replace(config, **change)) is None


def damage_model(config: PipelineConfig) -> None:
    (config.serving_dir / "1" / "saved_model.pb").write_bytes(b"damaged")


def push_another(config: PipelineConfig) -> None:
    shutil.copytree(config.serving_dir / "1", config.serving_dir / "2")


def roll_back(config: PipelineConfig) -> None:
    shutil.rmtree(config.serving_dir / "1")


def delete_artifact(config: PipelineConfig) -> None:
    shutil.rmtree(config.output_dir.parent / "artifact")


def lose_a_file_of_an_artifact(config: PipelineConfig) -> None:
    (config.output_dir.parent / "artifact" / "model.pb").unlink()


def refuse_since(config: PipelineConfig) -> None:
    record = RunRecord(run_id="3", data="clothes", verdict="not_blessed", fingerprint=fingerprint_run(config))
    save_record(config.output_dir, record)


@pytest.mark.parametrize(
    "damage", [damage_model, push_another, roll_back, delete_artifact, lose_a_file_of_an_artifact, refuse_since]
)
def test_nothing_is_passed_over_where_something_is_not_as_it_was(
    config: PipelineConfig, damage: Callable[[PipelineConfig], None]
) -> None:
    damage(config)
    assert find(config) is None


def test_an_edited_source_is_another_run(config: PipelineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "fingerprint_project", lambda: "edited")
    assert fingerprint_run(config) != list_records(config.output_dir.parent)[0].fingerprint
    assert find(config) is None
