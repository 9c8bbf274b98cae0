"""TFMA's metrics, from counted answers: TFMA itself goes image by image, and takes four times as long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.answer_counts import CANDIDATE, AnswerCounts
from components.calibration import BINS, compute_calibration_error
from components.features import LABEL_KEY

ACCURACY = "sparse_categorical_accuracy"
LOSS = "sparse_categorical_crossentropy"
CALIBRATION_ERROR = "expected_calibration_error"
COUNT = "example_count"


def make_extracts(counts: AnswerCounts) -> Iterator[dict[str, Any]]:
    """Give TFMA an example for each class: its prediction is the counts of that class, for each model."""
    for label in range(len(counts.pairs)):
        sums = {name: np.append(model.bins[label], model.loss[label]) for name, model in counts.models.items()}
        if sums[CANDIDATE].any():
            # A lone model has no name with TFMA.
            predictions = sums if len(sums) > 1 else sums[CANDIDATE]
            yield {
                tfma.FEATURES_KEY: {LABEL_KEY: np.array([label])},
                tfma.LABELS_KEY: np.array([label]),
                tfma.PREDICTIONS_KEY: predictions,
            }


class AnswerMetric(metric_types.Metric):
    """One of accuracy, loss, expected calibration error and number of images; `name` says which."""

    def __init__(self, name: str) -> None:
        super().__init__(metric_util.merge_per_key_computations(_make_computations), name=name)


def _make_computations(name: str = "", model_name: str = "", **_: Any) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(name, model_name)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=_AddClasses(key))]


class _AddClasses(beam.CombineFn):
    def __init__(self, key: metric_types.MetricKey) -> None:
        self._key = key

    def create_accumulator(self) -> NDArray[np.float64]:
        return np.zeros(BINS * 3 + 1)

    def add_input(self, sums: NDArray[np.float64], of_class: metric_types.StandardMetricInputs) -> NDArray[np.float64]:
        return sums + of_class.get_predictions(self._key.model_name)

    def merge_accumulators(self, accumulators: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, sums: NDArray[np.float64]) -> dict[metric_types.MetricKey, float]:
        bins, loss = sums[:-1].reshape(BINS, 3), sums[-1]
        images, _, right = bins.sum(axis=0)
        values = {
            ACCURACY: right / images,
            LOSS: loss / images,
            CALIBRATION_ERROR: compute_calibration_error(bins),
            COUNT: images,
        }
        return {self._key: float(values[self._key.name])}


metric_types.register_metric(AnswerMetric)
