"""Baseline: a copy of what is pushed now, for the candidate to be compared with."""

from pathlib import Path

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.serving.baseline_choice import VERSION_PROPERTY, copy_baseline

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
    candidate, copy = (Path(path_utils.serving_model_path(artifact.uri)) for artifact in (model, baseline))
    chosen = copy_baseline(Path(serving_dir), version, candidate, copy)
    if chosen is not None:
        baseline.set_int_custom_property(VERSION_PROPERTY, chosen)


def get_version(artifact: types.Artifact, name: str) -> int | None:
    """Return a property that holds the number of a version, None where it is not there: 0 is a version."""
    return artifact.get_int_custom_property(name) if artifact.has_custom_property(name) else None
