"""Expected calibration error as a TFMA metric: how far confidence is from accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics import metric_types, metric_util

NAME = "expected_calibration_error"
BINS = 15


def compute_calibration_error(bins: NDArray[np.float64]) -> float:
    """Return the mean distance between confidence and accuracy of the bins, weighted by their images; 0 is perfect.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 3, with 15 bins of equal width.

    Args:
        bins: float64 [BINS, 3]; for each bin its images, the sum of their confidences, and how many were right.
    """
    images, confidence, right = bins.T
    return float(np.abs(right - confidence).sum() / images.sum()) if images.sum() else float("nan")


class ExpectedCalibrationError(metric_types.Metric):
    """ECE of the most probable class."""

    def __init__(self, name: str = NAME) -> None:
        super().__init__(metric_util.merge_per_key_computations(_make_computations), name=name)


def _make_computations(
    name: str = NAME,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    **_: Any,
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(name=name, model_name=model_name, output_name=output_name)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=_BinAnswers(key, eval_config))]


class _BinAnswers(beam.CombineFn):
    """Sum up answers by the confidence that they were given with."""

    def __init__(self, key: metric_types.MetricKey, eval_config: tfma.EvalConfig | None) -> None:
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> NDArray[np.float64]:
        return np.zeros((BINS, 3))

    def add_input(self, bins: NDArray[np.float64], answer: metric_types.StandardMetricInputs) -> NDArray[np.float64]:
        ((label, probabilities, _),) = metric_util.to_label_prediction_example_weight(
            answer,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            flatten=False,
        )
        predicted = int(probabilities.argmax())
        confidence = float(probabilities[predicted])
        # NaN, from a training that went astray, makes the error NaN: that is no failure of the stage.
        bins[min(int(np.nan_to_num(confidence) * BINS), BINS - 1)] += (1.0, confidence, predicted == int(label[0]))
        return bins

    def merge_accumulators(self, accumulators: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, bins: NDArray[np.float64]) -> dict[metric_types.MetricKey, float]:
        return {self._key: compute_calibration_error(bins)}


metric_types.register_metric(ExpectedCalibrationError)
