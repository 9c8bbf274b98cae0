"""Runs are in the order of time, old ones are summed up, and what people did is told with its reason."""

from __future__ import annotations

import math
import os

import pytest

from components.report.lineage import Promotion
from components.serving.history import Push
from pipeline.history.timeline import (
    NO_MONTH,
    Intervention,
    find_kind,
    find_range,
    find_served_accuracy,
    find_version_accuracy,
    list_interventions,
    list_months,
    list_points,
    read_time,
)
from pipeline.runs import RunRecord
from tests.made_histories import make_nights

PROMOTION = Promotion(version=3, reason="bags sell", pushed_at="2025-01-02T00:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2025-01-02T03:04:05+02:00", "2025-01-02T01:04:05+00:00"),
        ("2025-01-02T03:04:05", "2025-01-02T03:04:05+00:00"),
        ("1970-01-01T00:00:09+00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_utc_or_is_not_known(text: str, read: str | None) -> None:
    time = read_time(text)
    assert (time.isoformat() if time else None) == read


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"verdict": "pushed", "newly_pushed": True}, "new"),
        ({"verdict": "pushed"}, "same"),
        ({"verdict": "not_blessed"}, "not_blessed"),
        ({"verdict": "not_blessed", "promotion": PROMOTION}, "overruled"),
        ({"verdict": "running", "process": os.getpid()}, "running"),
        ({"verdict": "running", "process": 0}, "interrupted"),
        ({"verdict": "damaged"}, "damaged"),
    ],
)
def test_what_a_run_came_to(values, kind: str) -> None:
    assert find_kind(RunRecord(run_id="1", data="sample", **values)) == kind


def test_the_latest_runs_are_listed_and_older_ones_summed_up_by_month() -> None:
    records = make_nights(100)[::-1]
    months = list_months(records, 15)
    assert [month.name for month in months] == ["April 2025", "March 2025", "February 2025", "January 2025"]
    assert [(len(month.listed), len(month.older)) for month in months] == [(10, 0), (5, 26), (0, 28), (0, 31)]
    assert [record for month in months for record in month.records] == records
    points = list_points(months)
    assert [point.kind is None for point in points] == [True] * 3 + [False] * 15
    assert [point.time for point in points] == sorted(point.time for point in points)
    january = [record for record in months[-1].older if record.accuracy is not None]
    low, _, high = find_range(record.accuracy for record in january) or (0, 0, 0)
    assert low < (points[0].accuracy or 0) < high
    assert points[0].interval == (
        min(record.accuracy_interval[0] for record in january if record.accuracy_interval),
        max(record.accuracy_interval[1] for record in january if record.accuracy_interval),
    )


def test_a_run_without_a_time_is_listed_and_not_drawn() -> None:
    (month,) = list_months([RunRecord(run_id="1", data="sample", started_at="?", accuracy=0.9)], 9)
    assert month.name == NO_MONTH
    assert list_points([month]) == []


def test_what_is_no_number_is_not_known() -> None:
    assert find_range([math.nan, None, 3, math.inf, 1, 2]) == (1, 2, 3)
    assert find_range([math.nan, None]) is None


@pytest.mark.parametrize(
    ("values", "accuracy"),
    [
        ({"verdict": "not_blessed", "served_version": 2, "served_accuracy": 0.88, "accuracy": 0.7}, 0.88),
        ({"verdict": "pushed", "accuracy": 0.9, "baseline_accuracy": 0.8}, 0.9),
        ({"verdict": "not_blessed", "accuracy": 0.7, "baseline_accuracy": 0.8}, 0.8),
        ({"verdict": "data_rejected"}, None),
        ({"verdict": "pushed", "accuracy": math.nan}, None),
    ],
)
def test_older_records_tell_the_accuracy_of_what_was_served_by_their_verdict(values, accuracy) -> None:
    assert find_served_accuracy(RunRecord(run_id="1", data="sample", **values)) == accuracy


@pytest.mark.parametrize(
    ("version", "accuracy"), [(1, 0.91), (2, 0.93), (3, 0.80), (4, 0.91), (5, None), (6, None), (None, None)]
)
def test_the_accuracy_of_a_version_is_its_own_or_that_of_the_one_that_it_brought_back(version, accuracy) -> None:
    records = [
        RunRecord(run_id="d", data="sample", verdict="data_rejected", served_version=1),
        RunRecord(run_id="c", data="sample", verdict="not_blessed", accuracy=0.8, promotion=PROMOTION),
        RunRecord(run_id="b", data="sample", verdict="not_blessed", served_version=1, served_accuracy=0.91),
        RunRecord(run_id="x", data="sample", verdict="pushed", accuracy=0.93, pushed_version=2),
        RunRecord(run_id="a", data="sample", verdict="pushed", accuracy=0.9, served_version=1, served_accuracy=0.9),
    ]
    pushes = [
        Push(version=4, digest="a", recipe="r", restores=1),
        Push(version=6, digest="a", recipe="r", restores=6),
    ]
    assert find_version_accuracy(records, pushes, version) == accuracy


def test_what_people_did_is_told_once_the_latest_first() -> None:
    records = [RunRecord(run_id="20250101", data="sample", promotion=PROMOTION)]
    pushes = [
        Push(version=1, digest="a", recipe="r", at="2024", reason="its record is gone"),
        Push(version=2, digest="b", recipe="r"),
        Push(version=3, digest="c", recipe="r", at="2025", reason="bags sell"),
        Push(version=4, digest="d", recipe="r", taken_back=True),
        Push(version=5, digest="b", recipe="r", at="2026", restores=2, reason="bags do not"),
        Push(version=6, digest="e", recipe="r", taken_back=True),
    ]
    assert list_interventions(records, pushes) == [
        Intervention(kind="rollback", at="", version=6),
        Intervention(kind="rollback", at="2026", version=5, restores=2, reason="bags do not"),
        Intervention(kind="overruled", at=PROMOTION.pushed_at, version=3, run_id="20250101", reason="bags sell"),
        Intervention(kind="overruled", at="2024", version=1, reason="its record is gone"),
    ]
