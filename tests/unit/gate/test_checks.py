"""A check passes on the good side of its bound and on the bound itself, and says both numbers either way."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from components.gate.checks import Check, check_at_least, check_at_most, get_failures, read_checks, write_checks

BOTH = pytest.mark.parametrize(("check", "sign"), [(check_at_least, 1), (check_at_most, -1)])


@BOTH
def test_the_bound_itself_passes(check, sign) -> None:
    result = check("accuracy", "overall", 0.86, 0.86, images=200)
    assert result.passed
    assert result.margin == 0


@BOTH
@pytest.mark.parametrize(("beyond", "passed"), [(1e-16, True), (0.9e-9, True), (1e-8, False), (0.01, False)])
def test_only_a_rounding_error_beyond_the_bound_is_forgiven(check, sign, beyond: float, passed: bool) -> None:
    assert check("change", "overall", -sign * beyond, 0.0, images=200).passed is passed


@BOTH
def test_nan_never_passes(check, sign) -> None:
    assert not check("accuracy", "overall", math.nan, 0.5, images=200).passed
    assert not check("accuracy", "overall", math.nan, -math.inf, images=200).passed


@BOTH
def test_the_margin_is_positive_on_the_good_side(check, sign) -> None:
    assert check("accuracy", "overall", 0.5 + sign * 0.25, 0.5, images=1).margin == 0.25
    assert check("accuracy", "overall", 0.5 - sign * 0.25, 0.5, images=1).margin == -0.25


def test_reasons_name_what_where_found_and_expected() -> None:
    low = check_at_least("class accuracy", "Shirt", 0.4, 0.5, images=20)
    assert low.reason == "class accuracy of Shirt is 0.4000, expected at least 0.5000"
    high = check_at_most("loss", "overall", 0.4, 0.5, images=20)
    assert high.reason == "loss of overall is 0.4000, at most 0.5000"


def test_a_value_close_to_its_bound_is_written_with_the_digits_that_tell_them_apart() -> None:
    assert check_at_least("accuracy", "overall", 0.88076, 0.8808).reason == (
        "accuracy of overall is 0.88076, expected at least 0.88080"
    )
    assert (
        check_at_least("accuracy", "overall", 0.8808, 0.8808).reason == "accuracy of overall is 0.8808, at least 0.8808"
    )


def test_failures_are_the_reasons_of_failed_checks_in_order() -> None:
    outcomes = [("a", False), ("b", True), ("c", False)]
    checks = [Check(name=name, slice="overall", passed=passed, reason=name * 3) for name, passed in outcomes]
    assert get_failures(checks) == ["aaa", "ccc"]


def test_checks_survive_a_round_trip_through_a_file(tmp_path: Path) -> None:
    checks = [
        Check(name="schema", slice="train", passed=True, reason="“é” fits"),
        check_at_least("accuracy", "T-shirt/top", 1 / 3, 0.1, images=7),
    ]
    write_checks(tmp_path / "gate.json", checks)
    assert read_checks(tmp_path / "gate.json") == checks


def test_a_count_stays_a_count_and_an_interval_may_be_anything(tmp_path: Path) -> None:
    """A report writes 1 and 1.0000 for the two; a training that went astray has intervals of NaN."""
    for value in (1, 1.0):
        check = Check(name="images", slice="train", passed=True, reason="", value=value, interval=(math.nan, 1.0))
        write_checks(tmp_path / "checks.json", [check])
        (found,) = read_checks(tmp_path / "checks.json")
        assert type(found.value) is type(value)
        assert found.interval
        assert math.isnan(found.interval[0])
