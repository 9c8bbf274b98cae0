"""How far the data of a run is from that of the baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.gate.data_checks import measure_divergence, to_shares
from components.images.summary import DataSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the images of a split are from those that the baseline was trained with.

    Attributes:
        images: How many the baseline had.
        label_shift: The largest change of a class's share, 0 to 1, and that class.
        pixel_divergence: Of the grey values, in bits, 0 to 1.
    """

    images: int
    label_shift: float
    label: str
    pixel_divergence: float


def measure_drift(now: DataSummary, then: DataSummary) -> dict[str, Drift]:
    """Compare the statistics of two data sets with the same classes, split by split."""
    drift = {}
    for split, statistics in now.statistics.items():
        earlier = then.statistics[split]
        shifts = np.abs(to_shares(statistics.class_counts) - to_shares(earlier.class_counts))
        drift[split] = Drift(
            images=int(earlier.images),
            label_shift=float(shifts.max()),
            label=now.class_names[int(shifts.argmax())],
            pixel_divergence=measure_divergence(to_shares(statistics.grey_values), to_shares(earlier.grey_values)),
        )
    return drift
