"""The Evaluator stage: what is blessed, what is not, and the check that says why.

The models read their answer off the images: `a` from the brightest of the pixels 0 to 9, `b` from the pixels 10 to 19.
So an image decides what each of them answers, and every number here is exact.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.types import artifact_utils, standard_artifacts

from components.data_validator import DataValidation
from components.evaluator import GatedEvaluator
from components.features import CLASS_NAMES
from components.gate.answers import read_answers
from components.gate.checks import Check, get_failures, read_checks, write_checks
from components.gate.tfma_metrics import ACCURACY, CALIBRATION_ERROR, COUNT, LOSS
from components.training.network import ImageTransform, ServingModel, build_model, export_model

FIRST_PIXEL = {"a": 0, "b": 10}
# Wide enough for what a test does not look at: a logit of 5 makes a model as sure when it is wrong.
OPTIONS = {
    "min_accuracy": 0.5,
    "min_class_accuracy": 0.0,
    "max_calibration_error": 1.0,
    "max_loss": 0.01,
    "max_class_loss": 0.5,
    "max_churn": 1.0,
    "accept_new_baseline": False,
}
DATA_CHECK = Check(name="schema", slice="eval", passed=True, reason="eval split: every example fits the schema")


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
    network = build_model((28, 28), 10, 10)
    models["renamed"] = standard_artifacts.Model()
    models["renamed"].uri = str(directory / "renamed")
    others = ServingModel(network, transform, (28, 28), [f"Other {label}" for label in range(10)])
    export_model(others, str(directory / "renamed" / "Format-Serving"))
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
        self.answers = read_answers(Path(evaluation.uri, "answers.json"))
        self.checks = read_checks(Path(evaluation.uri, "gate.json"))
        self.failures = get_failures(self.checks)
        self.blessed = bool(blessing.get_int_custom_property("blessed"))
        assert [path.name for path in Path(blessing.uri).iterdir()] == ["BLESSED" if self.blessed else "NOT_BLESSED"]

    def get_check(self, name: str, where: str = "overall") -> Check:
        (check,) = (check for check in self.checks if (check.name, check.slice) == (name, where))
        return check


def load_metrics(evaluation_dir: str, model_name: str) -> dict[int | None, dict[str, float]]:
    """Return the metrics of a model by label, and under None those of all images; a lone model is called ''."""
    result = tfma.load_eval_result(evaluation_dir, model_name=model_name or None)
    metrics = {}
    for slice_key, outputs in result.slicing_metrics:
        values = outputs[""][""].items()
        label = slice_key[0][1] if slice_key else None
        metrics[label] = {name: value["doubleValue"] for name, value in values if "doubleValue" in value}
    return metrics


@pytest.fixture
def evaluate(models: dict[str, Any], schema: Any, tmp_path: Path) -> Callable[..., Evaluation]:
    def evaluate(
        candidate: str,
        baseline: str = "",
        *,
        wrong: dict[str, dict[int, int]] | None = None,
        baseline_dir: Path | None = None,
        beam_args: tuple[str, ...] = (),
        **options: float,
    ) -> Evaluation:
        compared = standard_artifacts.Model()
        compared.uri = str(baseline_dir or (models[baseline].uri if baseline else tmp_path / "no_baseline"))
        if baseline or baseline_dir:
            compared.set_int_custom_property("version", 3)
        evaluation, blessing, validation = (
            kind() for kind in (standard_artifacts.ModelEvaluation, standard_artifacts.ModelBlessing, DataValidation)
        )
        evaluation.uri, blessing.uri, validation.uri = (
            str(tmp_path / name) for name in ("evaluation", "blessing", "validation")
        )
        Path(validation.uri).mkdir()
        write_checks(Path(validation.uri, "checks.json"), [DATA_CHECK])
        GatedEvaluator.test_call(
            examples=make_examples(tmp_path / "examples", wrong or {}),
            schema=schema,
            validation=validation,
            model=models[candidate],
            baseline_model=compared,
            evaluation=evaluation,
            blessing=blessing,
            options=OPTIONS | options,
            beam_pipeline=beam.Pipeline(argv=list(beam_args)),
        )
        return Evaluation(evaluation, blessing)

    return evaluate


def test_without_baseline_a_model_above_its_floors_is_blessed(evaluate) -> None:
    """On the floors themselves, to be exact: 140 of 200, and 5 of 20 of the worst class."""
    result = evaluate("a", wrong={"a": {0: 15, 1: 15, 2: 15, 3: 15}}, min_accuracy=0.7, min_class_accuracy=0.25)
    assert result.failures == []
    assert result.blessed
    assert [(check.name, check.slice) for check in result.checks] == [
        ("schema", "eval"),
        ("accuracy", "overall"),
        *(("class accuracy", name) for name in CLASS_NAMES),
        ("calibration error", "overall"),
        ("baseline", "overall"),
    ]
    overall = result.get_check("accuracy")
    assert (overall.value, overall.bound, overall.images) == (0.7, 0.7, 200)
    trouser = result.get_check("class accuracy", "Trouser")
    assert (trouser.value, trouser.margin, trouser.images) == (0.25, 0, 20)
    assert "no other model is pushed" in result.get_check("baseline").reason
    assert (result.answers.baseline, result.answers.pairs) == (None, [])


def test_below_the_floors_a_model_is_not_blessed_and_each_floor_is_named(evaluate) -> None:
    result = evaluate("a", wrong={"a": {6: 17, 4: 4}}, min_accuracy=0.9, min_class_accuracy=0.2)
    assert not result.blessed
    assert result.failures == [
        "accuracy of overall is 0.8950, expected at least 0.9000",
        "class accuracy of Shirt is 0.1500, expected at least 0.2000",
    ]


def test_a_model_that_is_surer_than_right_is_not_blessed(evaluate) -> None:
    """It says 0.943 and is right 140 times of 200."""
    result = evaluate("a", wrong={"a": {0: 15, 1: 15, 2: 15, 3: 15}}, max_calibration_error=0.2)
    assert not result.blessed
    assert result.failures == ["calibration error of overall is 0.2428, expected at most 0.2000"]


def test_a_model_that_is_like_its_baseline_is_blessed(evaluate) -> None:
    """With a tolerance of nothing at all, and the metrics of both in TFMA's files."""
    result = evaluate("a", "a", wrong={"a": {3: 10}}, max_loss=0, max_class_loss=0)
    assert result.blessed
    assert result.get_check("change of accuracy").value == 0
    assert result.answers.pairs[3] == [10, 0, 0, 10]
    for model in ("candidate", "baseline"):
        metrics = load_metrics(result.directory, model)
        assert metrics[None][ACCURACY] == pytest.approx(0.95)
        assert metrics[3][ACCURACY] == pytest.approx(0.5)
        assert (metrics[None][COUNT], metrics[3][COUNT]) == (200, 20)
        # A logit of 5 against nine of 0, so that the right class gets e^5 / (e^5 + 9), as does each wrong one.
        sure = math.exp(5) / (math.exp(5) + 9)
        assert metrics[None][CALIBRATION_ERROR] == pytest.approx(abs(sure - 0.95), abs=1e-6)
        assert metrics[None][LOSS] == pytest.approx(-math.log(sure) + 0.05 * 5, rel=1e-5)


