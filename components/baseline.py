"""Baseline: a copy of what is pushed now, for the candidate to be compared with."""

import shutil
from pathlib import Path

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.serving.integrity import check_model
from components.serving.manifest import ServingError, digest_model, read_model_manifest
from components.serving.versions import find_versions

VERSION_PROPERTY = "version"
# Of the blessing: the version that the model was compared with; not there for none, or none that could be.
COMPARED_PROPERTY = "compared_with"


@component
def Baseline(
    model: InputArtifact[standard_artifacts.Model],
    baseline: OutputArtifact[standard_artifacts.Model],
    serving_dir: Parameter[str],
    version: Parameter[int] = None,
) -> None:
    """Copy what `model` is to be compared with: `version`, pushed now, or where that is this very model, its baseline.

    With no version there is an artifact all the same, with no version and no model in it: Kubeflow Pipelines knows no
    empty channel.

    Raises:
        ServingError: That version is damaged, or no longer there.
    """
    if version is None:
        return
    candidate = Path(path_utils.serving_model_path(model.uri))
    chosen = choose_baseline(Path(serving_dir), version, digest_model(candidate))
    if chosen is None:
        return
    source, copy = find_versions(Path(serving_dir))[chosen], Path(path_utils.serving_model_path(baseline.uri))
    shutil.copytree(source, copy)
    check_model(copy, source)  # the copy, for that is what the Evaluator loads
    baseline.set_int_custom_property(VERSION_PROPERTY, chosen)


def choose_baseline(serving_dir: Path, version: int, digest: str) -> int | None:
    """Return the version to compare a model of that digest with, None for none.

    It is `version`. If that is this very model, pushed by an earlier run, it is what that was compared with: nothing is
    learnt from comparing a model with itself.

    Raises:
        ServingError: `version` is damaged, or no longer there.
    """
    versions = find_versions(serving_dir)
    if version not in versions:
        raise ServingError(f"{serving_dir}: version {version} was deleted since the run began; run it again.")
    check_model(versions[version])
    manifest = read_model_manifest(versions[version])
    if manifest and manifest.digest == digest and manifest.baseline_version in (None, *versions):
        return manifest.baseline_version
    return version


def get_version(artifact: types.Artifact, name: str) -> int | None:
    """Return a property that holds the number of a version, None where it is not there: 0 is a version."""
    return artifact.get_int_custom_property(name) if artifact.has_custom_property(name) else None
