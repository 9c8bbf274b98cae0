"""Training sees each image once in each epoch, can be repeated bit for bit, and learns."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.features import SPLITS
from components.images.idx_folder import read_split
from components.training.loop import Block, EpochResult, fit
from components.training.network import build_model


def make_block(images: np.ndarray, labels: np.ndarray) -> Block:
    return Block(tf.constant(images / np.float32(255), tf.float32), tf.constant(labels, tf.int32))


@pytest.fixture(scope="module")
def samples(sample_dataset) -> tuple[Block, Block]:
    """The training and the evaluation images of the samples, a block each."""
    blocks = [make_block(*read_split(sample_dataset, split)) for split in SPLITS]
    return blocks[0], blocks[1]


def train(
    read_train: Callable[[int], list[Block]], read_eval: Callable[[int], list[Block]], **options: Any
) -> tuple[list[EpochResult], list[np.ndarray]]:
    keras.utils.set_random_seed(1)
    network = build_model((28, 28), 10, 16)
    defaults = {"epochs": 2, "batch_size": 32, "learning_rate": 0.001, "averaging": True, "seed": 42}
    results = fit(network, read_train, read_eval, on_epoch=lambda _: None, **(defaults | options))
    return results, network.get_weights()


def in_parts(block: Block, *cuts: int) -> list[Block]:
    edges = [0, *cuts, len(block.labels)]
    return [Block(block.images[a:b], block.labels[a:b]) for a, b in pairwise(edges)]


class NotingNetwork(keras.Sequential):
    """Notes which images it was trained on in each step; image `n` is the number `n` as a one-hot row."""

    def __init__(self, images: int, steps: int) -> None:
        super().__init__([keras.Input((1, images)), keras.layers.Flatten(), keras.layers.Dense(2)])
        self.notes = tf.Variable(tf.zeros((steps, images)))
        self.step = tf.Variable(0)

    def __call__(self, inputs: tf.Tensor, *args: object, training: bool | None = None, **rest: object) -> tf.Tensor:
        if training:
            row = tf.one_hot(self.step, self.notes.shape[0])
            self.notes.assign_add(row[:, None] * tf.reduce_sum(inputs, axis=(0, 1)))
            self.step.assign_add(1)
        return super().__call__(inputs, *args, training=training, **rest)


@pytest.mark.parametrize(
    ("count", "cuts", "steps"),
    [(32, (), 4), (35, (), 5), (7, (), 1), (35, (16,), 5), (35, (8, 16, 32), 5), (40, (32,), 5), (99, (80,), 13)],
)
def test_every_image_is_trained_on_once_in_each_epoch(count: int, cuts: tuple[int, ...], steps: int) -> None:
    """Those of an incomplete batch, of every block, and of what fills no turn of the loop, too; 8 images are a step."""
    network = NotingNetwork(count, 3 * steps)
    block = Block(tf.eye(count)[:, None, :], tf.zeros(count, tf.int32))
    fit(
        network,
        lambda _: in_parts(block, *cuts),
        lambda _: [block],
        epochs=3,
        batch_size=8,
        learning_rate=0.001,
        averaging=True,
        seed=1,
        on_epoch=lambda _: None,
    )
    assert int(network.step) == 3 * steps
    epochs = network.notes.numpy().reshape(3, steps, count)
    assert (epochs.sum(axis=1) == 1).all()
    assert count < 8 or not np.array_equal(epochs[0], epochs[1]), "the order is the same in each epoch"


def test_the_same_seed_gives_the_same_weights_bit_for_bit(samples) -> None:
    train_block, eval_block = samples
    runs = [train(lambda _: [train_block], lambda _: [eval_block]) for _ in range(2)]
    assert runs[0][0] == runs[1][0]
    for first, second in zip(runs[0][1], runs[1][1], strict=True):
        assert first.tobytes() == second.tobytes()


def test_another_seed_gives_another_order_and_other_weights(samples) -> None:
    train_block, eval_block = samples
    weights = [train(lambda _: [train_block], lambda _: [eval_block], seed=seed, epochs=1)[1] for seed in (1, 2)]
    assert any(not np.array_equal(first, second) for first, second in zip(*weights, strict=True))


def test_images_keep_their_labels_and_the_network_learns(samples) -> None:
    """Ten drawn garments can be told apart after a few epochs; guessing is right once in ten times."""
    train_block, eval_block = samples
    results, _ = train(lambda _: [train_block], lambda _: in_parts(eval_block, 150), epochs=8, learning_rate=0.005)
    assert [result.epoch for result in results] == list(range(1, 9))
    assert results[-1].loss < 0.5 * results[0].loss
    assert results[-1].eval_accuracy > 0.7


def test_results_are_means_over_all_images_of_all_blocks(samples) -> None:
    """Compared with Keras' own evaluation; the weights are those of the end of the epoch."""
    train_block, eval_block = samples
    keras.utils.set_random_seed(1)
    network = build_model((28, 28), 10, 16)
    (result,) = fit(
        network,
        lambda _: [train_block],
        lambda _: in_parts(eval_block, 1, 130),
        epochs=1,
        batch_size=32,
        learning_rate=0.001,
        averaging=True,
        seed=42,
        on_epoch=lambda _: None,
    )
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    loss, accuracy = network.evaluate(eval_block.images, eval_block.labels, verbose=0)
    assert result.eval_loss == pytest.approx(loss, rel=1e-4)
    assert result.eval_accuracy == pytest.approx(accuracy, abs=1e-6)


def test_a_listener_is_told_of_each_epoch_as_it_ends(samples) -> None:
    train_block, eval_block = samples
    told: list[EpochResult] = []
    epochs_read: list[tuple[int, int]] = []
    results = fit(
        build_model((28, 28), 10, 4),
        lambda epoch: epochs_read.append((epoch, len(told))) or [train_block],
        lambda _: [eval_block],
        epochs=3,
        batch_size=100,
        learning_rate=0.001,
        averaging=True,
        seed=1,
        on_epoch=told.append,
    )
    assert told == results
    assert epochs_read == [(0, 0), (1, 1), (2, 2)]
