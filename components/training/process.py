"""The process in which one worker of a distributed training trains: `python -m components.training.process`.

tf.distribute wants to be set up before TensorFlow does anything else, and ends a process whose peer is lost; so the
training has one of its own (apart.py). On standard input stands what to do, as JSON; on standard output comes a line
of JSON for each thing that happens.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.training.distributed import Distribution, compile_distributed_epoch, open_mirrored, open_multi_worker
from components.training.examples import ExampleBlocks
from components.training.loop import fit
from components.training.network import ImageTransform


def main() -> None:
    """Join the other workers, train, and leave the weights where the chief was told to."""
    order = json.load(sys.stdin)
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    distribution = open_multi_worker(order["worker"], order["workers"]) if "workers" in order else open_mirrored()
    _tell("joined", len(distribution.strategy.extended.worker_devices))
    job = distribution.share(order["job"])
    weights = train(job, distribution, **job["fit"])
    if distribution.is_chief:
        np.savez(job["weights"], *weights)
    _tell("trained", None)


def train(
    job: Mapping[str, Any], distribution: Distribution, *, batch_size: int, seed: int, **others: Any
) -> list[Any]:
    """Train as a job says (apart.py), tell of each epoch, and return the weights; the rest is what `fit` takes.

    Raises:
        ValueError: A batch has fewer images than there are devices.
    """
    replicas = distribution.strategy.num_replicas_in_sync
    if batch_size < replicas:
        raise ValueError(f"--batch-size {batch_size}: expected {replicas} or more, an image for each device.")
    transform = ImageTransform(job["transform_graph"])
    part = (distribution.worker, distribution.workers)
    examples = ExampleBlocks(job["train_files"], transform, batch_size, seed, part)
    evaluation = ExampleBlocks(job["eval_files"], transform, batch_size, seed)
    keras.utils.set_random_seed(seed)
    with distribution.strategy.scope():
        network = keras.models.model_from_json(job["network"])
        fit(
            network,
            examples,
            evaluation if distribution.is_chief else lambda _: [],
            batch_size=batch_size,
            seed=seed,
            on_epoch=lambda result: _tell("epoch", asdict(result)),
            compile_epoch=partial(
                compile_distributed_epoch, distribution=replace(distribution, own_shards=examples.streams)
            ),
            **others,
        )
    return network.get_weights()


def _tell(what: str, value: Any) -> None:
    print(json.dumps([what, value]), flush=True)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001 - whatever it is, one line says so
        sys.exit(f"{type(error).__name__}: {error}")
