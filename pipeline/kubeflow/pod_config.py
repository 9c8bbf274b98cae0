"""What the pods of a run are given: volumes, secrets, processors, memory, and an engine for those over the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from pipeline.declared import ConfigError, Declared, Option
from pipeline.engines.engine import parse_address

# A node of 2 CPUs and 8 GB has room for them beside what a cluster runs everywhere.
_CPU_REQUEST, _MEMORY_REQUEST_GB = 0.5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Declared):
    """A PersistentVolumeClaim, and where a container finds it."""

    claim: Annotated[str, Option("Name of the claim, in the namespace of the runs.")]

    mount_path: Annotated[str, Option("Absolute path in the container.")]

    def __post_init__(self) -> None:
        if not self.mount_path.startswith("/"):
            raise ConfigError(f"mount_path {self.mount_path}: expected an absolute path.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Declared):
    """A key of a Kubernetes Secret, as an environment variable of the stage that reads the data."""

    name: str
    key: str
    env: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu(Declared):
    """What the Trainer gets. It fails where TensorFlow sees none; leave the table out to train without."""

    count: Annotated[int, Ge(1), Option("Number of GPUs.", unit="GPUs")]

    image: Annotated[str, Option("The image with CUDA, by tag or digest.")]

    resource: Annotated[str, Option("Name of the resource in Kubernetes.")] = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Declared):
    """What a stage's container is given, and which nodes its pod may run on."""

    cpu: Annotated[float, Gt(0), Option("Most that it may use.", unit="CPUs")] = 1.0

    memory_gb: Annotated[
        float, Gt(0), Option("Most that it may use; it is ended where it uses more.", unit="10**9 bytes")
    ] = 4.0

    cpu_request: Annotated[
        float | None, Gt(0), Option("What a node must have free; 0.5, or less where `cpu` is.", unit="CPUs")
    ] = None

    memory_request_gb: Annotated[
        float | None, Gt(0), Option("What a node must have free; 2, or less where `memory_gb` is.", unit="10**9 bytes")
    ] = None

    node_selector: Annotated[dict[str, str], Option("Labels that a node must have.")] = field(default_factory=dict)

    tolerations: Annotated[list[dict[str, Any]], Option("Taints that the pod tolerates, in Kubernetes' own words.")] = (
        field(default_factory=list)
    )

    def __post_init__(self) -> None:
        for name, request, limit in (
            ("cpu", self.cpu_request, self.cpu),
            ("memory", self.memory_request_gb, self.memory_gb),
        ):
            if request is not None and request > limit:
                raise ConfigError(
                    f"{name} of a stage: {request:g} requested, expected no more than its limit, {limit:g}."
                )

    @property
    def requests(self) -> tuple[float, float]:
        """CPUs and memory that a node must have free. Without them Kubernetes would ask for as much as the limits."""
        return (
            self.cpu_request or min(self.cpu, _CPU_REQUEST),
            self.memory_request_gb or min(self.memory_gb, _MEMORY_REQUEST_GB),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEngine(Declared):
    """An engine that the stages over the data run on, and the volume that their pods share with its workers."""

    name: Annotated[Literal["flink", "prism"], Option("Its kind.")]

    address: Annotated[str, Option("HOST:PORT of its job server for Beam.")]

    worker_pool: Annotated[str, Option("HOST:PORT at which each of its machines finds a pool of Python workers.")]

    asked_pool: Annotated[str, Option("HOST:PORT at which a pod of a run finds one of these.")]

    volume: Annotated[Volume, Option("What such a stage works in; its workers mount it at the same path.")]

    workers: Annotated[int, Ge(1), Option("How many of its workers work at once.")] = 2

    def __post_init__(self) -> None:
        parse_address("engine.address", self.address)
        parse_address("engine.worker_pool", self.worker_pool)
        parse_address("engine.asked_pool", self.asked_pool)
