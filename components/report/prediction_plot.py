"""A picture of images and what a model takes them for, as in https://www.tensorflow.org/tutorials/keras/classification.

Right answers are blue, wrong ones red. Matplotlib is imported here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_IMAGES = 60
_COLUMNS = 3


def plot_predictions(
    path: Path,
    images: Sequence[NDArray[np.uint8]],
    labels: Sequence[int | None],
    probabilities: NDArray[np.float32],
    class_names: Sequence[str],
) -> None:
    """Draw each image beside the bars of its probabilities; the first 60 of them.

    Args:
        path: the PNG file to write.
        images: uint8 [height, width] each.
        labels: what they are, None where that is not known.
        probabilities: float32 [N, classes].
        class_names: in the order of the labels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = min(len(images), MAX_IMAGES)
    columns = min(count, _COLUMNS)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(4 * columns, 2.3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for index in range(count):
        predicted, label, shares = int(probabilities[index].argmax()), labels[index], probabilities[index]
        colour = "tab:grey" if label is None else "tab:blue" if predicted == label else "tab:red"
        picture = figure.add_subplot(rows, 2 * columns, 2 * index + 1, xticks=[], yticks=[])
        picture.imshow(images[index], cmap="binary", vmin=0, vmax=255)
        text = f"{class_names[predicted]} {shares[predicted]:.0%}"
        text += "" if label is None else f" ({class_names[label]})"
        picture.set_xlabel(text, color=colour, parse_math=False)
        chart = figure.add_subplot(rows, 2 * columns, 2 * index + 2, xticks=range(len(shares)), yticks=[], ylim=(0, 1))
        bars = chart.bar(range(len(shares)), shares, color="lightgrey")
        bars[predicted].set_color(colour)
        if label is not None:
            bars[label].set_color("tab:blue")
    figure.savefig(path, dpi=110)
