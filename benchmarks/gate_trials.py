"""The gate on pairs of trainings: which it refuses, what they are worth, and what their faults cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations, product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.trainings import OTHER_DIVISOR, Answers, Training, answer, read_answers, read_weights
from components.features import EVAL_SPLIT
from components.gate import answers as gate_answers
from components.gate.calibration import bin_answers
from components.gate.checks import OVERALL, Check
from components.gate.model_checks import Bounds, check_model
from components.images.idx_folder import Dataset, read_split

Pair = tuple[Training, Training]


class Trials:
    """Trainings that have kept their answers to one data set, and the gate with some bounds."""

    def __init__(self, directory: Path, dataset: Dataset, bounds: Bounds) -> None:
        self._images, labels = read_split(dataset, EVAL_SPLIT)
        self._labels = labels.astype(int)
        self.class_names, self.bounds = dataset.class_names, bounds
        self._directory, self._shape = directory, dataset.image_shape
        self.get_answers = cache(self._get_answers)
        self.judge = cache(self._judge)

    def _get_answers(self, training: Training) -> Answers:
        if training.fault != OTHER_DIVISOR:
            return read_answers(self._directory, training)
        weights = read_weights(self._directory, replace(training, fault="", size=0.0))
        return answer(weights, self._images.astype(np.float32) / np.float32(training.size))

    def measure_accuracy(self, training: Training) -> float:
        """Return the share of right answers."""
        return float(np.mean(self.get_answers(training).predicted == self._labels))

    def measure_class_accuracies(self, trainings: Iterable[Training]) -> np.ndarray:
        """Return those of each class, float64 [trainings, classes]."""
        right = [self.get_answers(training).predicted == self._labels for training in trainings]
        return np.array([[each[self._labels == k].mean() for k in range(len(self.class_names))] for each in right])

    def _judge(self, pair: Pair) -> list[Check]:
        """Return the checks of a candidate beside a baseline, as the Evaluator would make them."""
        candidate, baseline = (self.get_answers(training).predicted for training in pair)
        outcome = 2 * (candidate != self._labels) + (baseline != self._labels)
        pairs = self._count(self._labels * 4 + outcome, 4)
        changed = np.bincount(self._labels[candidate != baseline], minlength=len(self.class_names))
        models = [self._summarize(self.get_answers(training)) for training in pair]
        found = gate_answers.Answers(
            image_shape=self._shape,
            class_names=self.class_names,
            candidate=models[0],
            baseline=models[1],
            pairs=pairs.tolist(),
            lost=[],
            won=[],
            mistakes=[],
            changed=changed.tolist(),
        )
        return list(check_model(found, self.bounds))

    def _summarize(self, answers: Answers) -> gate_answers.ModelAnswers:
        predicted, confidence = answers.predicted.astype(int), answers.confidence.astype(np.float64)
        confusion = self._count(self._labels * len(self.class_names) + predicted, len(self.class_names))
        bins = bin_answers(confidence, predicted == self._labels)
        return gate_answers.ModelAnswers(confusion=confusion.tolist(), bins=bins.tolist())

    def _count(self, cells: np.ndarray, columns: int) -> np.ndarray:
        rows = len(self.class_names)
        return np.bincount(cells, minlength=rows * columns).reshape(rows, columns)


def measure_retrainings(
    trials: Trials, candidates: Sequence[Training], baselines: Sequence[Training] | None = None
) -> dict[str, Any]:
    """Return what trainings with nothing wrong are worth, and how the gate takes each ordered pair of them.

    Without `baselines`, each candidate is beside each other.
    """
    pairs = list(product(candidates, baselines) if baselines else permutations(candidates, 2))
    accuracies = [trials.measure_accuracy(training) for training in candidates]
    spread = trials.measure_class_accuracies(candidates).std(axis=0, ddof=1)
    return {
        "accuracy": {"least": min(accuracies), "median": median(accuracies), "most": max(accuracies)},
        "class_sd": dict(zip(trials.class_names, spread.tolist(), strict=True)),
        **measure_pairs(trials, pairs),
    }


def measure_fault(trials: Trials, faulty: Sequence[Training], baselines: Sequence[Training]) -> dict[str, Any]:
    """Return what a fault costs on average, and how often it is refused beside each of `baselines`."""
    pairs = [(one, other) for one, other in product(faulty, baselines) if one.seed != other.seed]
    means = [trials.measure_class_accuracies(group).mean(axis=0) for group in (faulty, baselines)]
    whole = [np.mean([trials.measure_accuracy(training) for training in group]) for group in (faulty, baselines)]
    change = means[0] - means[1]
    one, worst = faulty[0], int(change.argmin())
    return {
        "fault": one.fault,
        "class": trials.class_names[one.label] if one.label >= 0 else "",
        "size": one.size,
        "loss": float(whole[1] - whole[0]),
        "worst_class": trials.class_names[worst],
        "worst_class_loss": float(-change[worst]),
        "trainings": len(faulty),
        **measure_pairs(trials, pairs),
    }


def measure_pairs(trials: Trials, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return churn and refusals: how many pairs, and how many of them by each check."""
    judged = [trials.judge(pair) for pair in pairs]
    failures = [[check for check in checks if not check.passed] for checks in judged]
    churn = [check.value for checks in judged for check in checks if check.name == "churn"]
    by = Counter(
        check.name if check.slice == OVERALL else f"{check.name}, {check.slice}" for each in failures for check in each
    )
    return {
        "churn": float(np.mean(churn)),
        "pairs": len(pairs),
        "refused": sum(map(bool, failures)),
        "refused_by": dict(by.most_common()),
    }
