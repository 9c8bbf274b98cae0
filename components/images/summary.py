"""What a run's data looked like: kept in the DataValidation artifact, and in every pushed model. Numpy only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.features import SPLITS
from components.images.statistics import ImageStatistics, read_statistics

_DESCRIPTION_FILE = "description.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """The data of a run in numbers.

    Attributes:
        image_shape: Height and width in pixels.
        class_names: In the order of the labels.
        statistics: Of the images, by split.
    """

    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    statistics: dict[str, ImageStatistics]


def statistics_file(directory: Path, split: str) -> Path:
    """Return where `directory` keeps the statistics of `split`."""
    return directory / f"Split-{split}" / "images.npz"


def write_description(directory: Path, image_shape: tuple[int, int], class_names: Sequence[str]) -> None:
    """Write what the statistics beside it do not tell."""
    values = {"image_shape": image_shape, "class_names": class_names}
    (directory / _DESCRIPTION_FILE).write_text(json.dumps(values))


def read_summary(directory: Path) -> DataSummary | None:
    """Read a summary back; None where there is none."""
    if not (directory / _DESCRIPTION_FILE).is_file():
        return None
    values = json.loads((directory / _DESCRIPTION_FILE).read_text())
    return DataSummary(
        image_shape=tuple(values["image_shape"]),
        class_names=tuple(values["class_names"]),
        statistics={split: read_statistics(statistics_file(directory, split)) for split in SPLITS},
    )
