"""The calibration error is the one of Guo et al., and the same however the answers are shared out among workers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.gate.calibration import BINS, bin_answers, compute_calibration_error


def measure(confidence: list[float], right: list[bool]) -> float:
    return compute_calibration_error(bin_answers(np.array(confidence, float), np.array(right, bool)))


def test_a_model_that_is_right_as_often_as_it_is_sure_has_no_error() -> None:
    assert measure([0.75] * 4, [True, True, True, False]) == pytest.approx(0)


def test_a_model_that_is_sure_and_wrong_has_the_greatest_error() -> None:
    assert measure([1.0] * 5, [False] * 5) == 1


def test_numbers_worked_out_by_hand() -> None:
    """Four answers at 0.9, three of them right: 4 * |0.75 - 0.9| = 0.6. One at 0.5, wrong: 0.5. (0.6 + 0.5) / 5."""
    assert measure([0.9] * 4 + [0.5], [True] * 3 + [False] * 2) == pytest.approx(0.22)


def test_errors_of_different_bins_do_not_make_up_for_each_other() -> None:
    bins = np.zeros((BINS, 3))
    bins[9], bins[14] = (10, 6.5, 10), (10, 9.5, 6)
    assert compute_calibration_error(bins) == pytest.approx((3.5 + 3.5) / 20)


def test_answers_shared_out_among_workers_give_the_same_bins() -> None:
    rng = np.random.default_rng(3)
    confidence, right = rng.uniform(0, 1, 200), rng.integers(0, 2, 200).astype(bool)
    parts = [bin_answers(confidence[start:stop], right[start:stop]) for start, stop in ((0, 3), (3, 120), (120, 200))]
    np.testing.assert_allclose(sum(parts), bin_answers(confidence, right))


def test_no_answers_have_no_error_rather_than_a_good_one() -> None:
    assert math.isnan(measure([], []))


def test_a_model_that_answers_nan_has_no_error_rather_than_a_good_one() -> None:
    assert math.isnan(measure([1.0, math.nan], [True, True]))
