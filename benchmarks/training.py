"""Training alone: our loop, with averaging and without, beside Keras' fit, `python benchmarks/training.py --seeds 5`.

On a GPU, `--seeds 1`. All start from uint8 images in memory divided by 255 and end with a trained network; compiling
counts, and so does the way to the device. Same network, batch size, epochs and Adam; none looks at the test images
while it trains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
BATCH_SIZE = 32
LEARNING_RATE = 0.001
HIDDEN_UNITS = 128
CLASSES = 10
OURS, AVERAGED, KERAS = "our loop", "our loop, averaging", "Keras fit(x, y)"
# At least so many times as fast as Keras; at most so much longer with averages.
TARGET, AVERAGING_TARGET = 3.0, 0.05


class Arrays(NamedTuple):
    """Images float32 [N, height, width], 0 to 1, and labels int32 [N], of both splits."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int32]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int32]


def main() -> None:
    """Train with all, seed by seed, and print images a second and test accuracies."""
    sys.path.insert(0, str(ROOT))  # `python benchmarks/training.py` puts only this file's folder there
    from benchmarks.data import add_data_option, provide_data
    from benchmarks.measure import describe_machine, write_report
    from pipeline.environment import prepare_environment

    parser = argparse.ArgumentParser(description=__doc__)
    add_data_option(parser)
    parser.add_argument("--seeds", type=int, default=5, help="how often both train (default 5)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "training.json", metavar="FILE")
    args = parser.parse_args()

    machine = describe_machine()
    prepare_environment()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        data_dir, source = provide_data(args.data, Path(workplace))
        arrays = read_arrays(data_dir)
    device = start_device()
    print(f"{source}; {args.epochs} epochs of batch {BATCH_SIZE} on {device}; {machine}", flush=True)
    runs = [compare_seed(seed, arrays, args.epochs) for seed in range(args.seeds)]

    report = {"data": source, "epochs": args.epochs, "device": device, "machine": machine, **summarize(runs)}
    print_report(report)
    write_report(args.out, report)
    print(f"Written to {args.out}")


def read_arrays(data_dir: Path) -> Arrays:
    """Read a folder of IDX files."""
    from components.features import EVAL_SPLIT, TRAIN_SPLIT
    from components.images.idx_folder import load_dataset, read_split

    dataset = load_dataset(data_dir)
    arrays: list[Any] = []
    for split in (TRAIN_SPLIT, EVAL_SPLIT):
        images, labels = read_split(dataset, split)
        arrays += [(images / 255.0).astype(np.float32), labels.astype(np.int32)]
    return Arrays(*arrays)


def start_device() -> str:
    """Wake the device up, so that whoever trains first does not pay for it, and return its name."""
    import tensorflow as tf

    from components.trainer import choose_device

    device = choose_device(require_gpu=False)
    tf.function(lambda x: x @ x, jit_compile=True)(tf.ones((8, 8))).numpy()
    return device


def compare_seed(seed: int, arrays: Arrays, epochs: int) -> dict[str, dict[str, float]]:
    """Train with all from one seed, in turn or in reverse, and return images a second and test accuracy."""
    contenders: list[tuple[str, Callable[..., None]]] = [
        (OURS, partial(train_ours, averaging=False)),
        (AVERAGED, partial(train_ours, averaging=True)),
        (KERAS, train_keras),
    ]
    run = {}
    for name, train in reversed(contenders) if seed % 2 else contenders:
        run[name] = measure_training(train, seed, arrays, epochs)
        print(f"  seed {seed}, {name}: {run[name]['images_per_second']:,.0f} images/s", flush=True)
    return run


def measure_training(train: Callable[..., None], seed: int, arrays: Arrays, epochs: int) -> dict[str, float]:
    """Train a fresh network and return images a second and test accuracy."""
    import keras

    from components.training.network import build_model

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    _, height, width = arrays.train_images.shape
    network = build_model((height, width), CLASSES, HIDDEN_UNITS)
    started = time.perf_counter()
    train(network, arrays, epochs, seed)
    seconds = time.perf_counter() - started
    answers = np.argmax(network.predict(arrays.test_images, batch_size=1_000, verbose=0), axis=1)
    return {
        "seconds": seconds,
        "images_per_second": epochs * len(arrays.train_labels) / seconds,
        "accuracy": float(np.mean(answers == arrays.test_labels)),
    }


def train_ours(network: Any, arrays: Arrays, epochs: int, seed: int, *, averaging: bool) -> None:
    """Train with the pipeline's own loop, on one block that goes to the device when it is first asked for."""
    import tensorflow as tf

    from components.training.loop import Block, fit

    held: list[Block] = []

    def read_train(_: int) -> list[Block]:
        if not held:
            held.append(Block(tf.constant(arrays.train_images), tf.constant(arrays.train_labels)))
        return held

    fit(
        network,
        read_train,
        lambda _: [],
        epochs=epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        averaging=averaging,
        seed=seed,
        on_epoch=lambda _: None,
    )


def train_keras(network: Any, arrays: Arrays, epochs: int, seed: int) -> None:  # noqa: ARG001 - Keras has a global one
    """Train as the tutorial does."""
    import keras

    network.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    network.fit(arrays.train_images, arrays.train_labels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)


def summarize(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
    """Return medians and ranges of all, and the ratios of their images a second."""
    contenders = {}
    for name in (OURS, AVERAGED, KERAS):
        speeds = [run[name]["images_per_second"] for run in runs]
        accuracies = [run[name]["accuracy"] for run in runs]
        contenders[name] = {
            "images_per_second": {"median": median(speeds), "min": min(speeds), "max": max(speeds)},
            "accuracy": {"median": median(accuracies), "min": min(accuracies), "max": max(accuracies)},
        }
    ratios = [run[OURS]["images_per_second"] / run[KERAS]["images_per_second"] for run in runs]
    medians = [contenders[name]["images_per_second"]["median"] for name in (OURS, KERAS)]
    return {
        "contenders": contenders,
        "ratio_of_medians": medians[0] / medians[1],
        "median_of_ratios": median(ratios),
        "ratios": ratios,
        "target": TARGET,
        "averaging_takes": median(run[AVERAGED]["seconds"] / run[OURS]["seconds"] - 1 for run in runs),
        "averaging_target": AVERAGING_TARGET,
        "runs": list(runs),
    }


def print_report(report: Mapping[str, Any]) -> None:
    """Print what `summarize` found."""
    from rich.table import Table

    from benchmarks.measure import make_console

    table = Table("", "images/s, median", "min", "max", "test accuracy, median", "min", "max")
    for name, row in report["contenders"].items():
        speeds = (f"{row['images_per_second'][key]:,.0f}" for key in ("median", "min", "max"))
        table.add_row(name, *speeds, *(f"{row['accuracy'][key]:.4f}" for key in ("median", "min", "max")))
    console = make_console()
    console.print(table)
    console.print(
        f"{report['median_of_ratios']:.2f} times as fast (median of the seeds' ratios; target {report['target']:.0f}), "
        f"{report['ratio_of_medians']:.2f} by the medians. Averaging takes {report['averaging_takes']:+.1%} "
        f"(target at most {report['averaging_target']:.0%}). On {report['device']}; compiling counts."
    )


if __name__ == "__main__":
    main()
