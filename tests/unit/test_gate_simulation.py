"""The rates that `make simulate-gate` promises, on fewer trials."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gate_simulation import simulate
from components.gate.model_checks import Bounds

BOUNDS = Bounds(
    min_accuracy=0.86, min_class_accuracy=0.5, max_calibration_error=0.1, max_loss=0.005, max_class_loss=0.03
)


@pytest.mark.parametrize("images", [200, 10_000])
def test_equally_good_models_are_rejected_at_most_one_time_in_twenty(images: int) -> None:
    found = simulate(np.random.default_rng(1), BOUNDS, images=images, loss=0, differing=0.08, trials=500)
    assert found.either <= 25


def test_a_loss_of_two_points_is_caught_at_ten_thousand_images() -> None:
    found = simulate(np.random.default_rng(1), BOUNDS, images=10_000, loss=0.02, differing=0.08, trials=100)
    assert found.either >= 95
