"""Trainings of the benchmark of retrainings, sound and faulty, and their answers, which are kept in files."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BATCH_SIZE, LEARNING_RATE, HIDDEN_UNITS = 32, 0.001, 128
# Faults of the training images; `size` is a share of the images of a class, of all images, or a number of epochs.
WRONG_LABELS, MISSING, INVERTED, FEWER_EPOCHS = "wrong labels", "missing images", "inverted images", "fewer epochs"
# Faults of serving: `size` is the number that pixels are divided by there, in place of 255.
OTHER_DIVISOR = "another divisor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One training, and what is wrong with it."""

    seed: int
    averaging: bool = True
    epochs: int = 10
    kept: float = 1.0
    """Share of the training images that it sees, chosen at random by the seed."""
    fault: str = ""
    size: float = 0.0
    label: int = -1
    """The class that the fault is in; -1 where it is in all."""

    @property
    def file_name(self) -> str:
        """Name of the file with the answers; a fault of serving has the training of its seed without one."""
        fault = f"{self.fault.replace(' ', '-')}-{self.size:g}-{self.label}-" if self.fault else ""
        return f"{'averaged' if self.averaging else 'plain'}-{self.epochs}-{self.kept:g}-{fault}{self.seed}.npz"


class Answers(NamedTuple):
    """A model's answers to the evaluation images: uint8 [N], and their probabilities float32 [N]."""

    predicted: NDArray[np.uint8]
    confidence: NDArray[np.float32]


def keep_answers(directory: Path, data_dir: Path, trainings: Sequence[Training], jobs: int) -> Iterator[Training]:
    """Train what has no answers in `directory` yet, `jobs` at a time; give each training when it is done.

    Interrupted, it goes on from there the next time: a file is there whole or not at all.
    """
    missing = [training for training in trainings if not (directory / training.file_name).is_file()]
    directory.mkdir(parents=True, exist_ok=True)
    if not missing:
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (data_dir,)) as pool:
        waiting = {pool.submit(_train, training, directory): training for training in missing}
        for future in as_completed(waiting):
            future.result()
            yield waiting[future]


def read_answers(directory: Path, training: Training) -> Answers:
    """Read the answers of a training."""
    with np.load(directory / training.file_name) as values:
        return Answers(values["predicted"], values["confidence"])


def read_weights(directory: Path, training: Training) -> list[NDArray[np.float32]]:
    """Read the weights that would have been exported."""
    with np.load(directory / training.file_name) as values:
        return [values[name] for name in sorted(values.files) if name.startswith("weight")]


def answer(weights: Sequence[NDArray[np.float32]], images: NDArray[np.float32]) -> Answers:
    """Let a network of these weights answer float32 [N, height, width], in numpy."""
    hidden_weights, hidden_bias, weights_out, bias_out = weights
    hidden = np.maximum(images.reshape(len(images), -1) @ hidden_weights + hidden_bias, 0)
    logits = hidden @ weights_out + bias_out
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return Answers(probabilities.argmax(axis=1).astype(np.uint8), probabilities.max(axis=1).astype(np.float32))


def spoil(
    images: NDArray[np.float32], labels: NDArray[np.int32], training: Training
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the training images and labels that a training sees: some of them, and with its fault."""
    rng = np.random.default_rng((training.seed, 1))
    seen = np.sort(rng.permutation(len(labels))[: round(training.kept * len(labels))])
    images, labels = images[seen], labels[seen]
    of_fault = np.flatnonzero((labels == training.label) | (training.label < 0))
    hit = rng.permutation(of_fault)[: round(training.size * len(of_fault))]
    if training.fault == WRONG_LABELS:
        others = np.setdiff1d(np.unique(labels), [training.label])
        labels[hit] = rng.choice(others, len(hit))
    elif training.fault == MISSING:
        images, labels = np.delete(images, hit, axis=0), np.delete(labels, hit)
    elif training.fault == INVERTED:
        images[hit] = 1 - images[hit]
    return images, labels


_worker: dict[str, Any] = {}


def _start_worker(data_dir: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from pipeline.environment import prepare_environment

    prepare_environment()
    from benchmarks.training import read_arrays

    _worker["arrays"] = read_arrays(data_dir)


def _train(training: Training, directory: Path) -> None:
    import keras
    import tensorflow as tf

    from components.training.loop import Block, fit
    from components.training.network import build_model

    arrays = _worker["arrays"]
    images, labels = spoil(arrays.train_images, arrays.train_labels, training)
    block = Block(tf.constant(images), tf.constant(labels))
    keras.backend.clear_session()
    keras.utils.set_random_seed(training.seed)
    network = build_model(images.shape[1:], int(arrays.train_labels.max()) + 1, HIDDEN_UNITS)
    fit(
        network,
        lambda _: [block],
        lambda _: [],
        epochs=training.epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        averaging=training.averaging,
        seed=training.seed,
        on_epoch=lambda _: None,
    )
    weights = network.get_weights()
    values = answer(weights, arrays.test_images)._asdict()
    _write_whole(directory / training.file_name, values | {f"weight{n}": each for n, each in enumerate(weights)})


def _write_whole(path: Path, values: Mapping[str, NDArray[Any]]) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, **values)
    if not zipfile.is_zipfile(partial):
        raise OSError(f"{partial}: not written as a whole")
    partial.rename(path)
