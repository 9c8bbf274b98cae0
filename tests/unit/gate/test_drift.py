"""Drift is how far two data sets are apart, in classes and in pixels."""

from __future__ import annotations

import numpy as np
import pytest

from components.gate.drift import measure_drift
from components.images.statistics import summarize_images
from components.images.summary import DataSummary


def make_summary(labels: list[int], grey: int) -> DataSummary:
    images = [bytes([grey] * 4)] * len(labels)
    statistics = summarize_images(images, np.array(labels), image_shape=(2, 2), num_classes=2)
    return DataSummary(image_shape=(2, 2), class_names=("a", "b"), statistics={"train": statistics, "eval": statistics})


def test_drift_is_the_largest_change_of_a_class_and_the_divergence_of_the_pixels() -> None:
    same, other = make_summary([0, 0, 1, 1], 7), make_summary([0, 0, 0, 0, 1], 8)
    assert measure_drift(same, same)["train"].label_shift == 0
    assert measure_drift(same, same)["train"].pixel_divergence == 0
    drift = measure_drift(other, same)["eval"]
    assert (drift.images, drift.label_shift, drift.label) == (4, pytest.approx(0.3), "a")
    assert drift.pixel_divergence == pytest.approx(1)
