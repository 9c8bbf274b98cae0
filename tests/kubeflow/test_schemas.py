"""The files for Kubernetes fit Kubernetes' own schemas."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kubeflow.backend import TOOLS

# Of Kubernetes' objects, and not of kustomize.
FILES = sorted(
    path for path in (Path(__file__).parents[2] / "deploy").glob("*.yaml") if path.name != "kustomization.yaml"
)
KUBERNETES = "1.30"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_object_fits_kubernetes_own_schema(path: Path):
    validator = TOOLS / "s3/bin/kubernetes-validate"
    if not validator.exists():
        pytest.skip("the validator is missing: run make test-kubeflow, which gets it into .kubeflow")
    found = subprocess.run([validator, "-k", KUBERNETES, "--strict", path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
