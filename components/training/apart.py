"""Training in a process of its own, which joins others where there are several workers; what becomes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from components.training.cluster import TF_CONFIG, Cluster

# The chief's data stages come first; at 70,000 images they take less than a minute.
WAIT_SECONDS = 600
_ROOT = Path(__file__).resolve().parents[2]


class TrainingError(RuntimeError):
    """The training came to no end."""


def train_apart(
    job: Mapping[str, Any] | None,
    cluster: Cluster | None,
    on_epoch: Callable[[Mapping[str, Any]], None],
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Train in a process of its own.

    Args:
        job: What the chief has to do: `train_files`, `eval_files`, `transform_graph`; `network`, as Keras' JSON; `fit`,
            what loop.fit takes beside them; and `weights`, the file that the weights are written to, as numpy's savez
            does. Other workers have none: the chief tells them.
        cluster: Who trains together; None for the devices of this machine.
        on_epoch: Called after each epoch, with the fields of EpochResult.
        wait_seconds: How long to wait until all workers are there.

    Raises:
        TrainingError: A worker did not come, was lost, or failed.
    """
    order = {"job": job} | ({"worker": cluster.worker, "workers": len(cluster.addresses)} if cluster else {})
    joined, trained = False, False
    with tempfile.TemporaryFile("w+") as errors, _start(order, cluster, errors) as process:
        waiting = Timer(wait_seconds, process.kill)  # TensorFlow heeds no gentler signal while it waits
        waiting.start()
        for what, value in map(json.loads, process.stdout or ()):
            waiting.cancel()
            joined, trained = True, what == "trained"
            if what == "epoch":
                on_epoch(value)
        waiting.cancel()
        process.wait()
        if not trained:
            errors.seek(0)
            raise TrainingError(_explain(cluster, process.returncode, errors.read(), wait_seconds, joined=joined))


@contextmanager
def _start(order: Mapping[str, Any], cluster: Cluster | None, errors: Any) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if cluster or name != TF_CONFIG}
    process = subprocess.Popen(
        [sys.executable, "-m", "components.training.process"],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    try:
        assert process.stdin
        with process.stdin:
            json.dump(order, process.stdin)
        yield process
    finally:
        process.kill()
        process.wait()


def _explain(cluster: Cluster | None, code: int, errors: str, wait_seconds: float, *, joined: bool) -> str:
    """Say why a training came to no end."""
    lines = [line for line in errors.splitlines() if line.strip()]
    cause = lines[-1][:400] if lines else f"exit code {code}"
    if found := re.match(r"\w+: (--.*)", cause):  # a sentence of ours
        return found[1]
    if cluster is None:
        return f"--distribution mirrored: the training broke off ({cause})."
    others = ", ".join(address for index, address in enumerate(cluster.addresses) if index != cluster.worker)
    if not joined and code < 0:
        return (
            f"--distribution multi-worker: not all of {others} were there within {wait_seconds:g} s; "
            "start `run_pipeline.py join` on each but the chief, with its TF_CONFIG."
        )
    return (
        f"--distribution multi-worker: the training with {others} broke off ({cause}); see there, and start all anew."
    )
