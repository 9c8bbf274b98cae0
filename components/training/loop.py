"""The training loop: one call into TensorFlow for each block of images, with no round trip for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.training.averages import AveragingAdam, use_averages

# Steps for each turn of the compiled loop, which copies weights and optimizer state once a turn: with one step a turn,
# that takes as long as the step itself.
STEPS_A_TURN = 5


class Block(NamedTuple):
    """Images float32 [N, height, width], as the network reads them, and labels int32 [N]; both on the device."""

    images: tf.Tensor
    labels: tf.Tensor


# Trains on the blocks of an epoch, in an order by that generator; returns the sums of `measure` over its steps.
TrainEpoch: TypeAlias = Callable[[Iterable[Block], np.random.Generator], NDArray[np.float64]]
# Takes the model, its optimizer and how many images are a step.
CompileEpoch: TypeAlias = Callable[[keras.Sequential, keras.optimizers.Optimizer, int], TrainEpoch]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """Means over the images of an epoch.

    `loss` and `accuracy` are those of the training steps as they went, `eval_loss` and `eval_accuracy` those of the
    weights that would be exported after the epoch: the averaged ones, unless there is no averaging.
    """

    epoch: int
    loss: float
    accuracy: float
    eval_loss: float
    eval_accuracy: float


def fit(
    model: keras.Sequential,
    read_train: Callable[[int], Iterable[Block]],
    read_eval: Callable[[int], Iterable[Block]],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    averaging: bool,
    seed: int,
    on_epoch: Callable[[EpochResult], None],
    compile_epoch: CompileEpoch | None = None,
) -> list[EpochResult]:
    """Train with Adam on sparse categorical crossentropy; the same batches come from the same seed.

    Args:
        model: Takes float32 [N, height, width], returns logits [N, classes]. Trained in place; in the end it has the
            averaged weights, unless there is no averaging.
        read_train: Gives the blocks of an epoch (0, 1, ...). Each is shuffled here; a block that is not the last holds
            a multiple of `batch_size` images.
        read_eval: Gives the blocks of the `eval` split, which only show how the training goes.
        epochs: Passes over the training images.
        batch_size: Images in a step. The last step of an epoch takes what is left.
        learning_rate: Of Adam (Kingma and Ba, 2014), with Keras' other defaults.
        averaging: Whether the model ends with averaged weights. The training goes the same way with them and without.
        seed: Of the order of the images.
        on_epoch: Called after each epoch.
        compile_epoch: Trains where it is not one device; by default, `compile_local_epoch`.

    Returns:
        One result for each epoch.
    """
    optimizer = (AveragingAdam if averaging else keras.optimizers.Adam)(learning_rate)
    train_epoch = (compile_epoch or compile_local_epoch)(model, optimizer, batch_size)
    count_answers = _compile_count(model)
    results = []
    for epoch in range(epochs):
        trained = train_epoch(read_train(epoch), np.random.default_rng((seed, epoch)))
        with use_averages(model, optimizer):
            answered = sum((np.array(count_answers(*block)) for block in read_eval(epoch)), np.zeros(3))
        loss, accuracy = trained[:2] / max(trained[2], 1)
        eval_loss, eval_accuracy = answered[:2] / max(answered[2], 1)
        results.append(
            EpochResult(
                epoch=epoch + 1,
                loss=float(loss),
                accuracy=float(accuracy),
                eval_loss=float(eval_loss),
                eval_accuracy=float(eval_accuracy),
            )
        )
        on_epoch(results[-1])
    optimizer.finalize_variable_values(model.trainable_variables)
    return results


def shuffle_batches(count: int, batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int32]]:
    """Return 0 to count - 1 in random order, as batches for the compiled loop.

    Returns:
        int32 [turns, steps of a turn, images of a step] each: full turns, full batches that fill no turn, the rest.
    """
    order = rng.permutation(count).astype(np.int32)
    turn = STEPS_A_TURN * batch_size
    turned, full = count - count % turn, count - count % batch_size
    parts = [
        order[:turned].reshape(-1, STEPS_A_TURN, batch_size),
        order[turned:full].reshape(-1, 1, batch_size),
        order[None, None, full:],
    ]
    return [part for part in parts if part.size]


def compile_local_epoch(model: keras.Sequential, optimizer: keras.optimizers.Optimizer, batch_size: int) -> TrainEpoch:
    """Compile training over all batches of a block into one XLA computation."""
    optimizer.build(model.trainable_variables)

    @tf.function
    def train_step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses, sums = measure(model(images, training=True), labels)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return sums

    @tf.function(jit_compile=True)
    def train_steps(images: tf.Tensor, labels: tf.Tensor, batches: tf.Tensor) -> tf.Tensor:
        totals = tf.zeros(3, tf.float64)
        for turn in tf.range(tf.shape(batches)[0]):
            for step in range(batches.shape[1]):
                chosen = batches[turn, step]
                totals += train_step(tf.gather(images, chosen), tf.gather(labels, chosen))
        return totals

    def train_epoch(blocks: Iterable[Block], rng: np.random.Generator) -> NDArray[np.float64]:
        trained = np.zeros(3)
        for block in blocks:
            for batches in shuffle_batches(len(block.labels), batch_size, rng):
                trained += train_steps(*block, batches)
        return trained

    return train_epoch


def measure(logits: tf.Tensor, labels: tf.Tensor, counts: tf.Tensor | float = 1.0) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the loss of each image, and float64 [3]: the sum of the losses, the right answers, the images.

    `counts` is 0 for an image that does not count.
    """
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    losses = crossentropy(labels, logits) * counts
    right = tf.cast(tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), labels), tf.float32) * counts
    images = tf.reduce_sum(tf.ones_like(right) * counts)
    return losses, tf.cast(tf.stack([tf.reduce_sum(losses), tf.reduce_sum(right), images]), tf.float64)


def _compile_count(model: keras.Sequential) -> Callable[..., tf.Tensor]:
    """Compile counting over a block into one XLA computation."""

    @tf.function(jit_compile=True)
    def count_answers(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return measure(model(images, training=False), labels)[1]

    return count_answers