def test_too_many_changed_answers_are_not_blessed_where_a_person_bounds_them(evaluate) -> None:
    """10 lost and 10 won, of 200: no loss at all, and TFMA, which looks at the floors alone, has nothing to say."""
    result = evaluate("a", "b", wrong={"a": {3: 10}, "b": {5: 10}}, max_churn=0.05)
    assert not result.blessed
    assert len(result.failures) == 1
    churn = result.get_check("churn")
    assert churn.reason == result.failures[0]
    assert (churn.value, churn.changed, churn.lost, churn.won) == (pytest.approx(0.1), 20, 10, 10)
    assert sum(result.answers.changed) == 20


def test_a_loss_that_is_no_chance_is_not_blessed_and_its_images_are_kept(evaluate) -> None:
    """25 lost and 10 won, of 200; no floor is touched."""
    result = evaluate("a", "b", wrong={"a": {3: 15, 4: 10}, "b": {5: 10}})
    assert not result.blessed
    change = result.get_check("change of accuracy")
    assert (change.value, change.bound, change.images) == (pytest.approx(-0.075), -0.01, 200)
    assert change.p_value == pytest.approx(0.0167, abs=5e-5)
    assert change.reason in result.failures
    assert "10 images won, 25 lost" in change.reason
    assert (len(result.answers.lost), len(result.answers.won), len(result.answers.mistakes)) == (24, 10, 24)
    lost = result.answers.lost[0]
    assert (lost.candidate.predicted, lost.baseline.predicted) == (lost.label + 1, lost.label)
    assert result.answers.pairs[3] == [5, 0, 15, 0]
    assert result.answers.pairs[5] == [10, 10, 0, 0]


