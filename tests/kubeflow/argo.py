"""The part of Argo's controller and of KFP's persistence agent: what became of a Workflow is told to the API server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.request import Request, urlopen

from tests.kubeflow.kubernetes_server import NAMESPACE, KubernetesServer

STARTED = datetime(2026, 11, 26, 2, tzinfo=timezone.utc)
_WORKFLOWS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows"
_FINAL = ("Succeeded", "Failed", "Error")


def start_scheduled(kubernetes: KubernetesServer, schedule: Mapping[str, Any], run_id: str = "") -> dict[str, Any]:
    """Make the Workflow that KFP's controller makes when the time of a ScheduledWorkflow has come."""
    metadata = schedule["metadata"]
    owner = {
        "apiVersion": "kubeflow.org/v1beta1", "kind": "ScheduledWorkflow", "name": metadata["name"],
        "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    workflow = json.loads(schedule["spec"]["workflow"]["spec"])
    workflow |= {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {
            "name": f"{metadata['name']}-{uuid.uuid4().hex[:5]}", "namespace": NAMESPACE, "ownerReferences": [owner],
            "labels": {"pipeline/runid": run_id or str(uuid.uuid4())},
        },
    }  # fmt: skip
    return kubernetes.create(_WORKFLOWS, workflow)


def report(api: str, workflow: dict[str, Any], phase: str, stages: Mapping[str, tuple[str, str]]) -> str:
    """Tell the API server how far a Workflow is, and return the id of its run.

    Args:
        api: Address of the API server.
        workflow: As Kubernetes has it.
        phase: Argo's word for the whole of it.
        stages: By name, the phase of a stage's pod, and what Argo says of it.
    """
    name = workflow["metadata"]["name"]
    nodes = [make_node(name, name, "DAG", phase), make_node(name, f"{name}.root-driver", "Pod", "Succeeded")]
    nodes.append(make_node(name, f"{name}.root", "DAG", phase))
    for minute, (stage, (pod, message)) in enumerate(stages.items()):
        path = f"{name}.root.{stage}"
        dag = make_node(name, path, "DAG", "Running" if pod == "Pending" else pod, minute=minute)
        executor = make_node(name, f"{path}.executor(0)", "Pod", pod, message, minute=minute)
        nodes += [make_node(name, f"{path}-driver", "Retry", "Succeeded", minute=minute), dag, executor]
    workflow["status"] = {
        "phase": phase, "startedAt": nodes[0]["startedAt"], "finishedAt": nodes[0]["finishedAt"],
        "nodes": {node["id"]: node for node in nodes},
    }  # fmt: skip
    body = json.dumps(json.dumps(workflow)).encode()
    with urlopen(Request(f"{api}/apis/v2beta1/workflows", body, {"Content-Type": "application/json"}), timeout=30):
        return str(workflow["metadata"]["labels"]["pipeline/runid"])


def make_node(workflow: str, name: str, kind: str, phase: str, message: str = "", minute: int = 0) -> dict[str, Any]:
    """Make a node of a Workflow's status that took half a minute; the ids are Argo's, by FNV-1a."""
    started = STARTED + timedelta(minutes=minute)
    ended = started + timedelta(seconds=30)
    number = 0x811C9DC5
    for byte in name.encode():
        number = (number ^ byte) * 0x01000193 & 0xFFFFFFFF
    return {
        "id": workflow if name == workflow else f"{workflow}-{number}", "name": name, "type": kind, "phase": phase,
        "displayName": name.rpartition(".")[2], "templateName": "retry-system-container-impl", "message": message,
        "startedAt": _write(started), "finishedAt": _write(ended) if phase in _FINAL else None,
    }  # fmt: skip


def _write(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
