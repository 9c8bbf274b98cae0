"""How an image looks, in three numbers that need no model; and whether it looks like those that a model learnt from.

Border: the mean grey of the outermost pixels, 0 to 255, which is high for what is photographed on white paper. Spread:
the standard deviation of the grey values, 0 to 127.5; 0 for a blank image. Roughness: the mean squared difference of
neighbours by twice the variance, which is 1 for noise of any kind and strength, and far less for anything to be seen
(after J. von Neumann, Distribution of the ratio of the mean square successive difference to the variance, 1941).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 256
_LOOKED_AT = 1_000  # images of a batch: what a few thousand look like, all do
# An image is odd where it is beyond all but one in a thousand of the training images at that end, and then by a
# twentieth of the whole scale: a small data set has not seen everything.
_TAIL = 0.001
_SLACK = BINS // 20
_SCALES = np.array([1, 2, 128])  # bins in a unit of border, spread and roughness


class Oddity(NamedTuple):
    """What an image has that the training images have not; `text` is a clause that says so."""

    measure: str
    text: str


def measure_appearance(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return border, spread and roughness of images, uint8 [N, height, width]: float64 [N, 3]."""
    count, height, width = images.shape
    grey = images.astype(np.float32)
    mean, square = grey.mean(axis=(1, 2), dtype=np.float64), np.einsum("nij,nij->n", grey, grey) / (height * width)
    variance = np.maximum(square - mean**2, 0)
    differences = [np.diff(grey, axis=axis) for axis in (1, 2)]
    neighbours = sum(each[0].size for each in differences) if count else 0
    squares = sum(np.einsum("nij,nij->n", each, each) for each in differences) / max(neighbours, 1)
    roughness = np.divide(squares, 2 * variance, out=np.zeros(count), where=variance > 1e-3)
    return np.stack([_cut_border(images).mean(axis=1, dtype=np.float64), np.sqrt(variance), roughness], axis=1)


def choose_looked_at(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return up to 1,000 images of a batch, evenly spread over it: those that the counts of looks are made of."""
    return images[:: -(-len(images) // _LOOKED_AT) or 1]


def count_appearance(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count images, uint8 [N, height, width], by border, spread and roughness: int64 [3, 256]."""
    bins = _to_bins(measure_appearance(images))
    return np.stack([np.bincount(bins[:, measure], minlength=BINS) for measure in range(len(_SCALES))])


def count_border(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the outermost pixels of images, uint8 [N, height, width], by grey value: int64 [256]."""
    return np.bincount(_cut_border(images).ravel(), minlength=256)


def list_oddities(image: NDArray[np.uint8], counts: NDArray[np.int64]) -> Iterator[Oddity]:
    """Say in which ways an image is unlike those that were counted.

    Args:
        image: uint8 [height, width].
        counts: What `count_appearance` found in the training images; without any, only a blank image is odd.
    """
    if image.min() == image.max():
        yield Oddity("blank", f"it is blank, every pixel has the grey {image.flat[0]}")
        return
    if not counts.any():
        return
    values = measure_appearance(image[None])
    for measure, (value, seen) in enumerate(zip(values[0], counts, strict=True)):
        low, high = _find_range(seen)
        if not low <= _to_bins(values)[0, measure] <= high:
            unit = _SCALES[measure]
            yield _describe(measure, value, max(low, 0) / unit, min(high + 1, BINS) / unit)


def _describe(measure: int, value: float, low: float, high: float) -> Oddity:
    if measure == 0:
        return Oddity(
            "border", f"its border has the grey {value:.0f}, that of the training images {low:.0f} to {high:.0f}"
        )
    if measure == 1:
        return Oddity(
            "spread", f"its greys spread by {value:.1f}, those of the training images by {low:.1f} to {high:.1f}"
        )
    what = "it is as rough as noise" if value > high else "it is smoother than a picture"
    return Oddity("roughness", f"{what}: {value:.2f}, the training images {low:.2f} to {high:.2f}")


def _find_range(seen: NDArray[np.int64]) -> tuple[int, int]:
    """Return the lowest and the highest bin in which an image is like those that were seen."""
    below = np.cumsum(seen) / seen.sum()
    low, high = (int(np.searchsorted(below, share)) for share in (_TAIL, 1 - _TAIL))
    return low - _SLACK, high + _SLACK


def _to_bins(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum(values * _SCALES, BINS - 1).astype(np.int64)


def _cut_border(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the outermost pixels, each once: uint8 [N, pixels]."""
    edge = np.ones(images.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    return images[:, edge]
