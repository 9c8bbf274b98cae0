"""The benchmark of retrainings spoils what it says it spoils, and counts what the gate refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.gate_trials import Trials, measure_fault, measure_retrainings
from benchmarks.retraining import find_missed_targets, plan_faulty, plan_sound
from benchmarks.trainings import INVERTED, MISSING, OTHER_DIVISOR, WRONG_LABELS, Training, answer, spoil
from components.gate.model_checks import Bounds
from components.images.datasets import Dataset
from components.images.idx_folder import read_split

LABELS = np.arange(1_000, dtype=np.int32) % 10
IMAGES = np.linspace(0, 1, 1_000, dtype=np.float32)[:, None, None]
BOUNDS = Bounds(min_accuracy=0.5, min_class_accuracy=0.1, max_calibration_error=0.5, max_loss=0.01, max_class_loss=0.05)


def spoiled(**fields: float | str) -> tuple[np.ndarray, np.ndarray]:
    return spoil(IMAGES.copy(), LABELS.copy(), Training(seed=1, **fields))


def test_a_sound_training_sees_its_share_of_the_images_with_their_labels() -> None:
    images, labels = spoiled(kept=0.9)
    assert len(labels) == 900
    np.testing.assert_array_equal(labels, np.rint(images[:, 0, 0] * 999).astype(int) % 10)
    assert not np.array_equal(images, spoil(IMAGES, LABELS, Training(seed=2, kept=0.9))[0])


def test_labels_are_wrong_in_one_class_alone_and_in_as_many_images_as_asked_for() -> None:
    _, labels = spoiled(fault=WRONG_LABELS, size=0.3, label=4)
    wrong = np.flatnonzero(labels != LABELS)
    assert len(wrong) == 30
    assert set(LABELS[wrong]) == {4}


def test_images_of_one_class_are_missing() -> None:
    _, labels = spoiled(fault=MISSING, size=0.8, label=4)
    assert np.bincount(labels).tolist() == [100] * 4 + [20] + [100] * 5


def test_images_of_all_classes_are_inverted() -> None:
    images, labels = spoiled(fault=INVERTED, size=0.5)
    np.testing.assert_array_equal(labels, LABELS)
    changed = images != IMAGES
    assert changed.sum() == 500
    np.testing.assert_array_equal(images[changed], 1 - IMAGES[changed])


def test_every_training_has_a_file_of_its_own() -> None:
    plan = [training for group in plan_sound(3, 1).values() for training in group] + plan_faulty(3)
    assert len({training.file_name for training in plan}) == len(plan)


@pytest.fixture
def trials(sample_dataset: Dataset, tmp_path: Path) -> Trials:
    """Three sound trainings of ten wrong answers each, and one that answers 30 images of class 2 wrong beside those."""
    labels = read_split(sample_dataset, "eval")[1].astype(int)
    rng = np.random.default_rng(1)
    faulty = Training(seed=9, fault=WRONG_LABELS, size=0.5, label=2)
    for training in (*(Training(seed=seed) for seed in (1, 2, 3)), faulty):
        predicted = labels.copy()
        wrong = rng.choice(len(labels), 10, replace=False)
        if training.fault:
            wrong = np.append(wrong, np.flatnonzero(labels == 2)[:30])
        predicted[wrong] = (labels[wrong] + 1) % 10
        # Weights with which every image is taken for class 1: what another divisor would be tried with.
        pixels = sample_dataset.image_shape[0] * sample_dataset.image_shape[1]
        weights = [np.zeros((pixels, 4)), np.zeros(4), np.zeros((4, 10)), np.eye(10)[1]]
        np.savez(
            tmp_path / training.file_name,
            predicted=predicted.astype(np.uint8),
            confidence=np.full(len(labels), 0.9, np.float32),
            **{f"weight{n}": each.astype(np.float32) for n, each in enumerate(weights)},
        )
    return Trials(tmp_path, sample_dataset, BOUNDS)


def test_sound_trainings_pass_and_a_fault_is_refused_by_the_class_that_it_is_in(trials: Trials) -> None:
    sound = [Training(seed=seed) for seed in (1, 2, 3)]
    found = measure_retrainings(trials, sound)
    assert (found["pairs"], found["refused"]) == (6, 0)
    assert found["accuracy"]["least"] == found["accuracy"]["most"]
    assert 0 < found["churn"] < 0.1
    fault = measure_fault(trials, [Training(seed=9, fault=WRONG_LABELS, size=0.5, label=2)], sound)
    assert (fault["pairs"], fault["refused"]) == (3, 3)
    name = trials.class_names[2]
    assert fault["worst_class"] == fault["class"] == name
    assert fault["refused_by"][f"change of class accuracy, {name}"] == 3


def test_a_fault_of_serving_is_tried_with_the_weights_of_a_sound_training(trials: Trials) -> None:
    sound = [Training(seed=seed) for seed in (1, 2, 3)]
    served = [Training(seed=seed, fault=OTHER_DIVISOR, size=1) for seed in (1, 2, 3)]
    fault = measure_fault(trials, served, sound)
    assert fault["pairs"] == 6, "beside those of other seeds alone"
    assert fault["refused"] == 6
    assert fault["loss"] > 0.8


def test_missed_targets_are_told() -> None:
    sound = {"pairs": 100, "refused": 5}
    small = {"fault": "a", "class": "", "size": 1, "loss": 0.009, "worst_class_loss": 0.04, "pairs": 100, "refused": 0}
    caught = small | {"loss": 0.01, "refused": 95}
    assert not list(find_missed_targets({"retrainings": {"same images": sound}, "faults": [small, caught]}))
    missed = {"retrainings": {"same images": sound | {"refused": 6}}, "faults": [caught | {"refused": 94}]}
    assert len(list(find_missed_targets(missed))) == 2


def test_answers_in_numpy_are_the_largest_logits_and_their_probability() -> None:
    weights = [np.eye(2), np.zeros(2), np.array([[2.0, 0.0], [0.0, 2.0]]), np.zeros(2)]
    found = answer(weights, np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32))
    assert found.predicted.tolist() == [0, 1]
    assert found.confidence == pytest.approx([1 / (1 + np.exp(-2))] * 2)
