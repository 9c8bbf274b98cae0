"""Which artifacts the runs in ML Metadata have, and how those that are removed are marked there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeAlias

from pipeline.artifact_files import FILES_PROPERTY
from pipeline.store import check_store, open_store

# Stage, output and number: where an artifact lies below `artifacts/`, wherever the output folder was moved to.
Place: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuns:
    """What a store knows.

    Attributes:
        artifacts: The artifacts that each run made or took from the cache, by the run's name.
        started: When each run started, UTC.
        places: Where each artifact lies.
    """

    artifacts: Mapping[str, frozenset[int]] = field(default_factory=dict)
    started: Mapping[str, datetime] = field(default_factory=dict)
    places: Mapping[int, Place] = field(default_factory=dict)


def read_stored_runs(metadata_path: Path) -> StoredRuns | None:
    """Read what a store knows of runs and their artifacts; None without a store.

    Raises:
        StoreError: There is one, but it can't be read.
    """
    if not check_store(metadata_path):
        return None
    from ml_metadata.proto import metadata_store_pb2

    with open_store(metadata_path) as store:
        outputs: dict[int, set[int]] = defaultdict(set)
        executions = [execution.id for execution in store.get_executions()]
        for event in store.get_events_by_execution_ids(executions) if executions else []:
            if event.type == metadata_store_pb2.Event.OUTPUT:
                outputs[event.execution_id].add(event.artifact_id)
        runs = store.get_contexts_by_type("pipeline_run")
        return StoredRuns(
            artifacts={
                run.name: frozenset().union(*(outputs[each.id] for each in store.get_executions_by_context(run.id)))
                for run in runs
            },
            started={run.name: datetime.fromtimestamp(run.create_time_since_epoch / 1e3, timezone.utc) for run in runs},
            places={
                artifact.id: place
                for artifact in store.get_artifacts()
                if (place := find_place(Path(artifact.uri))) is not None
            },
        )


def find_place(path: Path) -> Place | None:
    """Return stage, output and number of an artifact, which its path ends with; None for a path that does not."""
    stage, output, number = ("", "", "", *path.parts)[-3:]
    return (stage, output, number) if stage and number.isdecimal() and ".." not in (stage, output) else None


def mark_deleted(metadata_path: Path, artifacts: Iterable[int]) -> None:
    """Mark artifacts as deleted, in one transaction: TFX's cache takes live ones only. Their lists of files go.

    Raises:
        StoreError: The store can't be written.
    """
    from ml_metadata.proto import metadata_store_pb2

    with open_store(metadata_path, writable=True) as store:
        found = store.get_artifacts_by_id(sorted(artifacts))
        for artifact in found:
            artifact.state = metadata_store_pb2.Artifact.DELETED
            if FILES_PROPERTY in artifact.custom_properties:  # the most of what a store holds
                artifact.custom_properties[FILES_PROPERTY].string_value = ""
        store.put_artifacts(found)
