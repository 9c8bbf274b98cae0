"""Precision, recall, F1 and calibration error of a few answers that one can count by hand."""

from __future__ import annotations

import pytest

from components.gate.answers import ModelAnswers
from components.gate.class_metrics import ClassMetrics, measure_accuracy, measure_calibration_error, measure_classes

# Three classes; the last is never predicted.
THREE = ModelAnswers(confusion=[[8, 2, 0], [1, 9, 0], [0, 5, 0]], bins=[[2, 1.2, 1], [0, 0, 0], [2, 1.8, 2]])


def test_precision_recall_and_f1_are_those_of_the_confusion_matrix() -> None:
    assert measure_classes(THREE, ("a", "b", "c")) == [
        ClassMetrics(name="a", images=10, precision=8 / 9, recall=8 / 10, f1=16 / 19),
        ClassMetrics(name="b", images=10, precision=9 / 16, recall=9 / 10, f1=18 / 26),
        ClassMetrics(name="c", images=5, precision=None, recall=0.0, f1=0.0),
    ]
    assert measure_accuracy(THREE) == 17 / 25


def test_calibration_error_is_the_mean_distance_of_confidence_and_accuracy() -> None:
    assert measure_calibration_error(THREE) == pytest.approx((abs(1 - 1.2) + abs(2 - 1.8)) / 4)
