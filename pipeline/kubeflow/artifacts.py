"""Artifacts on their way between Kubeflow Pipelines, which knows them by address, and TFX, which opens folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format, message
from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact
from tfx.types.artifact_utils import ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY
from tfx.version import __version__

from pipeline.kubeflow.places import keep_folder, make_folder, restore_artifact


def restore_input(artifact_type: type[Artifact], runtime: Mapping[str, Any]) -> Artifact:
    """Make the TFX artifact of what KFP says of it. Its type is the pipeline's: KFP's own word for it varies."""
    restored = restore_artifact(runtime)
    artifact = artifact_type()
    artifact.uri = str(restored.uri)
    if restored.id:  # which the Evaluator notes
        artifact.id = restored.id
    for name, value in restored.properties.items():
        _set_property(artifact, name, value)
    artifact.set_mlmd_artifact(artifact.mlmd_artifact)  # what was set reaches the message, where executors look
    return artifact


def _set_property(artifact: Artifact, name: str, value: Any) -> None:
    """Set a property, declared or not."""
    if name in (artifact.PROPERTIES or {}):
        setattr(artifact, name, value)
    elif isinstance(value, str):
        artifact.set_string_custom_property(name, value)
    elif isinstance(value, int):
        artifact.set_int_custom_property(name, value)
    elif isinstance(value, float):
        artifact.set_float_custom_property(name, value)
    else:
        artifact.set_json_value_custom_property(name, value)


def make_output(artifact_type: type[Artifact], runtime: Mapping[str, Any]) -> Artifact:
    """Make an empty artifact, and its folder, for a stage to fill."""
    artifact = artifact_type()
    artifact.uri = str(make_folder(runtime["uri"]))
    return artifact


def describe_output(artifact: Artifact) -> dict[str, Any]:
    """Return the properties of a filled artifact as KFP takes them: plain values, none of them null."""
    values = {**artifact.mlmd_artifact.properties, **artifact.mlmd_artifact.custom_properties}
    metadata = {name: _to_plain(value) for name, value in values.items() if value.WhichOneof("value")}
    keep_folder(Path(artifact.uri))
    return {**metadata, ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY: __version__}


def _to_plain(value: metadata_store_pb2.Value) -> Any:
    content = getattr(value, value.WhichOneof("value"))
    return json_format.MessageToDict(content) if isinstance(content, message.Message) else content
