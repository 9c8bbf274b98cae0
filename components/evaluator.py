"""Evaluator: TFMA's metrics and thresholds, and the list of checks that shows what they came to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import standard_component_specs
from tfx.utils import proto_utils

from components.baseline import VERSION_PROPERTY
from components.calibration import NAME as CALIBRATION_ERROR
from components.calibration import ExpectedCalibrationError
from components.features import LABEL_KEY
from components.gate import GATE_FILE, OVERALL, Check, check_at_least, write_checks
from components.schema import get_class_names, read_schema

ACCURACY = "sparse_categorical_accuracy"
LOSS = "sparse_categorical_crossentropy"
COUNT = "example_count"

# TFMA's accuracies are float32, in which 140 of 200 is less than 0.7: what is on its bound has to pass.
ROUNDING = 1e-7

# Names of the models in TFMA's results when there are two; a candidate alone has none.
CANDIDATE, BASELINE = tfma.CANDIDATE_KEY, tfma.BASELINE_KEY


def make_eval_config(*, min_accuracy: float, min_class_accuracy: float, max_loss: float) -> tfma.EvalConfig:
    """Say what is measured, and what a model has to reach.

    Args:
        min_accuracy: Least accuracy on all evaluation images, 0 to 1.
        min_class_accuracy: Least accuracy on the images of each class, 0 to 1.
        max_loss: Most that the accuracy may be below the baseline's, 0 to 1.
    """
    overall = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": min_accuracy - ROUNDING}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER,
            # TFMA wants both satisfied; a relative bound of -1 always is.
            absolute={"value": -max_loss - ROUNDING},
            relative={"value": -1.0},
        ),
    )
    each_class = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": min_class_accuracy - ROUNDING})
    )
    by_class = tfma.SlicingSpec(feature_keys=[LABEL_KEY])
    accuracy = tfma.MetricConfig(
        class_name="SparseCategoricalAccuracy",
        per_slice_thresholds=[
            tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=overall),
            tfma.PerSliceMetricThreshold(slicing_specs=[by_class], threshold=each_class),
        ],
    )
    others = [
        tfma.MetricConfig(class_name="SparseCategoricalCrossentropy"),
        tfma.MetricConfig(class_name="ExampleCount"),
        tfma.MetricConfig(class_name="MultiClassConfusionMatrixPlot"),
        tfma.MetricConfig(class_name=ExpectedCalibrationError.__name__, module=ExpectedCalibrationError.__module__),
    ]
    model = {"signature_name": "serving_default", "label_key": LABEL_KEY, "prediction_key": "probabilities"}
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(name=CANDIDATE, **model),
            tfma.ModelSpec(name=BASELINE, is_baseline=True, **model),
        ],
        slicing_specs=[tfma.SlicingSpec(), by_class],
        metrics_specs=[tfma.MetricsSpec(metrics=[accuracy, *others])],
    )


class Executor(executor.Executor):
    """TFX's Evaluator, which takes an empty baseline for none, and leaves its checks beside the metrics."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluate, and bless or not.

        Args:
            input_dict: `examples`, `model`, `schema` and `baseline_model`, one artifact each.
            output_dict: `evaluation` and `blessing`, one artifact each.
            exec_properties: `eval_config`, from `make_eval_config`.
        """
        (baseline,) = input_dict[standard_component_specs.BASELINE_MODEL_KEY]
        (schema,) = input_dict[standard_component_specs.SCHEMA_KEY]
        has_baseline = bool(baseline.get_int_custom_property(VERSION_PROPERTY))
        inputs = {**input_dict, standard_component_specs.BASELINE_MODEL_KEY: [baseline] if has_baseline else []}
        super().Do(inputs, output_dict, exec_properties)

        (evaluation,), (blessing,) = output_dict["evaluation"], output_dict["blessing"]
        config = tfma.EvalConfig()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.EVAL_CONFIG_KEY], config)
        class_names = get_class_names(read_schema(str(Path(schema.uri, "schema.pbtxt"))))
        checks = list(list_checks(evaluation.uri, config, class_names, has_baseline=has_baseline))
        blessed = bool(blessing.get_int_custom_property("blessed"))
        if blessed != all(check.passed for check in checks):
            raise RuntimeError(f"TFMA says blessed={blessed}, the checks do not: {checks}")
        write_checks(Path(evaluation.uri, GATE_FILE), checks)


def list_checks(
    evaluation_dir: str, config: tfma.EvalConfig, class_names: tuple[str, ...], *, has_baseline: bool
) -> Iterator[Check]:
    """Join TFMA's metrics with the thresholds of `config`: TFMA itself lists only what failed."""
    overall, each_class = (threshold.threshold for threshold in config.metrics_specs[0].metrics[0].per_slice_thresholds)
    candidate = load_metrics(evaluation_dir, CANDIDATE if has_baseline else "")
    metrics = candidate[None]
    images = int(metrics[COUNT])
    yield check_at_least(
        "accuracy", OVERALL, metrics[ACCURACY], overall.value_threshold.lower_bound.value, images=images
    )
    for label, name in enumerate(class_names):
        metrics = candidate[label]
        floor = each_class.value_threshold.lower_bound.value
        yield check_at_least("class accuracy", name, metrics[ACCURACY], floor, images=int(metrics[COUNT]))
    if has_baseline:
        change = candidate[None][ACCURACY] - load_metrics(evaluation_dir, BASELINE)[None][ACCURACY]
        bound = overall.change_threshold.absolute.value
        yield check_at_least("change of accuracy", OVERALL, change, bound, images=images)


def load_metrics(evaluation_dir: str, model_name: str) -> dict[int | None, dict[str, float]]:
    """Return the metrics of a model by label, and under None those of all images."""
    result = tfma.load_eval_result(evaluation_dir, model_name=model_name or None)
    metrics = {}
    for slice_key, outputs in result.slicing_metrics:
        values = outputs[""][""].items()
        label = slice_key[0][1] if slice_key else None
        metrics[label] = {name: value["doubleValue"] for name, value in values if "doubleValue" in value}
    return metrics


class GatedEvaluator(component.Evaluator):
    """TFX's Evaluator with the executor above."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


__all__ = ["ACCURACY", "CALIBRATION_ERROR", "COUNT", "LOSS", "GatedEvaluator", "make_eval_config"]
