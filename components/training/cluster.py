"""Who trains together: what TF_CONFIG says, checked before TensorFlow reads it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

TF_CONFIG = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'


class ClusterError(ValueError):
    """TF_CONFIG does not say who trains together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The addresses of all workers, HOST:PORT, the chief first, and which of them this one is."""

    addresses: tuple[str, ...]
    worker: int

    @property
    def is_chief(self) -> bool:
        """Whether this one runs the pipeline, evaluates and exports."""
        return self.worker == 0


def find_cluster(*, as_chief: bool) -> Cluster:
    """Return what TF_CONFIG says.

    Raises:
        ClusterError: It says nothing that is understood, or this one is the chief where it should not be, or is not.
    """
    cluster = read_cluster(os.environ.get(TF_CONFIG))
    if as_chief and not cluster.is_chief:
        raise ClusterError(
            f"{TF_CONFIG}: this is worker {cluster.worker} of {len(cluster.addresses)}, and the chief runs the "
            "pipeline; start `run_pipeline.py join` here."
        )
    if cluster.is_chief and not as_chief:
        raise ClusterError(
            f"{TF_CONFIG}: this is the chief; start `run_pipeline.py run --distribution multi-worker` here, and "
            "`join` on the others."
        )
    return cluster


def read_cluster(text: str | None) -> Cluster:
    """Read the value of TF_CONFIG; the chief is the task `chief`, or worker 0 where there is none.

    Raises:
        ClusterError: It is missing, is no JSON, or names no two workers and one of them as this one.

    Source: https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
    """
    if not text:
        raise ClusterError(f"--distribution multi-worker: {TF_CONFIG} is not set; expected {_EXAMPLE}.")
    try:
        values = json.loads(text)
        jobs, task = values["cluster"], values["task"]
        chiefs, workers = list(jobs.get("chief", [])), list(jobs.get("worker", []))
        place = _find_place(str(task["type"]), int(task["index"]), chiefs, workers)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ClusterError(f"{TF_CONFIG}: not understood ({_describe(error)}); expected {_EXAMPLE}.") from error
    addresses = (*chiefs, *workers)
    if others := sorted(set(jobs) - {"chief", "worker"}):
        raise ClusterError(f"{TF_CONFIG}: cluster has {', '.join(others)}; expected chief and worker alone.")
    if wrong := [address for address in addresses if not _is_address(address)]:
        raise ClusterError(f"{TF_CONFIG}: {str(wrong[0])[:100]!r} is no address; expected HOST:PORT.")
    if len(addresses) < 2 or len(chiefs) > 1 or len(set(addresses)) < len(addresses):
        raise ClusterError(
            f"{TF_CONFIG}: {len(set(addresses))} addresses, expected two or more, each once, of one chief."
        )
    return Cluster(addresses=addresses, worker=place)


def _find_place(kind: str, index: int, chiefs: list[Any], workers: list[Any]) -> int:
    """Return where a task stands among the chief and the workers after it."""
    known = {"chief": chiefs, "worker": workers}[kind]
    if not 0 <= index < len(known):
        raise IndexError(f"there is no {kind} {index}")
    return index + (len(chiefs) if kind == "worker" else 0)


def _is_address(address: object) -> bool:
    host, _, port = str(address).rpartition(":")
    return isinstance(address, str) and bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16


def _describe(error: Exception) -> str:
    return f"{error} is missing or unknown" if isinstance(error, KeyError) else str(error)
