"""Training on several devices, or machines, through tf.distribute: a batch is divided, the gradients are added up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.training.loop import Block, TrainEpoch, measure

# Where there is no GPU, the processor stands for so many devices: to try it, for it brings no speed.
LOGICAL_CPUS = 2


class DeviceError(RuntimeError):
    """There are no devices to distribute over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Who trains together.

    Attributes:
        strategy: Of tf.distribute; the network has to be built in its scope.
        worker: Which of the workers this process is; 0 is the chief.
        workers: How many there are.
        own_shards: Whether each worker is given examples of its own, and not all of them.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    workers: int = 1
    own_shards: bool = False

    @property
    def is_chief(self) -> bool:
        """Whether this process evaluates, and what it trained is kept."""
        return self.worker == 0

    def share(self, message: Any) -> Any:
        """Return, in every worker, what the chief says; anything that JSON can hold."""
        said = np.frombuffer(json.dumps(message).encode(), np.uint8).astype(np.int32)
        with self.strategy.scope():  # a variable begins with the chief's value everywhere
            size = int(tf.Variable(len(said)).numpy())
            heard = tf.Variable(np.resize(said, size)).numpy()
        return json.loads(heard.astype(np.uint8).tobytes())


def open_mirrored() -> Distribution:
    """Distribute over the GPUs of this machine, or where there is none, over a processor that stands for two devices.

    Raises:
        DeviceError: There is one GPU alone.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) == 1:
        raise DeviceError(
            "--distribution mirrored: TensorFlow sees one GPU; expected two or more, or none, to try it on the "
            "processor. Leave the option out."
        )
    if not gpus:
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * LOGICAL_CPUS)
    return Distribution(strategy=tf.distribute.MirroredStrategy())


def open_multi_worker(worker: int, workers: int) -> Distribution:
    """Join the workers that TF_CONFIG names, and wait until all are there."""
    return Distribution(strategy=tf.distribute.MultiWorkerMirroredStrategy(), worker=worker, workers=workers)


def draw_batches(count: int, batch_size: int, replicas: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return 0 to count - 1 in random order, in the same batches as on one device, divided among replicas.

    Returns:
        int32 [steps, replicas, images of a step]; -1 where a replica has no image left.
    """
    order = rng.permutation(count).astype(np.int32)
    batches = _fill_up(order, -count % batch_size).reshape(-1, batch_size)
    return _fill_up(batches, -batch_size % replicas).reshape(len(batches), replicas, -(-batch_size // replicas))


def compile_distributed_epoch(
    model: keras.Sequential, optimizer: keras.optimizers.Optimizer, batch_size: int, distribution: Distribution
) -> TrainEpoch:
    """Compile what `compile_local_epoch` compiles, for all devices; all workers have to call it equally often."""
    strategy = distribution.strategy
    optimizer.build(model.trainable_variables)
    replicas_here = len(strategy.extended.worker_devices)
    first = distribution.worker * replicas_here
    totals = tf.Variable(
        tf.zeros(3, tf.float64),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )

    def give(values: Iterable[Any]) -> Any:
        """Give each replica of this worker the next of some values."""
        ready = iter(values)
        return strategy.experimental_distribute_values_from_function(lambda _: tf.identity(next(ready)))

    def draw(count: int, rng: np.random.Generator) -> NDArray[np.int32]:
        if not distribution.own_shards:
            batches = draw_batches(count, batch_size, strategy.num_replicas_in_sync, rng)
            return batches[:, first : first + replicas_here]
        # Of a batch that does not divide evenly the first workers take one image more.
        share = (batch_size + distribution.workers - 1 - distribution.worker) // distribution.workers
        return draw_batches(count, share, replicas_here, rng)

    @tf.function(jit_compile=True)
    def compute_gradients(
        images: tf.Tensor, labels: tf.Tensor, chosen: tf.Tensor, size: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        counts, rows = tf.cast(chosen >= 0, tf.float32), tf.maximum(chosen, 0)
        with tf.GradientTape() as tape:
            losses, sums = measure(model(tf.gather(images, rows), training=True), tf.gather(labels, rows), counts)
            loss = tf.reduce_sum(losses) / size
        return tape.gradient(loss, model.trainable_variables), sums

    def train_step(images: tf.Tensor, labels: tf.Tensor, batches: tf.Tensor, sizes: tf.Tensor, step: tf.Tensor) -> None:
        gradients, sums = compute_gradients(images, labels, batches[step], sizes[step])
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )  # adds up those of all replicas
        totals.assign_add(sums)

    @tf.function
    def train_steps(images: Any, labels: Any, batches: Any, sizes: tf.Tensor) -> None:
        for step in tf.range(tf.shape(sizes)[0]):
            strategy.run(train_step, args=(images, labels, batches, sizes, step))

    def train_epoch(blocks: Iterable[Block], rng: np.random.Generator) -> NDArray[np.float64]:
        totals.assign(tf.zeros(3, tf.float64))
        waiting = iter(blocks)
        nothing = Block(tf.zeros((1, *model.input_shape[1:])), tf.zeros(1, tf.int32))
        while True:
            block = next(waiting, None)
            batches = draw(len(block.labels) if block else 0, rng)
            steps = int(tf.reduce_max(strategy.gather(give([[len(batches)]] * replicas_here), axis=0)))
            if not steps:  # no worker has any images left
                return totals.numpy()
            parts = np.moveaxis(_fill_up(batches.T, steps - len(batches)).T, 1, 0)  # [replicas, steps, images]
            counts = (parts >= 0).sum(axis=-1).astype(np.float32)
            sizes = strategy.reduce(tf.distribute.ReduceOp.SUM, give(counts), axis=None)
            images, labels = block or nothing
            train_steps(give([images] * replicas_here), give([labels] * replicas_here), give(parts), sizes)

    return train_epoch


def _fill_up(numbers: NDArray[np.int32], missing: int) -> NDArray[np.int32]:
    """Add so many times -1 at the end of the last axis."""
    return np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, missing)], constant_values=-1)
