"""The Evaluator stage: what is blessed, what is not, and the check that says why.

The models read their answer off the images: `a` from the brightest of the pixels 0 to 9, `b` from the pixels 10 to 19.
So an image decides what each of them answers, and every number here is exact.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from components.evaluator import ACCURACY, CALIBRATION_ERROR, LOSS, Executor, load_metrics, make_eval_config
from components.features import CLASS_NAMES
from components.gate import Check, get_failures, read_checks
from components.model import ImageTransform, ServingModel, build_model, export_model

FIRST_PIXEL = {"a": 0, "b": 10}

# TFMA's own, once for each image.
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array with ndim > 0:DeprecationWarning")


@pytest.fixture(scope="module")
def models(transform_graph_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Artifacts of the models `a` and `b`, and of `broken`, whose bias is NaN."""
    directory = tmp_path_factory.mktemp("evaluated")
    transform = ImageTransform(str(transform_graph_dir))
    models = {}
    for name, pixel in (*FIRST_PIXEL.items(), ("broken", 0)):
        network = build_model((28, 28), 10, 10)
        choose = np.zeros((784, 10), np.float32)
        choose[pixel : pixel + 10] = np.eye(10)
        network.set_weights([choose, np.zeros(10), np.eye(10) * 5, np.full(10, math.nan if name == "broken" else 0)])
        models[name] = standard_artifacts.Model()
        models[name].uri = str(directory / name)
        export_model(ServingModel(network, transform, (28, 28), CLASS_NAMES), f"{directory / name}/Format-Serving")
    return models


def make_examples(directory: Path, wrong: dict[str, dict[int, int]]) -> Any:
    """Write twenty images of each class; a model of `wrong` answers wrong on as many of a class as it says there."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(directory)
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    folder = directory / "Split-eval"
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001")) as writer:
        for label in range(10):
            for number in range(20):
                pixels = bytearray(784)
                for model, first in FIRST_PIXEL.items():
                    is_wrong = number < wrong.get(model, {}).get(label, 0)
                    pixels[first + (label + is_wrong) % 10] = 255
                example = tf.train.Example()
                example.features.feature["image"].bytes_list.value.append(bytes(pixels))
                example.features.feature["label"].int64_list.value.append(label)
                writer.write(example.SerializeToString())
    return artifact


class Evaluation:
    """What the stage left."""

    def __init__(self, evaluation: Any, blessing: Any) -> None:
        self.directory = evaluation.uri
        self.blessed = bool(blessing.get_int_custom_property("blessed"))
        self.checks = read_checks(Path(evaluation.uri, "gate.json"))
        self.failures = get_failures(self.checks)

    def get_check(self, name: str, where: str = "overall") -> Check:
        (check,) = (check for check in self.checks if (check.name, check.slice) == (name, where))
        return check


@pytest.fixture
def evaluate(models: dict[str, Any], schema: Any, tmp_path: Path) -> Callable[..., Evaluation]:
    def evaluate(
        candidate: str, baseline: str = "", *, wrong: dict[str, dict[int, int]] | None = None, **bounds: float
    ) -> Evaluation:
        compared = standard_artifacts.Model()
        compared.uri = models[baseline].uri if baseline else str(tmp_path / "no_baseline")
        compared.set_int_custom_property("version", int(bool(baseline)))
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
        config = make_eval_config(**({"min_accuracy": 0.5, "min_class_accuracy": 0.2, "max_loss": 0.01} | bounds))
        inputs = {
            "examples": [make_examples(tmp_path / "examples", wrong or {})],
            "model": [models[candidate]],
            "baseline_model": [compared],
            "schema": [schema],
        }
        options = {
            "eval_config": proto_utils.proto_to_json(config),
            "example_splits": json.dumps(["eval"]),
            "fairness_indicator_thresholds": "null",
        }
        Executor().Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, options)
        return Evaluation(evaluation, blessing)

    return evaluate


def test_without_baseline_a_model_above_its_floors_is_blessed(evaluate) -> None:
    """On the floors themselves, to be exact: 140 of 200, and 5 of 20 of the worst class."""
    result = evaluate("a", wrong={"a": {0: 15, 1: 15, 2: 15, 3: 15}}, min_accuracy=0.7, min_class_accuracy=0.25)
    assert result.failures == []
    assert result.blessed
    assert [(check.name, check.slice) for check in result.checks] == [
        ("accuracy", "overall"),
        *(("class accuracy", name) for name in CLASS_NAMES),
    ]
    overall = result.get_check("accuracy")
    assert (overall.value, overall.bound, overall.images) == (pytest.approx(0.7), pytest.approx(0.7), 200)
    trouser = result.get_check("class accuracy", "Trouser")
    assert (trouser.value, trouser.margin, trouser.images) == (pytest.approx(0.25), pytest.approx(0, abs=1e-6), 20)
    bag = result.get_check("class accuracy", "Bag")
    assert (bag.value, bag.margin) == (pytest.approx(1), pytest.approx(0.75))


def test_below_the_floors_a_model_is_not_blessed_and_each_floor_is_named(evaluate) -> None:
    result = evaluate("a", wrong={"a": {6: 17, 4: 4}}, min_accuracy=0.9, min_class_accuracy=0.2)
    assert not result.blessed
    assert result.failures == [
        "accuracy of overall is 0.8950, expected at least 0.9000",
        "class accuracy of Shirt is 0.1500, expected at least 0.2000",
    ]


def test_a_model_that_is_like_its_baseline_is_blessed(evaluate) -> None:
    """With a tolerance of nothing at all, and the metrics of both for the report."""
    result = evaluate("a", "a", wrong={"a": {3: 10}}, max_loss=0)
    assert result.blessed
    assert result.get_check("change of accuracy").value == 0
    for model in ("candidate", "baseline"):
        metrics = load_metrics(result.directory, model)
        assert metrics[None][ACCURACY] == pytest.approx(0.95)
        assert metrics[3][ACCURACY] == pytest.approx(0.5)
        # A logit of 5 against nine of 0, so that the right class gets e^5 / (e^5 + 9), as does each wrong one.
        sure = math.exp(5) / (math.exp(5) + 9)
        assert metrics[None][CALIBRATION_ERROR] == pytest.approx(abs(sure - 0.95), abs=1e-6)
        assert metrics[None][LOSS] == pytest.approx(-math.log(sure) + 0.05 * 5, rel=1e-5)


def test_a_loss_as_large_as_the_tolerance_is_blessed(evaluate) -> None:
    """0.90 against 0.95."""
    result = evaluate("a", "b", wrong={"a": {3: 15, 4: 5}, "b": {5: 10}}, max_loss=0.05)
    assert result.failures == []
    assert result.blessed
    assert result.get_check("change of accuracy").value == pytest.approx(-0.05)


def test_a_loss_beyond_the_tolerance_is_not_blessed(evaluate) -> None:
    """One image of 200 more; no floor is touched, and the worst class is the baseline's."""
    result = evaluate("a", "b", wrong={"a": {3: 11, 4: 10}, "b": {5: 10}}, max_loss=0.05)
    assert not result.blessed
    assert result.failures == ["change of accuracy of overall is -0.0550, expected at least -0.0500"]


def test_a_model_whose_training_went_astray_is_not_blessed(evaluate) -> None:
    """Its probabilities are NaN. That is a verdict on the model, and no error of the pipeline."""
    result = evaluate("broken")
    assert not result.blessed
    assert "accuracy of overall is 0.1000, expected at least 0.5000" in result.failures