def test_a_class_that_loses_is_not_blessed_though_another_makes_up_for_it(evaluate) -> None:
    result = evaluate("a", "b", wrong={"a": {3: 15}, "b": {5: 15}}, max_class_loss=0.1)
    assert not result.blessed
    assert result.get_check("change of accuracy").value == 0
    assert result.failures == [result.get_check("change of class accuracy", "Dress").reason]


def test_a_loss_that_may_be_chance_is_blessed(evaluate) -> None:
    """5 lost of 200: beyond the margin, and too few to tell."""
    result = evaluate("a", "b", wrong={"a": {3: 5}})
    assert result.blessed
    assert "may be chance" in result.get_check("change of accuracy").reason


def test_a_class_that_is_never_predicted_is_counted(evaluate) -> None:
    result = evaluate("a", "b", wrong={"a": {3: 20}, "b": {3: 20}}, min_class_accuracy=0.1)
    assert result.failures == ["class accuracy of Dress is 0.0000, expected at least 0.1000"]
    assert np.array(result.answers.candidate.confusion)[:, 3].tolist() == [0] * 10
    assert result.answers.candidate.confusion[3][4] == 20


def test_a_model_whose_training_went_astray_is_not_blessed(evaluate) -> None:
    """Its probabilities are NaN. That is a verdict on the model, and no error of the pipeline."""
    result = evaluate("broken")
    assert not result.blessed
    assert "accuracy of overall is 0.1000, expected at least 0.5000" in result.failures
    assert "calibration error of overall is nan, expected at most 1.0000" in result.failures


@pytest.mark.slow
def test_workers_in_other_processes_count_the_same(evaluate) -> None:
    beam_args = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    result = evaluate("a", "b", wrong={"a": {3: 15}, "b": {5: 10}}, beam_args=beam_args)
    assert result.answers.pairs[3] == [5, 0, 15, 0]
    assert result.get_check("accuracy").value == pytest.approx(185 / 200)
    assert load_metrics(result.directory, "candidate")[None][ACCURACY] == pytest.approx(185 / 200)


class OtherSize(tf.Module):
    """Takes images of another size."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.io.parse_example(examples, {"image": tf.io.FixedLenFeature([], tf.string)})["image"]
        pixels = tf.ensure_shape(tf.io.decode_raw(images, tf.uint8), (None, 1024))
        return {"probabilities": tf.cast(pixels[:, :10], tf.float32)}


class FewerClasses(tf.Module):
    """Tells two classes apart."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.fill([tf.size(examples), 2], 0.5)}


def save_other_model(directory: Path, models: dict[str, Any], kind: str) -> None:
    """Save a model that can't be compared."""
    model_dir = directory / "Format-Serving"
    if kind in ("size", "count", "signature"):
        model = OtherSize() if kind == "size" else FewerClasses()
        name = "predict" if kind == "signature" else "serving_default"
        tf.saved_model.save(model, str(model_dir), signatures={name: model.serve})
    else:
        shutil.copytree(Path(models["renamed" if kind == "names" else "a"].uri, "Format-Serving"), model_dir)
    if kind == "damaged":
        (model_dir / "saved_model.pb").write_bytes(b"no model")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("damaged", "it can't be loaded"),
        ("signature", "it has no signature serving_default (only predict)"),
        ("size", "it takes no images like these"),
        ("count", "its probabilities are (1, 2), expected (1, 10)"),
        ("names", "it has other classes, or in another order ("),
    ],
)
def test_a_baseline_that_can_not_be_compared_is_a_verdict_with_a_remedy(
    evaluate, models, tmp_path: Path, kind: str, why: str
) -> None:
    save_other_model(tmp_path / "other", models, kind)
    result = evaluate("a", baseline_dir=tmp_path / "other")
    assert not result.blessed
    (reason,) = result.failures
    assert reason.startswith(f"version 3, which is pushed, can't be compared: {why}")
    assert "--accept-new-baseline" in reason
    assert len(reason.splitlines()) == 1
    assert result.answers.baseline is None


def test_a_baseline_that_can_not_be_compared_can_be_passed_over_and_that_is_kept(
    evaluate, models, tmp_path: Path
) -> None:
    save_other_model(tmp_path / "other", models, "damaged")
    result = evaluate("a", baseline_dir=tmp_path / "other", accept_new_baseline=True)
    assert result.blessed
    assert "--accept-new-baseline: the floors alone decide" in result.get_check("baseline").reason
