"""Where a run and its model come from: its artifacts, what it was started with, and who overruled the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An artifact of a run: its number in ML Metadata (0 where that is unknown), type, place and custom properties.

    One that is marked as deleted there is taken by no cache, whatever is left of it.
    """

    id: int = 0
    type: str = ""
    uri: Path
    properties: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False


def read_properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ML Metadata's properties, of which each is one of several fields, as plain values."""
    return {name: getattr(value, value.WhichOneof("value")) for name, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a run was started with and from; "" where that is not known.

    Attributes:
        data: Name of the data set and of the pipeline.
        data_dir: Folder of its IDX files.
        command: What starts such a run.
        recipe: SHA-256 of all that the model is made from.
        sources: SHA-256 of the sources that make it.
        git_commit: The commit, with `-dirty` where files were changed since.
        packages: Releases by name.
    """

    data: str = ""
    data_dir: str = ""
    command: str = ""
    recipe: str = ""
    sources: str = ""
    git_commit: str = ""
    packages: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """That a person pushed a model that the gate had not blessed, and why."""

    version: int
    reason: str
    pushed_at: str
