"""Whether any node has room for a stage, where kubectl is here and may ask."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

_SECONDS = 10
# Suffixes of Kubernetes' quantities: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_SUFFIXES = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
}  # fmt: skip


class Room(NamedTuple):
    """What a node has for pods, or a stage asks for: CPUs, and memory in 10**9 bytes."""

    cpu: float
    memory_gb: float


def warn_of_too_large(package: str) -> list[str]:
    """Return a sentence for each stage of a package that asks for more than any node has; none where that is unknown.

    Args:
        package: What `compile_pipeline` returned.
    """
    nodes = read_nodes()
    if not nodes:
        return []
    return [
        f"{stage} asks for {asked.cpu:g} CPUs and {asked.memory_gb:g} GB, more than any node of kubectl's cluster has "
        f"({_describe(nodes)}): its pod would wait; lower the requests in [stages.{stage}] or [stages.default]"
        for stage, asked in _read_requests(package)
        if not any(asked.cpu <= node.cpu and asked.memory_gb <= node.memory_gb for node in nodes)
    ]


def _read_requests(package: str) -> Iterator[tuple[str, Room]]:
    spec = next(yaml.safe_load_all(package))
    for label, executor in spec.get("deploymentSpec", {}).get("executors", {}).items():
        resources = executor["container"]["resources"]
        cpu, memory = (parse_quantity(resources[f"resource{kind}Request"]) for kind in ("Cpu", "Memory"))
        yield label.removeprefix("exec-"), Room(cpu, memory / 1e9)


def read_nodes() -> list[Room]:
    """Return what the nodes of kubectl's cluster have for pods; none where there is no kubectl, or no right to ask."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return []
    command = [kubectl, "get", "nodes", "-o", "json", f"--request-timeout={_SECONDS}s"]
    try:
        asked = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
        return _read_rooms(json.loads(asked.stdout).get("items", []))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, AttributeError):
        return []


def _read_rooms(nodes: Sequence[Mapping[str, Any]]) -> list[Room]:
    rooms = []
    for node in nodes:
        free = node["status"]["allocatable"]
        rooms.append(Room(parse_quantity(free["cpu"]), parse_quantity(free["memory"]) / 1e9))
    return rooms


def parse_quantity(text: str) -> float:
    """Return the number that a quantity of Kubernetes means.

    Raises:
        ValueError: It is none.
    """
    number = text.rstrip("".join(sorted({character for suffix in _SUFFIXES for character in suffix})))
    return float(number) * _SUFFIXES.get(text[len(number) :], 1.0)


def _describe(nodes: Sequence[Room]) -> str:
    largest = max(nodes)
    return f"the largest has {largest.cpu:g} and {largest.memory_gb:.1f}"
