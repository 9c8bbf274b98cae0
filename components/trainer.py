"""Trainer: from the examples and the transform graph to a SavedModel that serves raw images."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.features import IMAGE_KEY, LABEL_KEY
from components.images.appearance import count_border
from components.images.schema import get_class_names, get_image_shape, read_schema
from components.training.loop import Block, EpochResult, fit
from components.training.network import ImageTransform, ServingModel, build_model, export_model

logger = logging.getLogger(__name__)

# Transformed training images that are held in memory; past it, the Trainer reads them anew in each epoch.
MEMORY_BUDGET_BYTES = 1 << 30
_PARSE_BATCH = 1_024
_GROUND_IMAGES = 4_096


class NoGpuError(RuntimeError):
    """A GPU was required and TensorFlow sees none."""


def run_fn(fn_args: FnArgs) -> None:
    """Train the network and export it. TFX calls this.

    Args:
        fn_args: `custom_config` holds epochs, batch_size, learning_rate, averaging, hidden_units, seed and
            require_gpu.

    Raises:
        NoGpuError: `require_gpu` is set and TensorFlow sees no GPU.
    """
    options = fn_args.custom_config
    device = choose_device(require_gpu=options["require_gpu"])
    schema = read_schema(fn_args.schema_path)
    image_shape, class_names = get_image_shape(schema), get_class_names(schema)
    transform = ImageTransform(fn_args.transform_graph_path)

    keras.utils.set_random_seed(options["seed"])
    network = build_model(image_shape, len(class_names), options["hidden_units"])
    started = time.monotonic()
    with TrainingLog(fn_args.model_run_dir, options["epochs"]) as log:
        history = fit(
            network,
            ExampleBlocks(fn_args.train_files, transform, options["batch_size"], options["seed"]),
            ExampleBlocks(fn_args.eval_files, transform, options["batch_size"], options["seed"]),
            epochs=options["epochs"],
            batch_size=options["batch_size"],
            learning_rate=options["learning_rate"],
            averaging=options["averaging"],
            seed=options["seed"],
            on_epoch=log.write,
        )
    ground = find_ground(fn_args.train_files, image_shape)
    export_model(ServingModel(network, transform, image_shape, class_names, ground), fn_args.serving_model_dir)
    record_training(Path(fn_args.model_run_dir), device, time.monotonic() - started, options, history)


def choose_device(*, require_gpu: bool) -> str:
    """Return the name of the device that TensorFlow trains on: a GPU when there is one.

    Raises:
        NoGpuError: `require_gpu` is set and TensorFlow sees no GPU.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if require_gpu and not gpus:
        raise NoGpuError(
            "--require-gpu: TensorFlow sees no GPU on this machine; expected at least one. "
            "Check the driver with nvidia-smi and that the CUDA libraries are installed (make setup GPU=1)."
        )
    if not gpus:
        return "CPU"
    # Without it, sums on a GPU are taken in any order, and a seed repeats nothing.
    tf.config.experimental.enable_op_determinism()
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def find_ground(patterns: list[str], image_shape: tuple[int, int]) -> int:
    """Return the grey value of what is behind the things on images, the most frequent one of the outermost pixels.

    A few thousand images tell; what the whole training data has, the statistics in the DataValidation say.
    """
    records = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(patterns))).batch(_GROUND_IMAGES)
    examples = tf.io.parse_example(next(iter(records)), {IMAGE_KEY: tf.io.FixedLenFeature([], tf.string)})
    pixels = tf.io.decode_raw(examples[IMAGE_KEY], tf.uint8).numpy().reshape(-1, *image_shape)
    return int(count_border(pixels).argmax())


class ExampleBlocks:
    """The examples of some TFRecord files, transformed, as blocks for the training loop.

    Held in memory as one block where the budget allows it, on the GPU if there is one; else streamed block by block.
    """

    def __init__(self, patterns: list[str], transform: ImageTransform, batch_size: int, seed: int) -> None:
        self._files = sorted(tf.io.gfile.glob(patterns))
        self._transform = transform
        self._seed = seed
        self._held: list[Block] = []
        # A uint8 pixel on disk is a float32 in memory.
        size = 4 * sum(tf.io.gfile.stat(file).length for file in self._files)
        self._streams = size > MEMORY_BUDGET_BYTES
        if self._streams:
            logger.warning(
                "%d MiB of transformed images are more than the budget of %d MiB: they are read anew in each epoch",
                size >> 20,
                MEMORY_BUDGET_BYTES >> 20,
            )
        self._batch_size = batch_size

    def __call__(self, epoch: int) -> Iterator[Block]:
        """Give the blocks of an epoch; streamed ones come in another order of files in each epoch."""
        if self._streams:
            order = np.random.default_rng((self._seed, epoch)).permutation(len(self._files))
            yield from self._read([self._files[index] for index in order])
            return
        self._held = self._held or list(self._read(self._files))
        yield from self._held

    def _read(self, files: list[str]) -> Iterator[Block]:
        batches = (
            tf.data.TFRecordDataset(files)
            .batch(_PARSE_BATCH)
            .map(self._parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        )
        first = next(iter(batches.take(1)), None)
        if first is None:
            return
        image_bytes = first[0][0].numpy().nbytes
        # A quarter of the budget: blocks are joined from batches, and the next is read while one is trained on.
        limit = MEMORY_BUDGET_BYTES // (4 if self._streams else 1) // image_bytes
        limit = max(limit - limit % self._batch_size, self._batch_size)
        for images, labels in batches.rebatch(limit):
            # On a GPU, identity copies to it.
            yield Block(tf.identity(images), tf.identity(labels))

    def _parse(self, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        spec = {IMAGE_KEY: tf.io.FixedLenFeature([], tf.string), LABEL_KEY: tf.io.FixedLenFeature([], tf.int64)}
        examples = tf.io.parse_example(records, spec)
        return self._transform(examples[IMAGE_KEY]), tf.cast(examples[LABEL_KEY], tf.int32)


class TrainingLog:
    """Tells how the training goes: to TensorBoard and, as records with the fields of EpochResult, to the logger."""

    def __init__(self, model_run_dir: str, epochs: int) -> None:
        self._directory = Path(model_run_dir, "tensorboard")
        self._epochs = epochs

    def __enter__(self) -> TrainingLog:
        self._train = tf.summary.create_file_writer(str(self._directory / "train"))
        self._eval = tf.summary.create_file_writer(str(self._directory / "eval"))
        return self

    def __exit__(self, *_: object) -> None:
        self._train.close()
        self._eval.close()

    def write(self, result: EpochResult) -> None:
        """Write the curves of one epoch."""
        for writer, loss, accuracy in (
            (self._train, result.loss, result.accuracy),
            (self._eval, result.eval_loss, result.eval_accuracy),
        ):
            with writer.as_default(step=result.epoch):
                tf.summary.scalar("epoch_loss", loss)
                tf.summary.scalar("epoch_accuracy", accuracy)
        logger.info(
            "epoch %d/%d: loss %.4f, accuracy %.4f, eval accuracy %.4f",
            result.epoch,
            self._epochs,
            result.loss,
            result.accuracy,
            result.eval_accuracy,
            extra={"epoch": result, "total_epochs": self._epochs},
        )


def record_training(
    directory: Path, device: str, seconds: float, options: dict[str, Any], history: list[EpochResult]
) -> None:
    """Write `training.json`: device, seconds, options and the curves."""
    record = {
        "device": device,
        "seconds": round(seconds, 3),
        "options": options,
        "history": [asdict(result) for result in history],
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "training.json").write_text(json.dumps(record, indent=2))
