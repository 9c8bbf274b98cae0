"""What the pixels say: counts of images by class, blank ones, the spread of grey values. Numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStatistics:
    """Sums over the images of a split, so that those of two shards add up to those of both.

    Attributes:
        images: Number of images.
        class_counts: int64 [classes], images with that label; labels that name no class are in none.
        wrong_size: Images whose bytes are not height * width. They are in no pixel count.
        constant: Images whose pixels all have one value, blank ones among them.
        grey_values: int64 [256], pixels with that value.
        class_sums: int64 [classes, height * width], sums of the pixels of each class.
    """

    images: Counts
    class_counts: Counts
    wrong_size: Counts
    constant: Counts
    grey_values: Counts
    class_sums: Counts

    def __add__(self, other: ImageStatistics) -> ImageStatistics:
        sums = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        return ImageStatistics(**sums)


def summarize_images(
    images: Sequence[bytes], labels: NDArray[np.int64], image_size: int, num_classes: int
) -> ImageStatistics:
    """Summarize images given as bytes of `image_size` pixels, and their labels, int64 [N]."""
    fits = np.array([len(image) == image_size for image in images], dtype=bool)
    known = (labels >= 0) & (labels < num_classes)
    right_size = b"".join(image for image, fit in zip(images, fits, strict=True) if fit)
    pixels = np.frombuffer(right_size, np.uint8).reshape(-1, image_size)
    label_of_pixels = labels[fits]
    sums = [pixels[label_of_pixels == label].sum(axis=0, dtype=np.int64) for label in range(num_classes)]
    return ImageStatistics(
        images=np.array(len(images)),
        class_counts=np.bincount(labels[known], minlength=num_classes),
        wrong_size=np.array((~fits).sum()),
        constant=np.array((pixels.min(axis=1) == pixels.max(axis=1)).sum()) if len(pixels) else np.array(0),
        grey_values=np.bincount(pixels.ravel(), minlength=256),
        class_sums=np.stack(sums),
    )


def add_statistics(statistics: Iterable[ImageStatistics]) -> ImageStatistics:
    """Return the statistics of all shards together."""
    return reduce(ImageStatistics.__add__, statistics)


def write_statistics(path: Path, statistics: ImageStatistics) -> None:
    """Write the statistics as an .npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{field.name: getattr(statistics, field.name) for field in fields(statistics)})


def read_statistics(path: Path) -> ImageStatistics:
    """Read what `write_statistics` wrote."""
    with np.load(path) as arrays:
        return ImageStatistics(**arrays)
