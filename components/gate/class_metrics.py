"""How well a model recognises each class, from the counts of its answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.gate.answers import ModelAnswers
from components.gate.calibration import compute_calibration_error


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """How well one class is recognised, 0 to 1; None where nothing was predicted or there is no image of it."""

    name: str
    images: int
    precision: float | None
    recall: float | None
    f1: float | None


def measure_accuracy(answers: ModelAnswers) -> float:
    """Return the share of right answers."""
    return float(np.trace(answers.confusion) / max(np.sum(answers.confusion), 1))


def measure_calibration_error(answers: ModelAnswers) -> float:
    """Return the expected calibration error."""
    return compute_calibration_error(np.array(answers.bins, dtype=float))


def measure_classes(answers: ModelAnswers, names: tuple[str, ...]) -> list[ClassMetrics]:
    """Return precision, recall and F1 of each class, from the confusion matrix."""
    confusion = np.array(answers.confusion)
    right, images, predicted = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist(), confusion.sum(axis=0)
    return [
        ClassMetrics(
            name=name,
            images=images[label],
            precision=_divide(right[label], int(predicted[label])),
            recall=_divide(right[label], images[label]),
            f1=_divide(2 * right[label], images[label] + int(predicted[label])),
        )
        for label, name in enumerate(names)
    ]


def _divide(part: float, whole: float) -> float | None:
    return part / whole if whole else None
