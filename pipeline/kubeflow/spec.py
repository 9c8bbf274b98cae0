"""Parts of a compiled file that every pipeline has. A name is given twice: older backends know only its first form."""

from __future__ import annotations

from typing import Any

from pipeline.kubeflow.pod_config import Stage, Volume


def describe_resources(stage: Stage) -> dict[str, Any]:
    """Return requests and limits of a container: numbers for older backends, Kubernetes' quantities for newer ones."""
    resources: dict[str, Any] = {}
    for kind, (cpu, memory_gb) in (("Request", stage.requests), ("Limit", (stage.cpu, stage.memory_gb))):
        resources |= {f"cpu{kind}": cpu, f"resourceCpu{kind}": f"{cpu:g}"}
        resources |= {f"memory{kind}": memory_gb, f"resourceMemory{kind}": f"{memory_gb:g}G"}
    return resources


def mount_volume(volume: Volume) -> dict[str, Any]:
    """Return how a claim is mounted."""
    return {"constant": volume.claim, "pvcNameParameter": constant(volume.claim), "mountPath": volume.mount_path}


def constant(value: str) -> dict[str, Any]:
    """Return a value that is fixed when the pipeline is compiled."""
    return {"runtimeValue": {"constant": value}}
