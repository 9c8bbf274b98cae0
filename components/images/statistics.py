"""What the pixels say: counts of images by class, blank ones, grey values, how images look. Numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.images.appearance import BINS, choose_looked_at, count_appearance, count_border

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
        border_values: int64 [256], outermost pixels with that value, in up to 1,000 images of a batch. All 0 where a
            pushed model is older than this.
        appearance: int64 [3, 256], the same images by border, spread and roughness (appearance.py). All 0 likewise.
    """

    images: Counts
    class_counts: Counts
    wrong_size: Counts
    constant: Counts
    grey_values: Counts
    class_sums: Counts
    border_values: Counts = field(default_factory=lambda: np.zeros(256, np.int64))
    appearance: Counts = field(default_factory=lambda: np.zeros((3, BINS), np.int64))

    def __add__(self, other: ImageStatistics) -> ImageStatistics:
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        return ImageStatistics(**sums)

    @property
    def ground(self) -> int:
        """The grey value of what is behind the things on the images: the most frequent one of the outermost pixels."""
        return int((self.border_values if self.border_values.any() else self.grey_values).argmax())


def summarize_images(
    images: Sequence[bytes], labels: NDArray[np.int64], image_shape: tuple[int, int], num_classes: int
) -> ImageStatistics:
    """Summarize images given as bytes of height * width pixels, and their labels, int64 [N]."""
    image_size = image_shape[0] * image_shape[1]
    fits = np.array([len(image) == image_size for image in images], dtype=bool)
    known = (labels >= 0) & (labels < num_classes)
    right_size = b"".join(image for image, fit in zip(images, fits, strict=True) if fit)
    pixels = np.frombuffer(right_size, np.uint8).reshape(-1, image_size)
    looked_at = choose_looked_at(pixels.reshape(-1, *image_shape))
    label_of_pixels = labels[fits]
    sums = [pixels[label_of_pixels == label].sum(axis=0, dtype=np.int64) for label in range(num_classes)]
    return ImageStatistics(
        images=np.array(len(images)),
        class_counts=np.bincount(labels[known], minlength=num_classes),
        wrong_size=np.array((~fits).sum()),
        constant=np.array((pixels.min(axis=1) == pixels.max(axis=1)).sum()) if len(pixels) else np.array(0),
        grey_values=np.bincount(pixels.ravel(), minlength=256),
        class_sums=np.stack(sums),
        border_values=count_border(looked_at),
        appearance=count_appearance(looked_at),
    )


def add_statistics(statistics: Iterable[ImageStatistics]) -> ImageStatistics:
    """Return the statistics of all shards together."""
    return reduce(ImageStatistics.__add__, statistics)


def write_statistics(path: Path, statistics: ImageStatistics) -> None:
    """Write the statistics as an .npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{each.name: getattr(statistics, each.name) for each in fields(statistics)})


def read_statistics(path: Path) -> ImageStatistics:
    """Read what `write_statistics` wrote."""
    with np.load(path) as arrays:
        return ImageStatistics(**arrays)
