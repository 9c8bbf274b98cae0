"""Drawings put things where their numbers say."""

from __future__ import annotations

import math
import re

import pytest

from components.gate.checks import check_at_least, check_at_most
from components.report.drawings import Axis, Chart, Series, fit_axis
from components.report.templates import load_template

DRAWINGS = load_template("drawings.html.jinja").module


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.82, 0.91], (0.8, 0.95)),
        ([0, 1], (0, 1)),
        ([3, 3], (3, 4)),
        ([0.0, 0.0], (0, 0.5)),
        ([math.nan, 2, 7], (2, 8)),
        ([], (0, 1)),
    ],
)
def test_an_axis_goes_from_one_round_number_to_another(values, ends) -> None:
    axis = fit_axis(values)
    assert (axis.low, axis.high) == pytest.approx(ends)
    assert axis.ticks[0] == pytest.approx(axis.low)
    assert axis.ticks[-1] == pytest.approx(axis.high)
    assert 2 <= len(axis.ticks) <= 7


def read_numbers(drawing: str, shape: str, *names: str) -> list[float]:
    (element,) = re.findall(f"<{shape}[^>]*>", drawing)
    return [float(re.search(rf' {name}="([^"]+)"', element)[1]) for name in names]


@pytest.mark.parametrize(("check", "beyond_is_left"), [(check_at_least, True), (check_at_most, False)])
@pytest.mark.parametrize("value", [0.2, 0.8])
def test_the_forbidden_side_of_a_bound_is_shaded(check, beyond_is_left: bool, value: float) -> None:
    result = check("accuracy", "overall", value, 0.5, images=9)
    drawing = DRAWINGS.draw_check(
        result, [result, check("accuracy", "a", 0.1, 0.5, images=9), check("accuracy", "b", 0.9, 0.5, images=9)]
    )
    start, width = read_numbers(drawing, 'rect class="beyond"', "x", "width")
    (dot,) = read_numbers(drawing, "circle", "cx")
    assert (start == 0) is beyond_is_left
    assert (start <= dot <= start + width) is not result.passed
    assert ('class="failed"' in drawing) is not result.passed


def test_checks_of_a_group_share_a_scale() -> None:
    group = [
        check_at_least("accuracy", name, value, 0.5, images=9) for name, value in (("a", 0.6), ("b", 0.7), ("c", 0.8))
    ]
    dots = [read_numbers(DRAWINGS.draw_check(check, group), "circle", "cx")[0] for check in group]
    assert dots[1] - dots[0] == pytest.approx(dots[2] - dots[1], abs=0.11)


def test_what_has_no_number_is_not_drawn() -> None:
    nan = check_at_least("accuracy", "overall", math.nan, 0.5, images=9)
    assert DRAWINGS.draw_check(nan, [nan]) == ""
    same = check_at_least("accuracy", "overall", 0.5, 0.5, images=9)
    assert "<circle" in DRAWINGS.draw_check(same, [same])


def test_candidate_and_baseline_stand_on_one_line() -> None:
    axis = Axis(low=0, high=1, ticks=[0, 1])
    assert DRAWINGS.draw_pair(0.9, 0.8, axis).count("<circle") == 2
    assert DRAWINGS.draw_pair(0.9, None, axis).count("<circle") == 1
    assert DRAWINGS.draw_pair(None, None, axis).count("<circle") == 0


def test_lost_goes_to_the_left_and_won_to_the_right_in_proportion() -> None:
    drawing = DRAWINGS.draw_change(10, 5, 20)
    (x, lost), (start, won) = (read_numbers(drawing, f'rect class="{side}"', "x", "width") for side in ("lost", "won"))
    assert x + lost == pytest.approx(start)
    assert lost == pytest.approx(2 * won)


def test_a_chart_leaves_out_what_is_no_number_and_says_what_it_shows() -> None:
    axis = Axis(low=0, high=4, ticks=[0, 4])
    line = Series(style="candidate", points=[(0, 0), (1, math.nan), (2, 4)])
    chart = DRAWINGS.draw_chart(Chart(series=[line], x=axis, y=axis, label='loss "by" epoch'))
    (points,) = re.findall('points="([^"]*)"', chart)
    assert len(points.split()) == 2
    assert 'role="img" aria-label="loss &#34;by&#34; epoch"' in chart
