"""What a run has left behind so far: its stages, as ML Metadata lists them, and their artifacts in the bucket.

A task that runs whatever became of the others can be given no artifact of theirs by KFP: its driver fails where one is
missing. So it looks for itself, where KFP's launcher does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from components.report.lineage import Artifact, read_properties
from pipeline.kubeflow.again import UnavailableError
from pipeline.kubeflow.bucket import copy_files, open_store
from pipeline.kubeflow.places import SESSION_INFO, find_local_path, restore_properties

_HOST, _PORT = "METADATA_GRPC_SERVICE_HOST", "METADATA_GRPC_SERVICE_PORT"
# Where KFP's manifests put it.
_DEFAULT_HOST, _DEFAULT_PORT = "metadata-grpc-service.kubeflow", "8080"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """An artifact in a bucket, as ML Metadata knows it; nothing of it was fetched."""

    id: int
    type: str
    uri: str
    properties: dict[str, Any]

    def fetch(self) -> Artifact:
        """Copy it to where the launcher would have put it.

        Raises:
            UnavailableError: The store does not answer.
            OSError: It is gone, or may not be read.
        """
        scheme, _, path = self.uri.partition("://")
        store = open_store(scheme, self.properties.get(SESSION_INFO, ""))
        found = self.locate()
        copy_files(store, path, found.uri)
        return found

    def locate(self) -> Artifact:
        """Return what is known of it, and where its files would be."""
        return Artifact(
            id=self.id, type=self.type, uri=find_local_path(self.uri), properties=restore_properties(self.properties)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage that has begun.

    Attributes:
        state: ML Metadata's word: RUNNING, COMPLETE, FAILED, CACHED, CANCELED. One whose pod is lost stays RUNNING.
        started: When its driver made the record.
        outputs: Its artifacts by key; of one that failed, at most its log.
    """

    state: str
    started: datetime
    outputs: dict[str, StoredArtifact]


def read_stages(run_id: str) -> dict[str, StageRecord]:
    """Return the stages of a run that have begun, in their order.

    Raises:
        UnavailableError: ML Metadata does not answer.
    """
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    host, port = os.environ.get(_HOST) or _DEFAULT_HOST, os.environ.get(_PORT) or _DEFAULT_PORT
    store = ml_metadata.MetadataStore(metadata_store_pb2.MetadataStoreClientConfig(host=host, port=int(port)))
    try:
        return dict(_query_stages(store, metadata_store_pb2, run_id))
    except (ml_metadata.errors.UnavailableError, ml_metadata.errors.DeadlineExceededError) as error:
        raise UnavailableError(f"{host}:{port}: ML Metadata does not answer; see whether it runs ({error})") from error


def _query_stages(store: Any, proto: Any, run_id: str) -> Iterator[tuple[str, StageRecord]]:
    run = store.get_context_by_type_and_name("system.PipelineRun", run_id)
    executions = store.get_executions_by_context(run.id) if run else []
    for execution in sorted(executions, key=lambda each: int(each.id)):
        if execution.type != "system.ContainerExecution":
            continue  # of several stages
        events = store.get_events_by_execution_ids([execution.id])
        keys = {event.artifact_id: event.path.steps[0].key for event in events if event.type == proto.Event.OUTPUT}
        outputs = {
            keys[artifact.id]: StoredArtifact(
                id=artifact.id,
                type=artifact.type,
                uri=artifact.uri,
                properties=read_properties(artifact.custom_properties),
            )
            for artifact in (store.get_artifacts_by_id(list(keys)) if keys else [])
        }
        yield (
            execution.custom_properties["task_name"].string_value,
            StageRecord(
                state=proto.Execution.State.Name(execution.last_known_state),
                started=datetime.fromtimestamp(execution.create_time_since_epoch / 1000, timezone.utc),
                outputs=outputs,
            ),
        )
