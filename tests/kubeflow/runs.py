"""The configuration of a run in these tests, and what its logs say where it fails."""

from __future__ import annotations

from typing import Any

from pipeline.kubeflow.config import KubeflowConfig
from pipeline.kubeflow.pod_config import Volume
from tests.kubeflow.cluster import Run


def make_config(**fields: Any) -> KubeflowConfig:
    return KubeflowConfig(
        host="http://localhost",
        image="registry.example.com/image:1",
        serving=Volume(claim="models", mount_path="/mnt/models"),
        parameters={"epochs": 4, "batch_size": 16, "min_class_accuracy": 0.3},
        **fields,
    )


def describe_failure(run: Run) -> str:
    return "".join(f"{name}: {run.stages[name].log[-4000:]}" for name in run.failed)
