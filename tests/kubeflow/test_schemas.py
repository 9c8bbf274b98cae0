"""The files for Kubernetes fit Kubernetes' own schemas."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kubeflow.backend import TOOLS

# Of Kubernetes' own objects; those of Flink's operator: tests/engines/test_session_cluster.py.
OTHERS = ("kustomization.yaml", "session-cluster.yaml", "config.yaml")
FILES = sorted(path for path in (Path(__file__).parents[2] / "deploy").rglob("*.yaml") if path.name not in OTHERS)
KUBERNETES = "1.30"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_object_fits_kubernetes_own_schema(path: Path):
    validator = TOOLS / "s3/bin/kubernetes-validate"
    if not validator.exists():
        pytest.skip("the validator is missing: run make test-kubeflow, which gets it into .kubeflow")
    found = subprocess.run([validator, "-k", KUBERNETES, "--strict", path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
