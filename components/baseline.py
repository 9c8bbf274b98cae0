"""Baseline: a copy of what is pushed now, for the candidate to be compared with."""

import shutil
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.serving.versions import get_pushed_version, list_versions, read_manifest

PUSHED_NOW = -1
VERSION_PROPERTY = "version"
# Of the blessing: the version that the model was compared with, 0 for none, or none that could be.
COMPARED_PROPERTY = "compared_with"


def choose_baseline(serving_dir: Path, recipe: str) -> int:
    """Return the version to compare a model made by `recipe` with, 0 for none.

    It is what is pushed now. If that is this very model, made in an earlier run, it is what that was compared with:
    nothing is learnt from comparing a model with itself, and the earlier evaluation can be used again.
    """
    version = get_pushed_version(serving_dir)
    manifest = read_manifest(serving_dir, version) if version else None
    if manifest and manifest.recipe == recipe and manifest.baseline_version in (0, *list_versions(serving_dir)):
        return manifest.baseline_version
    return version


@component
def Baseline(
    serving_dir: Parameter[str],
    version: Parameter[int],
    baseline: OutputArtifact[standard_artifacts.Model],
) -> None:
    """Copy `version` out of the serving directory; 0 is no baseline, -1 is what is pushed when the stage runs.

    With no baseline there is an artifact all the same, with version 0 and no model in it: Kubeflow Pipelines knows no
    empty channel.
    """
    number = get_pushed_version(Path(serving_dir)) if version == PUSHED_NOW else version
    baseline.set_int_custom_property(VERSION_PROPERTY, number)
    if number:
        shutil.copytree(Path(serving_dir, str(number)), path_utils.serving_model_path(baseline.uri))
