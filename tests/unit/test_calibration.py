"""The calibration error is the one of Guo et al., and the same however the answers are shared out among workers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from components.calibration import BINS, ExpectedCalibrationError, _BinAnswers, compute_calibration_error


@pytest.fixture
def combiner() -> _BinAnswers:
    (computation,) = ExpectedCalibrationError().computations()
    return computation.combiner


def answer(label: int, probabilities: list[float]) -> metric_types.StandardMetricInputs:
    return metric_types.StandardMetricInputs(labels=np.array([label]), predictions=np.array(probabilities))


def measure(combiner: _BinAnswers, answers: list[metric_types.StandardMetricInputs]) -> float:
    bins = combiner.create_accumulator()
    for each in answers:
        bins = combiner.add_input(bins, each)
    (error,) = combiner.extract_output(bins).values()
    return error


def test_a_model_that_is_right_as_often_as_it_is_sure_has_no_error(combiner) -> None:
    answers = [answer(0, [0.75, 0.25])] * 3 + [answer(1, [0.75, 0.25])]
    assert measure(combiner, answers) == pytest.approx(0)


def test_a_model_that_is_sure_and_wrong_has_the_greatest_error(combiner) -> None:
    assert measure(combiner, [answer(1, [1.0, 0.0])] * 5) == 1


def test_numbers_worked_out_by_hand(combiner) -> None:
    """Four answers at 0.9, three of them right: 4 * |0.75 - 0.9| = 0.6. One at 0.5, wrong: 0.5. (0.6 + 0.5) / 5."""
    answers = [answer(0, [0.9, 0.1])] * 3 + [answer(1, [0.9, 0.1]), answer(2, [0.5, 0.3, 0.2])]
    assert measure(combiner, answers) == pytest.approx(0.22)


def test_errors_of_different_bins_do_not_make_up_for_each_other() -> None:
    bins = np.zeros((BINS, 3))
    bins[9], bins[14] = (10, 6.5, 10), (10, 9.5, 6)
    assert compute_calibration_error(bins) == pytest.approx((3.5 + 3.5) / 20)


def test_confidence_is_that_of_the_most_probable_class_whatever_its_place(combiner) -> None:
    assert measure(combiner, [answer(2, [0.1, 0.1, 0.8])]) == pytest.approx(0.2)


def test_answers_shared_out_among_workers_give_the_same_error(combiner) -> None:
    rng = np.random.default_rng(3)
    answers = [answer(int(rng.integers(10)), rng.dirichlet(np.full(10, 0.3)).tolist()) for _ in range(200)]
    parts = []
    for start, stop in ((0, 3), (3, 120), (120, 200)):
        bins = combiner.create_accumulator()
        for each in answers[start:stop]:
            bins = combiner.add_input(bins, each)
        parts.append(bins)
    (merged,) = combiner.extract_output(combiner.merge_accumulators(iter(parts))).values()
    assert merged == pytest.approx(measure(combiner, answers))


def test_no_answers_have_no_error_rather_than_a_good_one(combiner) -> None:
    assert math.isnan(measure(combiner, []))


def test_a_model_that_answers_nan_has_no_error_rather_than_a_good_one(combiner) -> None:
    assert math.isnan(measure(combiner, [answer(0, [1.0, 0.0]), answer(0, [math.nan, math.nan])]))
