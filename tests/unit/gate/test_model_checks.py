"""A model is rejected where it loses more than the margin and not by chance, and each check says what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.gate.answers import Answers, ModelAnswers
from components.gate.checks import Check, get_failures
from components.gate.model_checks import Bounds, check_baseline, check_changes, check_evaluated_images, check_model
from components.gate.paired_tests import Pairs

BOUNDS = Bounds(
    min_accuracy=0.8, min_class_accuracy=0.5, max_calibration_error=0.1, max_loss=0.005, max_class_loss=0.03
)
NAMES = ("cat", "dog")


def check(cat: tuple[int, ...], dog: tuple[int, ...] = (900, 10, 10, 80), bounds: Bounds = BOUNDS) -> dict[str, Check]:
    """Check the changes of two classes."""
    return {found.slice: found for found in check_changes([Pairs(*cat), Pairs(*dog)], NAMES, bounds)}


def make_answers(confusion: list[list[int]], pairs: list[list[int]]) -> Answers:
    """Make answers that are as sure as they are right."""
    images, right = sum(map(sum, confusion)), confusion[0][0] + confusion[1][1]
    model = ModelAnswers(confusion=confusion, bins=[[images, right, right]])
    return Answers(
        image_shape=(28, 28),
        class_names=NAMES,
        candidate=model,
        baseline=model if pairs else None,
        pairs=pairs,
        lost=[],
        won=[],
        mistakes=[],
        changed=[sum(counts[1:3]) for counts in pairs],
    )


def test_every_check_is_listed_passed_or_not_with_all_its_numbers() -> None:
    checks = list(check_model(make_answers([[80, 20], [60, 40]], [[80, 0, 0, 20], [40, 0, 0, 60]]), BOUNDS))
    assert [(found.name, found.slice, found.passed) for found in checks] == [
        ("accuracy", "overall", False),
        ("class accuracy", "cat", True),
        ("class accuracy", "dog", False),
        ("calibration error", "overall", True),
        ("change of accuracy", "overall", True),
        ("change of class accuracy", "cat", True),
        ("change of class accuracy", "dog", True),
        ("churn", "overall", True),
    ]
    accuracy, cat = checks[0], checks[1]
    assert (accuracy.value, accuracy.bound, accuracy.images) == (0.6, 0.8, 200)
    assert accuracy.interval == pytest.approx((0.5308, 0.6654), abs=5e-5)
    assert (cat.value, cat.images, cat.margin) == (0.8, 100, pytest.approx(0.3))
    assert get_failures(checks) == [
        "accuracy of overall is 0.6000, expected at least 0.8000",
        "class accuracy of dog is 0.4000, expected at least 0.5000",
    ]


def test_without_a_baseline_there_is_no_comparison() -> None:
    checks = check_model(make_answers([[90, 10], [10, 90]], []), BOUNDS)
    assert not [found for found in checks if found.p_value is not None]


def test_churn_is_told_and_has_no_bound_unless_a_person_sets_one() -> None:
    """By class it stands with the changes. Of 75 answers, 15 went from one wrong class to another."""
    answers = replace(make_answers([[90, 10], [50, 50]], [[80, 10, 40, 10], [40, 2, 8, 10]]), changed=[60, 15])
    free = {(found.name, found.slice): found for found in check_model(answers, BOUNDS)}
    churn = free["churn", "overall"]
    assert (churn.passed, churn.value, churn.bound, churn.images) == (True, 0.375, 1.0, 200)
    assert (churn.changed, churn.lost, churn.won) == (75, 48, 12)
    assert churn.reason == (
        "churn of overall is 0.3750, at most 1.0000: 75 of 200 answers changed, 48 from right to wrong, "
        "12 from wrong to right"
    )
    cat, dog = (free["change of class accuracy", name] for name in NAMES)
    assert [(found.changed, found.lost, found.won) for found in (cat, dog)] == [(60, 40, 10), (15, 8, 2)]
    bound = [found for found in check_model(answers, replace(BOUNDS, max_churn=0.37)) if found.name == "churn"]
    assert get_failures(bound)[0].startswith("churn of overall is 0.3750, expected at most 0.3700: 75 of 200")


def test_answers_of_an_older_version_which_did_not_count_changes_are_judged_without_churn() -> None:
    answers = replace(make_answers([[90, 10], [50, 50]], [[80, 10, 0, 10], [40, 2, 8, 10]]), changed=[])
    found = [check.name for check in check_model(answers, BOUNDS)]
    assert "change of accuracy" in found
    assert "churn" not in found


def test_confidence_that_is_off_fails() -> None:
    answers = make_answers([[90, 10], [10, 90]], [])
    model = replace(answers.candidate, bins=[[100, 99, 80], [100, 99, 100]])
    (found,) = (
        found for found in check_model(replace(answers, candidate=model), BOUNDS) if found.name == "calibration error"
    )
    assert found.passed
    assert found.value == pytest.approx(0.1)
    model = replace(answers.candidate, bins=[[100, 99, 78], [100, 99, 100]])
    assert get_failures(check_model(replace(answers, candidate=model), BOUNDS)) == [
        "calibration error of overall is 0.1100, expected at most 0.1000"
    ]


def test_equal_answers_pass_with_no_tolerance_at_all() -> None:
    assert check((900, 0, 0, 100), bounds=replace(BOUNDS, max_loss=0, max_class_loss=0))["overall"].passed


def test_a_loss_beyond_the_margin_that_is_no_chance_fails() -> None:
    found = check((850, 10, 60, 80))
    assert not found["cat"].passed
    assert not found["overall"].passed
    assert found["dog"].passed
    assert found["cat"].reason == (
        "change of class accuracy of cat is -5.00 points (95 %: -6.74 to -3.47; p = 1.6e-09; 10 images won, 60 lost): "
        "more is lost than the 3 points allowed, and not by chance"
    )
    assert found["overall"].value == -0.025
    assert found["overall"].bound == -0.005
    assert found["overall"].margin == pytest.approx(-0.02)
    assert found["overall"].images == 2_000


def test_a_loss_beyond_the_margin_that_may_be_chance_passes_and_says_so() -> None:
    found = check((17, 0, 2, 1), (18, 0, 0, 2))["cat"]
    assert found.passed
    assert found.margin == pytest.approx(-0.07)
    assert "may be chance" in found.reason


def test_a_significant_loss_within_the_margin_is_what_the_margin_allows() -> None:
    found = check((880, 2, 25, 93), bounds=replace(BOUNDS, max_loss=0.02))
    assert found["cat"].p_value < 0.001
    assert found["cat"].passed


def test_a_margin_that_is_exactly_used_up_passes() -> None:
    """30 of 1,000 lost. Taken from two accuracies, it would be 0.030000000000000027."""
    assert 0.9 - 0.87 > 0.03
    assert check((870, 0, 30, 100), (900, 0, 0, 100), replace(BOUNDS, max_loss=1))["cat"].passed
    assert not check((869, 0, 31, 100), (900, 0, 0, 100), replace(BOUNDS, max_loss=1))["cat"].passed


def test_what_can_be_ruled_out_is_told_apart_from_what_can_not() -> None:
    """No answer differs either time, but twenty images say little."""
    assert "can be ruled out" in check((900, 0, 0, 100))["cat"].reason
    assert "can't be ruled out" in check((18, 0, 0, 2))["cat"].reason


def test_p_values_of_classes_are_corrected_for_their_number() -> None:
    """Alone, 14 lost against 4 won are significant (p = 0.031), with a second class looked at they are not."""
    found = check((100, 4, 14, 20), (100, 5, 5, 20), replace(BOUNDS, max_loss=1))
    assert found["cat"].p_value == pytest.approx(2 * 0.0309, abs=1e-3)
    assert found["cat"].passed


def test_a_class_without_images_has_a_check_that_says_so() -> None:
    checks = list(check_model(make_answers([[80, 20], [0, 0]], [[80, 0, 0, 20], [0, 0, 0, 0]]), BOUNDS))
    dogs = [found for found in checks if found.slice == "dog"]
    assert [(found.passed, found.images, found.value) for found in dogs] == [(True, 0, None), (True, 0, None)]
    assert dogs[0].reason == "class accuracy of dog: there is no image of it"


def test_only_a_baseline_that_is_there_and_that_nobody_passed_over_is_missed() -> None:
    none, missed, passed_over = (
        check_baseline(None, "", accepted=False),
        check_baseline(3, "it has no signature x", accepted=False),
        check_baseline(3, "it has no signature x", accepted=True),
    )
    assert (none.passed, missed.passed, passed_over.passed) == (True, False, True)
    assert "no other model is pushed" in none.reason
    assert not check_baseline(0, "it has no signature x", accepted=False).passed, "0 is a version like any other"
    for found in (missed, passed_over):
        assert "version 3" in found.reason
        assert "it has no signature x" in found.reason
        assert "--accept-new-baseline" in found.reason


def test_as_many_images_are_answered_as_the_data_set_has() -> None:
    answers = make_answers([[90, 10], [0, 100]], [])
    whole, half = (check_evaluated_images(answers, expected) for expected in (200, 400))
    assert (whole.name, whole.passed, whole.value, whole.bound) == ("evaluated images", True, 200, 200)
    assert not half.passed
    assert "200 evaluation images were answered, expected all 400" in half.reason
