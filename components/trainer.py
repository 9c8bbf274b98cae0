"""Trainer: from the examples and the transform graph to a SavedModel that serves raw images."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.features import IMAGE_KEY
from components.images.appearance import count_border
from components.images.schema import get_class_names, get_image_shape, read_schema
from components.training.apart import train_apart
from components.training.cluster import find_cluster
from components.training.examples import ExampleBlocks
from components.training.loop import EpochResult, fit
from components.training.network import ImageTransform, ServingModel, build_model, export_model

logger = logging.getLogger(__name__)

_GROUND_IMAGES = 4_096


class NoGpuError(RuntimeError):
    """A GPU was required and TensorFlow sees none."""


def run_fn(fn_args: FnArgs) -> None:
    """Train the network and export it. TFX calls this.

    Args:
        fn_args: `custom_config` holds epochs, batch_size, learning_rate, averaging, hidden_units, seed,
            require_gpu and distribution.

    Raises:
        NoGpuError: `require_gpu` is set and TensorFlow sees no GPU.
        ClusterError: TF_CONFIG does not say who trains together.
        TrainingError: A distributed training came to no end.
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
        train = train_here if options["distribution"] == "none" else train_distributed
        history = train(fn_args, network, transform, log.write)
    ground = find_ground(fn_args.train_files, image_shape)
    export_model(ServingModel(network, transform, image_shape, class_names, ground), fn_args.serving_model_dir)
    record_training(Path(fn_args.model_run_dir), device, time.monotonic() - started, options, history)


def train_here(
    fn_args: FnArgs, network: keras.Sequential, transform: ImageTransform, on_epoch: Callable[[EpochResult], None]
) -> list[EpochResult]:
    """Train in this process, on one device."""
    options = _choose_fit_options(fn_args)
    read_train, read_eval = (
        ExampleBlocks(files, transform, options["batch_size"], options["seed"])
        for files in (fn_args.train_files, fn_args.eval_files)
    )
    return fit(network, read_train, read_eval, on_epoch=on_epoch, **options)


def train_distributed(
    fn_args: FnArgs, network: keras.Sequential, _: ImageTransform, on_epoch: Callable[[EpochResult], None]
) -> list[EpochResult]:
    """Train in a process of its own, on several devices, and give the network the weights."""
    history: list[EpochResult] = []

    def note(values: Mapping[str, Any]) -> None:
        history.append(EpochResult(**values))
        on_epoch(history[-1])

    cluster = find_cluster(as_chief=True) if fn_args.custom_config["distribution"] == "multi-worker" else None
    with tempfile.TemporaryDirectory(prefix="training-") as scratch:
        weights = Path(scratch, "weights.npz")
        job = {
            "train_files": fn_args.train_files,
            "eval_files": fn_args.eval_files,
            "transform_graph": fn_args.transform_graph_path,
            "network": network.to_json(),
            "fit": _choose_fit_options(fn_args),
            "weights": str(weights),
        }
        train_apart(job, cluster, note)
        with np.load(weights) as arrays:
            network.set_weights([arrays[name] for name in arrays.files])
    return history


def _choose_fit_options(fn_args: FnArgs) -> dict[str, Any]:
    names = ("epochs", "batch_size", "learning_rate", "averaging", "seed")
    return {name: fn_args.custom_config[name] for name in names}


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
