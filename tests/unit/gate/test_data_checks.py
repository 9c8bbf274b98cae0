"""Data that would make a bad model fails a check whose reason names feature, what was expected and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from components.gate.checks import Check
from components.gate.data_checks import (
    BOUNDS,
    DataBounds,
    check_images,
    check_splits,
    list_deciding_bounds,
    measure_divergence,
)
from components.images.statistics import ImageStatistics
from pipeline.config import Options

NAMES = tuple("abcdefghij")
BOUNDS_BY_DEFAULT = DataBounds(**Options().list_options("DataValidator"))


def make_statistics(
    class_counts: list[int] | None = None,
    *,
    images: int = 0,
    wrong_size: int = 0,
    constant: int = 0,
    grey_values: dict[int, int] | None = None,
) -> ImageStatistics:
    counts = np.array(class_counts or [100] * 10)
    grey = np.zeros(256, np.int64)
    for value, pixels in (grey_values or {0: 50, 200: 50}).items():
        grey[value] = pixels
    return ImageStatistics(
        images=np.array(images or counts.sum()),
        class_counts=counts,
        wrong_size=np.array(wrong_size),
        constant=np.array(constant),
        grey_values=grey,
        class_sums=np.zeros((10, 784), np.int64),
    )


def list_failures(checks: Iterator[Check]) -> list[str]:
    return [check.reason for check in checks if not check.passed]


def judge(statistics: ImageStatistics, split: str = "train", **bounds: float) -> list[str]:
    return list_failures(check_images(split, statistics, NAMES, replace(BOUNDS_BY_DEFAULT, **bounds)))


def compare(train: ImageStatistics, evaluation: ImageStatistics, shared: int = 0, **bounds: float) -> list[str]:
    splits = {"train": train, "eval": evaluation}
    return list_failures(check_splits(splits, shared, NAMES, replace(BOUNDS_BY_DEFAULT, **bounds)))


def test_sound_data_passes_every_check() -> None:
    statistics = make_statistics()
    checks = list(check_images("train", statistics, NAMES, BOUNDS_BY_DEFAULT))
    checks += check_splits({"train": statistics, "eval": statistics}, 0, NAMES, BOUNDS_BY_DEFAULT)
    assert [check.name for check in checks if check.passed] == [
        "image size", "constant images", *["class balance"] * 10, "label skew", "pixel skew", "shared images"
    ]  # fmt: skip
    assert all(check.margin is not None and check.margin >= 0 for check in checks)


def test_one_image_of_the_wrong_size_is_enough() -> None:
    assert judge(make_statistics(wrong_size=1)) == [
        "train split, feature image: expected 784 bytes in each, found 1 of 1,000 with another number"
    ]


def test_a_missing_class_is_named() -> None:
    assert judge(make_statistics([0] + [100] * 9), "eval") == [
        "eval split, label 0 (a): expected 18 to 450 images, found none"
    ]


def test_no_known_label_at_all_is_ten_missing_classes() -> None:
    reasons = judge(make_statistics([0] * 10, images=50))
    assert len(reasons) == 10
    assert all(reason.endswith("found none") for reason in reasons)


def test_a_rare_class_is_named() -> None:
    """A tenth of an equal share."""
    (reason,) = judge(make_statistics([1100] * 9 + [99]))
    assert reason == "train split, label 9 (j): expected 200 to 5,000 images, found 99"


def test_a_class_that_crowds_out_the_others_is_named() -> None:
    reasons = judge(make_statistics([10] * 9 + [910]))
    assert "train split, label 9 (j): expected 20 to 500 images, found 910" in reasons
    assert len(reasons) == 10


def test_imbalance_up_to_the_bounds_passes_and_one_image_more_does_not() -> None:
    """1,000 images in ten classes: 20 to 500 of each."""
    assert judge(make_statistics([500, 20] + [60] * 8)) == []
    assert judge(make_statistics([501, 20] + [60] * 7 + [59])) == [
        "train split, label 0 (a): expected 20 to 500 images, found 501"
    ]
    assert judge(make_statistics([500, 19] + [60] * 7 + [61])) == [
        "train split, label 1 (b): expected 20 to 500 images, found 19"
    ]


def test_the_margin_of_a_class_is_to_the_nearer_bound() -> None:
    statistics = make_statistics([490, 30] + [60] * 8)
    checks = {check.slice: check for check in check_images("train", statistics, NAMES, BOUNDS_BY_DEFAULT)}
    assert (checks["a"].bound, checks["a"].margin) == (500, 10)
    assert (checks["b"].bound, checks["b"].margin) == (20, 10)


@pytest.mark.parametrize(("constant", "failures"), [(10, 0), (11, 1)])
def test_more_than_one_constant_image_in_a_hundred_is_too_much(constant: int, failures: int) -> None:
    reasons = judge(make_statistics(constant=constant))
    assert (
        reasons
        == ["train split, feature image: expected at most 1.0% blank or of one grey value, found 1.1% (11 of 1,000)"][
            :failures
        ]
    )


def test_splits_with_other_shares_of_a_class_are_told_apart() -> None:
    assert compare(make_statistics(), make_statistics([40, 160] + [100] * 8)) == [
        "train and eval split, feature label: expected shares of a class to differ by at most 0.050, found 0.060 for a"
    ]


def test_a_difference_of_size_between_the_splits_is_no_skew() -> None:
    assert compare(make_statistics([600] * 10), make_statistics([100] * 10, grey_values={0: 5, 200: 5})) == []


def test_splits_with_other_grey_values_are_told_apart() -> None:
    """Inverted images: the same values, swapped."""
    train = make_statistics(grey_values={0: 75, 255: 25})
    assert compare(train, make_statistics(grey_values={0: 25, 255: 75})) == [
        "train and eval split, feature image: expected grey values to diverge by at most 0.050 bits, found 0.189"
    ]


@pytest.mark.parametrize(("shared", "failures"), [(10, 0), (11, 1)])
def test_evaluation_images_that_were_trained_on_are_counted(shared: int, failures: int) -> None:
    assert (
        compare(make_statistics(), make_statistics(), shared)
        == [
            "train and eval split, feature image: expected at most 1.0% of the evaluation images among the training "
            "images, found 1.1% (11 of 1,000)"
        ][:failures]
    )


def test_every_bound_can_be_moved() -> None:
    """Each of these fails by default."""
    rare = make_statistics([1100] * 9 + [99])
    assert judge(rare)
    assert judge(rare, max_class_imbalance=11) == []
    assert judge(make_statistics(constant=20))
    assert judge(make_statistics(constant=20), max_constant_images=0.02) == []
    skewed = make_statistics([40, 160] + [100] * 8, grey_values={0: 5, 200: 95})
    assert len(compare(make_statistics(), skewed, 500)) == 3
    moved = {"max_label_skew": 0.06, "max_pixel_skew": 0.3, "max_shared_images": 0.5}
    assert compare(make_statistics(), skewed, 500, **moved) == []


def test_a_class_without_any_image_passes_no_bound() -> None:
    """No accuracy of it could be measured."""
    assert judge(make_statistics([0] + [100] * 9), max_class_imbalance=1_000_000)


def test_the_bounds_that_decided_are_named_where_moving_them_helps() -> None:
    def decide(statistics: ImageStatistics, shared: int = 0) -> list[str]:
        checks = [*check_images("train", statistics, NAMES, BOUNDS_BY_DEFAULT)]
        checks += check_splits({"train": statistics, "eval": statistics}, shared, NAMES, BOUNDS_BY_DEFAULT)
        return list_deciding_bounds(checks)

    assert decide(make_statistics()) == []
    assert decide(make_statistics([1100] * 9 + [99])) == ["max_class_imbalance"]
    assert decide(make_statistics(constant=20), 500) == ["max_constant_images", "max_shared_images"]
    assert decide(make_statistics([0] + [100] * 9)) == []
    assert decide(make_statistics(constant=20, wrong_size=1)) == []


def test_every_bound_belongs_to_a_check() -> None:
    assert set(BOUNDS.values()) == {field.name for field in fields(DataBounds)}


def test_divergence_agrees_with_scipy() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        first, second = (rng.dirichlet(np.full(256, 0.1)) * (rng.random(256) > 0.3) for _ in range(2))
        first, second = first / first.sum(), second / second.sum()
        assert measure_divergence(first, second) == pytest.approx(jensenshannon(first, second, base=2) ** 2, abs=1e-12)


def test_divergence_goes_from_0_for_equal_to_1_for_nothing_in_common() -> None:
    assert measure_divergence(np.array([0.3, 0.7, 0.0]), np.array([0.3, 0.7, 0.0])) == 0
    assert measure_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
