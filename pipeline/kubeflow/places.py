"""Where KFP's launcher puts the artifacts of a pod: an address in a store is a path below one of three folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.report.lineage import Artifact

# https://github.com/kubeflow/pipelines/blob/2.17.0/backend/src/v2/component/launcher_v2.go
LOCAL_ROOTS = {"gs": Path("/gcs"), "minio": Path("/minio"), "s3": Path("/s3")}

# What KFP adds to the metadata of artifacts.
SESSION_INFO = "store_session_info"
_KFPS_OWN = {"display_name", SESSION_INFO}


def find_local_path(uri: str) -> Path:
    """Return where the launcher keeps the artifact of that address.

    Raises:
        ValueError: The address is in no store that KFP knows.
    """
    scheme, _, rest = uri.partition("://")
    if scheme not in LOCAL_ROOTS:
        raise ValueError(f"{uri}: expected an address that starts with {', '.join(LOCAL_ROOTS)}.")
    return LOCAL_ROOTS[scheme] / rest


def restore_properties(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an artifact as they were set. JSON has one kind of number: a whole one was an int."""
    return {name: _restore(value) for name, value in metadata.items() if name not in _KFPS_OWN}


def _restore(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"struct"}:
        return value["struct"]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def restore_artifact(runtime: Mapping[str, Any]) -> Artifact:
    """Make the record of an artifact of what KFP says of it."""
    name = str(runtime.get("name", ""))  # its number in ML Metadata
    return Artifact(
        id=int(name) if name.isdecimal() else 0,
        uri=find_local_path(runtime["uri"]),
        properties=restore_properties(runtime.get("metadata", {})),
    )


def make_folder(uri: str) -> Path:
    """Make the folder of an output: the launcher makes its parent only."""
    path = find_local_path(uri)
    path.mkdir(parents=True, exist_ok=True)
    return path


def keep_folder(path: Path) -> None:
    """Leave something to upload: a folder with nothing in it is no object in a bucket."""
    if not any(path.iterdir()):
        (path / ".empty").touch()
