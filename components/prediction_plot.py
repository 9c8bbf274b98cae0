"""A picture of images and what a model takes them for, as in https://www.tensorflow.org/tutorials/keras/classification.

Right answers are blue, wrong ones red. Matplotlib is imported here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_IMAGES = 60
_COLUMNS = 3


class Shown(Protocol):
    """An image, uint8 [height, width], and its label where that is known."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def pixels(self) -> NDArray[np.uint8]: ...  # noqa: D102

    @property
    def label(self) -> int | None: ...  # noqa: D102


def plot_predictions(
    path: Path, images: Sequence[Shown], probabilities: NDArray[np.float32], class_names: Sequence[str]
) -> None:
    """Draw each image beside the bars of its probabilities, float32 [N, classes]; the first 60 of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = min(len(images), MAX_IMAGES)
    columns = min(count, _COLUMNS)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(4 * columns, 2.3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 2 * columns, squeeze=False).ravel()
    for index in range(rows * columns):
        left, right = axes[2 * index], axes[2 * index + 1]
        if index < count:
            _draw_image(left, images[index], probabilities[index], class_names)
            _draw_bars(right, images[index].label, probabilities[index])
        else:
            left.set_visible(False)
            right.set_visible(False)
    figure.savefig(path, dpi=110)


def _draw_image(axes: Any, image: Shown, probabilities: NDArray[np.float32], class_names: Sequence[str]) -> None:
    predicted = int(probabilities.argmax())
    text = f"{class_names[predicted]} {probabilities[predicted]:.0%}"
    colour = "black"
    if image.label is not None:
        text += f" ({class_names[image.label]})"
        colour = "tab:blue" if predicted == image.label else "tab:red"
    axes.imshow(image.pixels, cmap="binary", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(text, color=colour, parse_math=False)


def _draw_bars(axes: Any, label: int | None, probabilities: NDArray[np.float32]) -> None:
    bars = axes.bar(range(len(probabilities)), probabilities, color="lightgrey")
    axes.set(xticks=range(len(probabilities)), yticks=[], ylim=(0, 1))
    bars[int(probabilities.argmax())].set_color("tab:red" if label is not None else "tab:grey")
    if label is not None:
        bars[label].set_color("tab:blue")
