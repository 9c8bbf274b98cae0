"""What is exported is the average over the last part of the steps, of one step as of many; never the first weights."""

from __future__ import annotations

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.training.averages import PARTS, AveragingAdam
from components.training.loop import Block, EpochResult, fit, shuffle_batches
from components.training.network import build_model

BATCH_SIZE, SEED = 8, 42


def make_block(images: int) -> Block:
    rng = np.random.default_rng(3)
    labels = np.arange(images) % 10
    pixels = rng.random((images, 6, 6)) + labels[:, None, None] * np.eye(6)
    return Block(tf.constant(pixels, tf.float32), tf.constant(labels, tf.int32))


def cut(block: Block, edges: tuple[int, ...]) -> list[Block]:
    ends = [0, *edges, len(block.labels)]
    return [Block(block.images[a:b], block.labels[a:b]) for a, b in pairwise(ends)]


def train(
    block: Block, *, averaging: bool, epochs: int = 1, edges: tuple[int, ...] = ()
) -> tuple[keras.Sequential, list[EpochResult]]:
    keras.utils.set_random_seed(1)
    network = build_model((6, 6), 10, 4)
    results = fit(
        network,
        lambda _: cut(block, edges),
        lambda _: [block],
        epochs=epochs,
        batch_size=BATCH_SIZE,
        learning_rate=0.001,
        averaging=averaging,
        seed=SEED,
        on_epoch=lambda _: None,
    )
    return network, results


def list_weights_by_step(block: Block, epochs: int, edges: tuple[int, ...] = ()) -> list[list[np.ndarray]]:
    """Train step by step with Keras' Adam, with nothing compiled, and note the weights after each step."""
    keras.utils.set_random_seed(1)
    network = build_model((6, 6), 10, 4)
    optimizer = keras.optimizers.Adam(0.001)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    noted = []
    for epoch in range(epochs):
        rng = np.random.default_rng((SEED, epoch))
        for images, labels in cut(block, edges):
            for batches in shuffle_batches(len(labels), BATCH_SIZE, rng):
                for chosen in batches.reshape(-1, batches.shape[-1]):
                    with tf.GradientTape() as tape:
                        loss = crossentropy(tf.gather(labels, chosen), network(tf.gather(images, chosen)))
                    optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
                    noted.append(network.get_weights())
    return noted


def average(noted: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The average by its definition: in step t, a share of PARTS / (t + PARTS - 1) is new."""
    averages = noted[0]
    for step, weights in enumerate(noted, start=1):
        share = PARTS / (step + PARTS - 1)
        averages = [(1 - share) * old + share * new for old, new in zip(averages, weights, strict=True)]
    return averages


@pytest.mark.parametrize(
    ("images", "epochs", "edges", "steps"),
    [(8, 1, (), 1), (5, 1, (), 1), (16, 1, (), 2), (24, 1, (), 3), (100, 6, (), 78), (96, 2, (48,), 24)],
)
def test_the_average_of_any_number_of_steps_is_what_it_is_by_definition(
    images: int, epochs: int, edges: tuple[int, ...], steps: int
) -> None:
    """Streamed in blocks it is that of the whole training, too: one of each block would reach over fewer steps."""
    block = make_block(images)
    noted = list_weights_by_step(block, epochs, edges)
    assert len(noted) == steps
    network, _ = train(block, averaging=True, epochs=epochs, edges=edges)
    for found, expected in zip(network.get_weights(), average(noted), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_without_averaging_the_weights_are_those_of_the_last_step() -> None:
    block = make_block(100)
    network, _ = train(block, averaging=False, epochs=2)
    for found, expected in zip(network.get_weights(), list_weights_by_step(block, 2)[-1], strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("steps", [1, 3, 300, 20_000])
def test_the_average_reaches_over_the_same_part_of_the_steps_at_any_number_of_them(steps: int) -> None:
    """With a slope that is always 1, Adam goes down by its rate in each step, and the average is so far behind."""
    weight = keras.Variable(100.0)
    optimizer = AveragingAdam(0.001)
    optimizer.build([weight])

    @tf.function(jit_compile=True)
    def go_down() -> None:
        for _ in tf.range(steps):
            optimizer.apply([tf.constant(1.0)], [weight])

    go_down()
    end = float(weight.value)
    assert end == pytest.approx(100 - 0.001 * steps, abs=0.02)
    optimizer.finalize_variable_values([weight])
    behind = (float(weight.value) - end) / 0.001
    assert behind == pytest.approx((steps - 1) / (PARTS + 1), abs=1 + 0.01 * steps)


def test_the_training_goes_on_from_the_weights_of_the_last_step() -> None:
    """The curves of the training steps are the same with averaging; those of the eval split are of the average."""
    block = make_block(100)
    (_, plain), (network, averaged) = train(block, averaging=False, epochs=4), train(block, averaging=True, epochs=4)
    for one, other in zip(plain, averaged, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.eval_loss != pytest.approx(other.eval_loss, rel=1e-3)
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert averaged[-1].eval_loss == pytest.approx(network.evaluate(*block, verbose=0), rel=1e-4)
