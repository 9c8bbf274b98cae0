"""How often `predict` warns of pictures that are like the training images, and of pictures that are not.

    python -m benchmarks.odd_pictures [--data DIR]

The rule, components/images/appearance.py, knows the training images from their counts alone, as a pushed model does.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import add_data_option, provide_data
from components.features import EVAL_SPLIT, TRAIN_SPLIT
from components.images.appearance import choose_looked_at, count_appearance, list_oddities
from components.images.idx_folder import load_dataset, read_split

_NOISE_IMAGES = 2_000
IMAGES_PER_BATCH = 5_000  # as many as are in a file of examples
Images = NDArray[np.uint8]


def measure_rates(train: Images, evaluation: Images) -> dict[str, float]:
    """Return the share of pictures that a warning is given for, by kind of picture.

    Args:
        train: What the model learnt from, uint8 [N, height, width].
        evaluation: Images like those, uint8 [M, height, width].
    """
    blocks = (train[start : start + IMAGES_PER_BATCH] for start in range(0, len(train), IMAGES_PER_BATCH))
    counts = sum(count_appearance(choose_looked_at(block)) for block in blocks)
    return {
        kind: float(np.mean([any(list_oddities(picture, counts)) for picture in pictures]))
        for kind, pictures in list_pictures(evaluation)
    }


def list_pictures(evaluation: Images) -> Iterator[tuple[str, Images]]:
    """Yield kinds of pictures: the images themselves first, then what none of them looks like."""
    yield "evaluation images", evaluation
    yield "inverted", 255 - evaluation
    rng = np.random.default_rng(0)
    shape = (_NOISE_IMAGES, *evaluation.shape[1:])
    yield "uniform noise", rng.integers(0, 256, shape, dtype=np.uint8)
    for mean, deviation in ((128, 64), (128, 10), (64, 25), (20, 20), (0, 50)):
        noise = rng.normal(mean, deviation, shape).clip(0, 255).astype(np.uint8)
        yield f"gaussian noise, mean {mean}, deviation {deviation}", noise
    yield "blank", np.stack([np.full(shape[1:], grey, np.uint8) for grey in range(256)])
    yield "divided by 255", evaluation // 255


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_data_option(parser)
    with tempfile.TemporaryDirectory() as workplace:
        directory, data = provide_data(parser.parse_args().data, Path(workplace))
        dataset = load_dataset(directory)
        rates = measure_rates(*(read_split(dataset, split)[0] for split in (TRAIN_SPLIT, EVAL_SPLIT)))
    print(f"Warned of, {data}:")
    for kind, rate in rates.items():
        print(f"  {kind:<40}{rate:>9.2%}")


if __name__ == "__main__":
    main()
