"""Artifacts on their way between Kubeflow Pipelines, which knows them by address, and TFX, which opens folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import json_format, message
from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact
from tfx.types.artifact_utils import ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY
from tfx.version import __version__

# Where KFP's launcher puts inputs and collects outputs:
# https://github.com/kubeflow/pipelines/blob/2.17.0/backend/src/v2/component/launcher_v2.go
LOCAL_ROOTS = {"gs": Path("/gcs"), "minio": Path("/minio"), "s3": Path("/s3")}

# What KFP adds to the metadata of artifacts.
_KFPS_OWN = {"display_name", "store_session_info"}

HTML, METRICS = "system.HTML", "system.Metrics"


class View(NamedTuple):
    """A file of an artifact that KFP's web page can show: an output more, `<key>_<name>`, of a type that it knows."""

    name: str
    title: str
    file: str


# By the name of the artifact's TFX type. Of HTML, the page reads the one object at the artifact's address; of metrics,
# it lists the numbers among the properties:
# https://github.com/kubeflow/pipelines/blob/2.17.0/frontend/src/components/viewers/MetricsVisualizations.tsx
VIEWS: dict[str, tuple[View, ...]] = {
    "RunReport": (View("html", HTML, "report.html"), View("metrics", METRICS, "metrics.json")),
}


def list_outputs(outputs: Mapping[str, type[Artifact]]) -> dict[str, str]:
    """Return KFP's type for each output of a stage, views among them."""
    titles = {}
    for key, artifact_type in outputs.items():
        titles[key] = f"tfx.{artifact_type.TYPE_NAME}"
        titles |= {f"{key}_{view.name}": view.title for view in VIEWS.get(artifact_type.TYPE_NAME, ())}
    return titles


def find_local_path(uri: str) -> Path:
    """Return where the launcher keeps the artifact of that address.

    Raises:
        ValueError: The address is in no store that KFP knows.
    """
    scheme, _, rest = uri.partition("://")
    if scheme not in LOCAL_ROOTS:
        raise ValueError(f"{uri}: expected an address that starts with {', '.join(LOCAL_ROOTS)}.")
    return LOCAL_ROOTS[scheme] / rest


def restore_input(artifact_type: type[Artifact], runtime: Mapping[str, Any]) -> Artifact:
    """Make the TFX artifact of what KFP says of it. Its type is the pipeline's: KFP's own word for it varies."""
    artifact = artifact_type()
    artifact.uri = str(find_local_path(runtime["uri"]))
    if str(runtime.get("name", "")).isdecimal():  # its number in ML Metadata, which the Evaluator notes
        artifact.id = int(runtime["name"])
    for name, value in runtime.get("metadata", {}).items():
        if name not in _KFPS_OWN:
            _set_property(artifact, name, value["struct"] if _is_struct(value) else value)
    artifact.set_mlmd_artifact(artifact.mlmd_artifact)  # what was set reaches the message, where executors look
    return artifact


def _is_struct(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"struct"}


def _set_property(artifact: Artifact, name: str, value: Any) -> None:
    """Set a property, declared or not. JSON has one kind of number: a whole one was an int."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
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
    path = find_local_path(runtime["uri"])
    path.mkdir(parents=True, exist_ok=True)
    artifact.uri = str(path)
    return artifact


def describe_output(artifact: Artifact) -> dict[str, Any]:
    """Return the properties of a filled artifact as KFP takes them: plain values, none of them null."""
    values = {**artifact.mlmd_artifact.properties, **artifact.mlmd_artifact.custom_properties}
    metadata = {name: _to_plain(value) for name, value in values.items() if value.WhichOneof("value")}
    directory = Path(artifact.uri)
    if not any(directory.iterdir()):
        (directory / ".empty").touch()  # a folder with nothing in it is no object in a bucket
    return {**metadata, ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY: __version__}


def _to_plain(value: metadata_store_pb2.Value) -> Any:
    content = getattr(value, value.WhichOneof("value"))
    return json_format.MessageToDict(content) if isinstance(content, message.Message) else content


def write_view(view: View, artifact: Artifact, uri: str) -> dict[str, Any]:
    """Write the file that KFP's page shows, and return the metadata that it lists."""
    source, target = Path(artifact.uri, view.file), find_local_path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if view.title != METRICS:
        return {}
    return {name: value for name, value in json.loads(source.read_text()).items() if isinstance(value, (int, float))}
