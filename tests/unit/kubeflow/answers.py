"""What KFP 2.17 says of a run: its API, the older one, and ML Metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from ml_metadata.proto import metadata_store_service_pb2 as service

from tests.unit.kubeflow.gateway import pack

RUN = "40f0a814-0b65"
STARTED, LATER = "2026-11-26T02:00:00Z", "2026-11-26T02:01:30Z"
NEVER = "0001-01-01T00:00:00Z"  # what the API says of a time that has not come


def make_run(state: str, *stages: tuple[str, str]) -> dict[str, Any]:
    """Make what the API says of a run whose stages have these states; "" for one whose driver has just begun."""
    tasks = [{"display_name": "root-driver", "state": "SUCCEEDED", "start_time": STARTED, "end_time": STARTED}]
    for name, stage in stages:
        driver = {"display_name": f"{name}-driver", "state": "SUCCEEDED" if stage else "RUNNING", "start_time": STARTED}
        ended = LATER if stage in ("SUCCEEDED", "FAILED") else NEVER
        task = {"display_name": name, "state": stage, "start_time": STARTED, "end_time": ended}
        tasks += [{**driver, "end_time": STARTED if stage else NEVER}, *([task] if stage else [])]
    ended = LATER if state in ("SUCCEEDED", "FAILED", "CANCELED") else NEVER
    details = {"task_details": tasks}
    return {"run_id": RUN, "state": state, "created_at": STARTED, "finished_at": ended, "run_details": details}


def make_manifest(stage: str, phase: str, message: str = "") -> dict[str, Any]:
    """Make what the older API says of a run: the Workflow, with the pod of one stage."""
    node = {
        "id": "fashion-mnist-x7k2p-123", "name": f"fashion-mnist-x7k2p.root.{stage}.executor(0)", "type": "Pod",
        "templateName": "retry-system-container-impl", "phase": phase, "message": message, "startedAt": STARTED,
    }  # fmt: skip
    metadata = {"name": "fashion-mnist-x7k2p", "namespace": "kubeflow"}
    workflow = {"metadata": metadata, "status": {"nodes": {node["id"]: node}}}
    return {"pipeline_runtime": {"workflow_manifest": json.dumps(workflow)}}


CHECKED = ("DataValidator.validation", "Evaluator.evaluation", "Pusher.pushed_model")


def make_metadata(version: int | None = None, outputs: Sequence[str] = CHECKED) -> dict[str, bytes]:
    """Make what ML Metadata says of a run: where its outputs lie, and the version that was pushed."""
    context = service.GetContextByTypeAndNameResponse(context=metadata_store_pb2.Context(id=1))
    executions, events = service.GetExecutionsByContextResponse(), service.GetEventsByExecutionIDsResponse()
    artifacts = service.GetArtifactsByIDResponse()
    for number, output in enumerate(outputs, start=1):
        stage, _, key = output.partition(".")
        execution = executions.executions.add(id=number)
        execution.custom_properties["task_name"].string_value = stage
        event = events.events.add(execution_id=number, artifact_id=number, type=metadata_store_pb2.Event.OUTPUT)
        event.path.steps.add(key=key)
        artifact = artifacts.artifacts.add(id=number, uri=f"minio://mlpipeline/v2/{key}")
        if stage == "Pusher" and version is not None:
            artifact.custom_properties["pushed_version"].double_value = version  # KFP knows no other numbers
            artifact.custom_properties["newly_pushed"].double_value = 1
    return {
        "GetContextByTypeAndName": pack(context), "GetExecutionsByContext": pack(executions),
        "GetEventsByExecutionIDs": pack(events), "GetArtifactsByID": pack(artifacts),
    }  # fmt: skip
