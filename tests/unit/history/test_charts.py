"""Charts over time: one bad night hides nothing, and the calendar is where one looks for it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pipeline.history.charts import draw_charts
from pipeline.history.timeline import Intervention, Point, list_months, list_points
from pipeline.runs import RunRecord
from tests.made_histories import FIRST_NIGHT, make_nights

START = FIRST_NIGHT.timestamp()


def make_point(time: float, **values) -> Point:
    unknown = dict.fromkeys(
        ("kind", "accuracy", "interval", "served", "churn", "label_shift", "pixel_divergence", "seconds")
    )
    return Point(time=START + time, **{**unknown, **values})


def draw(records: list[RunRecord], *interventions: Intervention):
    charts = draw_charts(list_points(list_months(records[::-1], 1_000)), interventions)
    assert charts
    return charts


@pytest.mark.parametrize("length", [0, 1, 40, 3_000, 86_400, 5 * 86_400, 60 * 86_400, 365 * 86_400, 9e8, 8e9])
def test_the_ticks_of_an_axis_are_few_round_and_within_it(length: float) -> None:
    charts = draw_charts([make_point(0, accuracy=0.9), make_point(length, accuracy=0.9)], [])
    assert charts
    for chart, most in ((charts.accuracy, 9), (charts.narrow_accuracy, 5)):
        assert len(chart.x.ticks) <= most
        assert all(chart.x.low <= tick <= chart.x.high for tick in chart.x.ticks)
        assert len({chart.x.write(tick) for tick in chart.x.ticks}) == len(chart.x.ticks) or length > 365 * 86_400
        assert len(chart.x.ticks) >= 2 or length <= 1


def test_one_bad_night_does_not_hide_that_the_accuracy_is_sinking() -> None:
    sinking = [make_point(86_400 * day, kind="new", accuracy=0.9 - day / 10_000) for day in range(60)]
    sinking[30] = replace(sinking[30], kind="not_blessed", accuracy=0.12)
    charts = draw_charts(sinking, [])
    assert charts
    assert charts.below == 1
    assert charts.accuracy.y.low > 0.85
    (candidate,) = (line for line in charts.accuracy.series if line.style == "candidate")
    assert candidate.points[30][1] == charts.accuracy.y.low
    (mark,) = (mark for mark in charts.accuracy.marks if mark.shape == "not_blessed")
    assert mark.up == charts.accuracy.y.low
    assert "12.00" in mark.title


def test_verdicts_are_told_apart_by_their_shape() -> None:
    charts = draw(make_nights(300))
    shapes = {mark.shape for mark in charts.accuracy.marks}
    assert shapes == {"new", "not_blessed", "data_rejected", "error", "interrupted", "overruled"}
    nowhere = [mark for mark in charts.accuracy.marks if mark.shape in ("data_rejected", "error", "interrupted")]
    assert {mark.up for mark in nowhere} == {charts.accuracy.y.low}


def test_a_rollback_stands_where_it_was_and_none_beside_the_runs() -> None:
    known = Intervention(kind="rollback", at="2025-01-10T09:00:00+00:00", version=9, restores=7)
    others = [replace(known, at=at) for at in ("", "2024-12-01T00:00:00+00:00")]
    charts = draw(make_nights(30), known, *others)
    (mark,) = (mark for mark in charts.accuracy.marks if mark.shape == "rollback")
    assert mark.title == "10 Jan 2025 09:00: rolled back to version 7, as version 9"


def test_what_is_not_known_is_not_drawn() -> None:
    assert draw_charts([], []) is None
    (record,) = make_nights(1)
    record.churn, record.label_shift, record.pixel_divergence = None, None, math.nan
    charts = draw([record])
    assert [title for title, _, _ in charts.small] == ["Seconds"]
