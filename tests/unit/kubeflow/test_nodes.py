"""A stage that no node has room for is warned of before it waits for ever; where nobody may ask, nothing is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.kubeflow.nodes import parse_quantity, warn_of_too_large
from pipeline.kubeflow.pod_config import Stage
from pipeline.kubeflow.spec import describe_resources

NODE = {"status": {"allocatable": {"cpu": "1930m", "memory": "7834000Ki"}}}


@pytest.fixture
def package() -> str:
    """A compiled file of a stage that has room on a node of 2 CPUs and 8 GB, and two that have not."""
    stages = {
        "Schema": Stage(),
        "Trainer": Stage(cpu=4, cpu_request=2),
        "Pusher": Stage(memory_gb=9, memory_request_gb=9),
    }
    executors = {
        f"exec-{name}": {"container": {"resources": describe_resources(stage)}} for name, stage in stages.items()
    }
    return yaml.safe_dump_all([{"deploymentSpec": {"executors": executors}}, {}])


def put_kubectl(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int = 0) -> None:
    (folder / "answer").write_text(answer)
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\ncat {folder / 'answer'}\nexit {code}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_stages_that_ask_for_more_than_any_node_has_are_named(package, tmp_path, monkeypatch):
    put_kubectl(tmp_path, monkeypatch, json.dumps({"items": [NODE]}))
    warnings = warn_of_too_large(package)
    assert [warning.split()[0] for warning in warnings] == ["Pusher", "Trainer"]
    assert "Trainer asks for 2 CPUs and 2 GB, more than any node of kubectl's cluster has" in warnings[1]
    assert "the largest has 1.93 and 8.0" in warnings[1]
    assert "[stages.Trainer]" in warnings[1]


@pytest.mark.parametrize(("answer", "code"), [("", 1), ("no JSON", 0), ('{"items": [{}]}', 0), ("{}", 0), ("[]", 0)])
def test_where_kubectl_does_not_tell_nothing_is_said(package, tmp_path, monkeypatch, answer, code):
    put_kubectl(tmp_path, monkeypatch, answer, code)
    assert warn_of_too_large(package) == []


def test_without_kubectl_nothing_is_said(package, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert warn_of_too_large(package) == []


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2), ("250m", 0.25), ("8Gi", 8 * 2**30), ("2G", 2e9), ("1e3", 1000), ("0.5", 0.5)]
)
def test_quantities_are_those_of_kubernetes(text, number):
    assert parse_quantity(text) == pytest.approx(number)
