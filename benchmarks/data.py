"""The data of the benchmarks: the real one where it is, else generated samples of the same size."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from components.images.samples import write_samples

TRAIN_IMAGES, EVAL_IMAGES = 60_000, 10_000


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, which is $FASHION_MNIST_DIR unless given."""
    chosen = os.environ.get("FASHION_MNIST_DIR")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=Path(chosen) if chosen else None,
        help="folder with the four gzip IDX files; $FASHION_MNIST_DIR, or else samples are generated",
    )


def provide_data(chosen: Path | None, workplace: Path) -> tuple[Path, str]:
    """Return the folder of the data and what it is, in words; samples are written below `workplace`."""
    if chosen:
        directory = chosen.expanduser().resolve()
        return directory, f"IDX files from {directory.name}/"
    directory = workplace / "samples"
    write_samples(directory, TRAIN_IMAGES, EVAL_IMAGES, seed=0)
    return directory, f"generated samples, {TRAIN_IMAGES:,} + {EVAL_IMAGES:,}: no --data and no FASHION_MNIST_DIR"
