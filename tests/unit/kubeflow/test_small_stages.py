"""A small stage does what the component of its name does: the same files, the same properties, the same refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.gate.checks import check_at_most, write_checks
from components.gate.data_rejection import DataRejectedError
from components.serving.manifest import Manifest, digest_model, write_manifest
from pipeline.kubeflow import places
from pipeline.kubeflow.message import Outputs, read_task
from pipeline.kubeflow.small_stages import SMALL_STAGES
from pipeline.kubeflow.tfx_stage import run_tfx_stage
from tests.files import list_files

EXAMPLES = {"class_names": '["cat", "dog"]', "image_shape": "[20, 16]", "data_digest": "a3"}


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "LOCAL_ROOTS", {"minio": tmp_path})
    return tmp_path


def run_both(pod: Path, stage: str, key: str, metadata: dict[str, Any], *outputs: str) -> dict[str, Outputs]:
    """Run a stage in both ways, each with outputs of its own."""
    done = {}
    for way in ("small", "tfx"):
        made = {name: {"artifacts": [{"uri": f"minio://bucket/{way}/{name}"}]} for name in outputs}
        message = {
            "inputs": {"artifacts": {key: {"artifacts": [{"uri": f"minio://bucket/{key}", "metadata": metadata}]}}},
            "outputs": {"artifacts": made, "outputFile": str(pod / "output.json")},
        }
        fixed = {"name": "clothes", "output_dir": str(pod / "models"), "require_gpu": False}
        task = read_task(stage, fixed, json.loads(json.dumps(message)))
        done[way] = SMALL_STAGES[stage](task) if way == "small" else run_tfx_stage(task, pod / "scratch")
    return done


def check_alike(pod: Path, done: dict[str, Outputs]) -> None:
    assert done["small"] == done["tfx"]
    written = list_files(pod / "bucket/small")
    assert written
    assert written == list_files(pod / "bucket/tfx")


def test_the_schema_is_the_same(pod):
    check_alike(pod, run_both(pod, "Schema", "examples", EXAMPLES, "schema"))


@pytest.mark.parametrize("versions", [(), (1,), (1, 2)])
def test_the_baseline_is_the_same(pod, versions):
    (pod / "bucket/model/Format-Serving").mkdir(parents=True)
    (pod / "bucket/model/Format-Serving/saved_model.pb").write_text("candidate")
    for version in versions:
        pushed = pod / f"models/serving/{version}"
        pushed.mkdir(parents=True)
        (pushed / "saved_model.pb").write_text(f"model {version}")
        digest = digest_model(pushed)
        write_manifest(pushed, Manifest(digest=digest, recipe="r", run_id="", baseline_version=None, pushed_at=""))
    done = run_both(pod, "Baseline", "model", {}, "baseline")
    check_alike(pod, done)
    assert done["small"]["baseline"].get("version") == max(versions, default=None)


@pytest.mark.parametrize("way", ["small", "tfx"])
def test_unsound_data_is_refused_in_the_same_words(pod, way):
    (pod / "bucket/validation").mkdir(parents=True)
    write_checks(pod / "bucket/validation/checks.json", [check_at_most("blank images", "train", 0.5, 0.01)])
    with pytest.raises(DataRejectedError, match=r"The data was rejected:\nblank images of train is 0\.5000, expected"):
        run_both(pod, "DataGate", "validation", {})
