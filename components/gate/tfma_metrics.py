"""TFMA's metrics, from counted answers: TFMA itself goes image by image, and takes four times as long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.features import LABEL_KEY, SIGNATURE
from components.gate.answer_counts import BASELINE, CANDIDATE, AnswerCounts
from components.gate.calibration import BINS, compute_calibration_error
from components.gate.checks import SLACK
from components.gate.model_checks import Bounds

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


def make_eval_config(bounds: Bounds) -> config_pb2.EvalConfig:
    """Say what TFMA measures, and what a model by itself has to reach."""
    by_class = config_pb2.SlicingSpec(feature_keys=[LABEL_KEY])

    def bound(spec: config_pb2.SlicingSpec, **values: float) -> config_pb2.PerSliceMetricThreshold:
        value = config_pb2.GenericValueThreshold(**{name: {"value": number} for name, number in values.items()})
        return config_pb2.PerSliceMetricThreshold(
            slicing_specs=[spec], threshold=config_pb2.MetricThreshold(value_threshold=value)
        )

    thresholds = {
        ACCURACY: [
            bound(config_pb2.SlicingSpec(), lower_bound=bounds.min_accuracy - SLACK),
            bound(by_class, lower_bound=bounds.min_class_accuracy - SLACK),
        ],
        CALIBRATION_ERROR: [bound(config_pb2.SlicingSpec(), upper_bound=bounds.max_calibration_error + SLACK)],
        LOSS: [],
        COUNT: [],
    }
    metrics = [
        config_pb2.MetricConfig(
            class_name=AnswerMetric.__name__,
            module=AnswerMetric.__module__,
            config=json.dumps({"name": name}),
            per_slice_thresholds=each,
        )
        for name, each in thresholds.items()
    ]
    model = {"signature_name": SIGNATURE, "label_key": LABEL_KEY}
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name=CANDIDATE, **model),
            config_pb2.ModelSpec(name=BASELINE, is_baseline=True, **model),
        ],
        slicing_specs=[config_pb2.SlicingSpec(), by_class],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


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
