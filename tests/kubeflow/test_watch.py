"""A run on KFP's own backend is watched, its log read, its verdict told; a command runs in a pod on the volume."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.serving.manifest import Manifest, write_manifest
from pipeline.kubeflow import watch
from pipeline.kubeflow.config import read_config
from pipeline.kubeflow.task import compile_task
from pipeline.kubeflow.told import find_told
from tests.kubeflow.argo import make_node, report, start_scheduled
from tests.kubeflow.cluster import Cluster
from tests.kubeflow.test_api import call, get_schedule, invoke

NO_ROOM = "0/1 nodes are available: 1 Insufficient cpu."
CONFIG = """
host = "{host}"
image = "registry.example.com/fashion-mnist:1"
name = "watched"
data = "/mnt/data/sound"
serving = {{ claim = "watched", mount_path = "/mnt/models" }}
data_volume = {{ claim = "images", mount_path = "/mnt/data" }}
"""


@pytest.fixture(scope="module")
def config(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("watch") / "kubeflow.toml"
    path.write_text(CONFIG.format(host=page))
    return path


@pytest.fixture
def workflow(config: Path, kubernetes: Any) -> Iterator[dict[str, Any]]:
    """The Workflow of a run that a schedule has started."""
    call("schedule", config)
    yield start_scheduled(kubernetes, get_schedule(kubernetes))
    call("delete", config, "--force")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes what happens between two looks at a run."""

    def take(*steps: Callable[[], Any]) -> None:
        left = iter(steps)
        monkeypatch.setattr(watch.time, "sleep", lambda seconds: next(left)())

    return take


def test_a_run_is_shown_stage_by_stage_with_what_its_pod_waits_for(api, config, kubernetes, workflow, meanwhile):
    done = ("Succeeded", "")
    name = workflow["metadata"]["name"]
    node = make_node(name, f"{name}.root.Trainer.executor(0)", "Pod", "Pending")
    pod = f"{name}-retry-system-container-impl-{node['id'].rpartition('-')[2]}"
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_ROOM}]
    kubernetes.add_core("pods", pod, apiVersion="v1", kind="Pod", status={"conditions": conditions})
    kubernetes.logs[pod] = "epoch 1\nError: Trainer failed: the disk is full\nF1126 launcher: exit status 1\n"
    run_id = report(api, workflow, "Running", {"ExampleGen": ("Running", "")})
    meanwhile(
        lambda: report(api, workflow, "Running", {"ExampleGen": done, "Trainer": ("Pending", "")}),
        lambda: report(api, workflow, "Failed", {"ExampleGen": done, "Trainer": ("Failed", "Error (exit code 1)")}),
    )
    result = invoke("watch", config, run_id)
    assert result.exit_code == 1, result.output
    lines = [" ".join(line.split()) for line in result.stderr.splitlines()]
    assert lines == [
        f"Run {run_id}: {lines[0].partition(': ')[2]}",
        "✓ ExampleGen 30.0 s",
        f"Trainer waits: {NO_ROOM}",
        "✗ Trainer 30.0 s the disk is full",
    ]
    assert "Error: the run did not end" in result.stdout
    assert "  - Trainer failed: the disk is full" in result.stdout
    assert call("logs", config, run_id) == kubernetes.logs[pod].replace("\n", "\n")
    assert "FAILED" in call("runs", config)


def test_a_run_is_terminated(config, kubernetes):
    run_id = call("submit", config).split()[1].rstrip(":")
    assert call("terminate", config, run_id) == f"Run {run_id}: terminated.\n"
    (found,) = (
        each for each in kubernetes.list_kind("workflows") if each["metadata"]["labels"]["pipeline/runid"] == run_id
    )
    assert found["spec"]["activeDeadlineSeconds"] == 0


def test_versions_are_verified_in_a_pod_on_the_volume(cluster: Cluster, config: Path):
    serving = cluster.volumes / "watched/watched/serving"
    for version in (1, 2):
        (serving / str(version)).mkdir(parents=True)
        (serving / str(version) / "saved_model.pb").write_text("model")
        write_manifest(
            serving / str(version), Manifest(digest="", recipe="", run_id="r", baseline_version=None, pushed_at="")
        )
    (serving / "2/saved_model.pb").write_text("other")
    arguments = json.dumps(["verify", "--data", "watched", "--output", "/mnt/models"])
    run = cluster.run(compile_task(read_config(config), "verify", "pipeline.kubeflow.command"), arguments=arguments)
    told = find_told(run.stages["verify"].log)
    assert told
    assert told.exit_code == 1
    assert told.text.splitlines()[:2] == ["watched version 1: verified", "watched version 2: damaged"]
    assert run.failed == ["verify"]
