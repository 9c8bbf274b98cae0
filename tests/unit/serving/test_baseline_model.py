"""A pushed model of any origin is compared with, or it is said in one sentence why it can't be."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from components.serving.baseline_model import find_obstacle

NAMES = ("shirt", "bag")


def save(directory: Path, answer, name: str = "serving_default") -> Path:
    """Save a model that answers any number of examples with what `answer` makes of that number."""
    spec = tf.TensorSpec([None], tf.string, name="examples")
    serve = tf.function(lambda examples: answer(tf.size(examples)), input_signature=[spec])
    module = tf.Module()
    tf.saved_model.save(module, str(directory), signatures={name: serve})
    return directory


def make_answer(ids=lambda n: tf.zeros([n], tf.int64), names=lambda n: tf.fill([n], "shirt"), value=0.5):
    return lambda n: {"probabilities": tf.fill([n, 2], value), "class_ids": ids(n), "class_names": names(n)}


@pytest.fixture(scope="module")
def examples_file(constant_models) -> Path:
    return constant_models.examples / "data_tfrecord-00000-of-00001"


@pytest.mark.parametrize(
    "answer",
    [make_answer(), lambda n: {"probabilities": tf.fill([n, 2], 0.5)}],
    ids=["with names", "without"],
)
def test_a_model_with_our_classes_or_none_can_be_compared(tmp_path: Path, examples_file: Path, answer) -> None:
    assert find_obstacle(save(tmp_path / "model", answer), examples_file, NAMES) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (make_answer(names=lambda n: tf.zeros([n], tf.int64)), "it has other classes, or in another order (0: 0)"),
        (make_answer(names=lambda n: tf.zeros([n])), "it has other classes, or in another order (0: 0.0)"),
        (make_answer(names=lambda n: tf.fill([n], "bag")), "it has other classes, or in another order (0: bag)"),
        (make_answer(names=lambda n: tf.fill([n], b"\xff")), "it has other classes, or in another order (0: \ufffd)"),
        (make_answer(ids=lambda n: tf.fill([n], tf.constant(7, tf.int64))), "in another order (7: shirt)"),
        (make_answer(ids=lambda n: tf.fill([n], tf.constant(-1, tf.int64))), "in another order (-1: shirt)"),
        (make_answer(ids=lambda n: tf.zeros([n])), "its class_ids are float32 (3,)"),
        (make_answer(ids=lambda n: tf.zeros([n, 2], tf.int64)), "its class_ids are int64 (3, 2)"),
        (make_answer(names=lambda n: tf.fill([n, 2], "shirt")), "its class_names (3, 2)"),
        (make_answer(value=float("nan")), "its probabilities are not all numbers (float32)"),
        (make_answer(value="half"), "its probabilities are not all numbers (object)"),
        (make_answer(value=1), "its probabilities are not all numbers (int32)"),
        (lambda n: {"scores": tf.zeros([n, 2])}, "its probabilities are none, expected (1, 2)"),
        (lambda n: {"probabilities": tf.zeros([n, 3])}, "its probabilities are (1, 3), expected (1, 2)"),
    ],
)
def test_a_foreign_model_is_passed_over_with_the_reason(
    tmp_path: Path, examples_file: Path, answer, words: str
) -> None:
    assert words in find_obstacle(save(tmp_path / "model", answer), examples_file, NAMES)


def test_a_model_for_batches_of_one_size_is_passed_over(tmp_path: Path, examples_file: Path) -> None:
    """The last batch of a file may be of any."""
    model = save(tmp_path / "model", lambda _: {"probabilities": tf.fill([3, 2], 0.5)})
    assert find_obstacle(model, examples_file, NAMES) == "its probabilities are (3, 2), expected (1, 2)"


def test_a_model_with_another_signature_is_passed_over(tmp_path: Path, examples_file: Path) -> None:
    model = save(tmp_path / "model", make_answer(), name="classify")
    assert "it has no signature serving_default (only classify)" in find_obstacle(model, examples_file, NAMES)


def test_what_is_no_model_is_passed_over(tmp_path: Path, examples_file: Path) -> None:
    assert "it can't be loaded" in find_obstacle(tmp_path, examples_file, NAMES)
