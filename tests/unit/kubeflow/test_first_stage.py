"""A run on a cluster is passed over only where it would change nothing, and all that it would show is still there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.serving.manifest import Manifest, digest_model, write_manifest
from pipeline.kubeflow import first_stage, places
from pipeline.kubeflow.changes import Known, read_known
from pipeline.kubeflow.message import Task, read_task
from pipeline.kubeflow.run_artifacts import StageRecord
from pipeline.runs import RunRecord, save_record

Look = Callable[..., Known]


@pytest.fixture
def look(tmp_path: Path, sample_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the stage with these parameters on the samples, and returns what it says."""
    monkeypatch.setattr(places, "LOCAL_ROOTS", {"minio": tmp_path})

    def run(data: Path = sample_dir, *, gpu: bool = False, **parameters: Any) -> Known:
        message = {
            "inputs": {"parameterValues": {"run_id": "2", "data": str(data), **parameters}},
            "outputs": {
                "artifacts": {"known": {"artifacts": [{"name": "known", "uri": "minio://bucket/known"}]}},
                "outputFile": str(tmp_path / "output.json"),
            },
        }
        fixed = {"name": "clothes", "output_dir": str(tmp_path / "clothes"), "require_gpu": gpu}
        outputs = first_stage.run_changes(read_task("Changes", fixed, message))
        assert len(outputs["known"]["data_digest"]) == 64
        return read_known(outputs["known"])

    return run


@pytest.fixture
def pushed(look: Look, tmp_path: Path, constant_models: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The version that an equal run has pushed."""
    version = tmp_path / "clothes/serving/1"
    shutil.copytree(constant_models.a, version)
    manifest = Manifest(digest=digest_model(version), recipe="", run_id="1", baseline_version=None, pushed_at="")
    write_manifest(version, manifest)
    record = RunRecord(run_id="1", data="clothes", verdict="pushed", pushed_version=1, fingerprint=look().fingerprint)
    save_record(tmp_path / "clothes", record)
    monkeypatch.setattr(first_stage, "read_stages", lambda run_id: {})
    tell(monkeypatch, "pushed")
    return version


def tell(monkeypatch: pytest.MonkeyPatch, verdict: str | Exception) -> None:
    """Let the report of an earlier run be made with this verdict, or fail."""

    class Told:
        def __init__(self, task: Task, stages: dict[str, StageRecord]) -> None:
            if isinstance(verdict, Exception):
                raise verdict
            self.verdict = verdict

    monkeypatch.setattr(first_stage, "gather_cluster_report", Told)


def test_before_the_first_run_there_is_none_to_repeat(look: Look) -> None:
    assert look().same_as == ""


@pytest.mark.parametrize("gpu", [False, True])
def test_the_same_again_would_repeat_the_run_that_pushed(look: Look, pushed: Path, gpu: bool) -> None:
    assert look(gpu=gpu).same_as == "1"


@pytest.mark.parametrize("parameters", [{"epochs": 3.0}, {"cache": False}, {"min_accuracy": 0.5}], ids=str)
def test_other_parameters_are_another_run(look: Look, pushed: Path, parameters: dict[str, Any]) -> None:
    assert look(**parameters).same_as == ""


def test_other_bytes_in_the_same_folder_are_another_run(
    look: Look, pushed: Path, sample_dir: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_dir, data)
    fingerprint = look(data).fingerprint
    (data / "labels.txt").write_text("".join(f"class {number}\n" for number in range(10)))
    assert look(data).fingerprint != fingerprint


def test_a_version_that_is_damaged_or_gone_is_made_anew(look: Look, pushed: Path) -> None:
    (pushed / "saved_model.pb").write_bytes(b"other")
    assert look().same_as == ""
    shutil.rmtree(pushed)
    assert look().same_as == ""


@pytest.mark.parametrize("verdict", ["error", FileNotFoundError("no such object"), ValueError("cut")], ids=str)
def test_where_the_artifacts_are_gone_or_damaged_all_is_made_anew(
    look: Look, pushed: Path, monkeypatch: pytest.MonkeyPatch, verdict: str | Exception
) -> None:
    tell(monkeypatch, verdict)
    assert look().same_as == ""
