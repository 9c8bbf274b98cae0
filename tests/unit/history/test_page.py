"""The page tells of all runs, small and safe whatever their records hold."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

import pytest

from components.report.lineage import Promotion
from components.serving.history import Push
from pipeline.history.page import LEAST_LISTED, MOST_INTERVENTIONS, MOST_LISTED, MOST_SECTIONS, DataSet, render_history
from pipeline.runs import RunRecord
from tests.made_histories import make_nights, make_rollbacks

NOW = datetime(2026, 1, 1, 8, tzinfo=timezone.utc)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> a & b"


def render(*data_sets: DataSet) -> str:
    return render_history(data_sets, "report.html", NOW)


def read_text(page: str) -> str:
    body = re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("\N{NO-BREAK SPACE}", " ").split())


def count_listed(page: str) -> int:
    return len(re.findall(r"<small>\d{8}-\d{6}-[0-9a-f]{4}</small>", page))


def make_year(**values) -> DataSet:
    records = make_nights()
    return DataSet(
        name="fashion-mnist", records=records[::-1], served_version=342, pushes=make_rollbacks(records), **values
    )


def test_a_year_is_told() -> None:
    text = read_text(render(make_year()))
    assert "365 runs of fashion-mnist the last 31 Dec 2025 02:00 as of 01 Jan 2026 08:00 UTC" in text
    assert "The last run pushed version 342." in text
    assert "Version 342 is served; its accuracy was 89.27 % when it was last measured." in text
    assert "Refused 19 11 not blessed, 8 data rejected" in text
    assert "By a person 3 1 pushed by a person, 2 rolled back" in text
    assert "rolled back to version 171, as version 173" in text
    assert "“Shop windows showed bags as sandals.”" in text
    assert "“The autumn coats have to ship; see ticket 7.”" in text
    assert "31 runs: 31 pushed" in text
    assert "Train split, label 4 (Coat): expected 1,200 to 30,000 images, found none (and 1 more)" in text


def test_older_runs_are_summed_up_by_month_and_the_page_stays_small() -> None:
    page = render(DataSet(name="sample", records=make_nights(1_000)[::-1]))
    assert len(page.encode()) < 1 << 20
    assert count_listed(page) == MOST_LISTED
    text = read_text(page)
    assert "January 2025 31 runs:" in text
    assert "31 are not listed." in text


@pytest.mark.parametrize(("data_sets", "each"), [(3, 1_000), (60, 40), (300, 2)])
def test_many_data_sets_make_no_endless_page(data_sets: int, each: int) -> None:
    records = make_nights(each)[::-1]
    page = render(*(DataSet(name=f"data {number}", records=records) for number in range(data_sets)))
    assert len(page.encode()) < 2 << 20
    assert page.count("<h2") == min(data_sets, MOST_SECTIONS)
    assert f"{data_sets} data sets" in read_text(page)
    assert count_listed(page) >= min(each, LEAST_LISTED) * min(data_sets, MOST_SECTIONS)


def test_what_comes_from_outside_is_never_markup_and_never_fills_the_page() -> None:
    record = RunRecord(
        run_id=HOSTILE,
        data=HOSTILE,
        verdict="not_blessed",
        accuracy=0.5,
        shifted_label=HOSTILE,
        label_shift=0.5,
        reasons=[HOSTILE, "x" * 1_000_000],
        started_at="2025-01-02T00:00:00+00:00",
        promotion=Promotion(version=3, reason=HOSTILE * 10_000, pushed_at=HOSTILE),
    )
    pushes = [
        Push(version=number, digest="", recipe="", at=HOSTILE, restores=0, reason=HOSTILE * 100)
        for number in range(500)
    ]
    hostile = DataSet(name=HOSTILE, records=[record] * 500, pushes=pushes, pages=frozenset([HOSTILE]), note=HOSTILE)
    page = render(hostile, DataSet(name="sample", records=make_nights(2)))
    assert len(page.encode()) < 2 << 20
    assert not re.search(r"<script|<img|onerror=(?!alert\(1\)&gt;)", page)
    links = set(re.findall(r'href="([^"]*)"', page)) - {"data:,"}
    assert all(re.fullmatch(r"#[\w-]+|\./[\w%.~-]+/runs/[\w%.~-]+/report\.html", link) for link in links), links
    assert f"{500 - MOST_INTERVENTIONS} earlier ones are left out." in read_text(page)


def test_there_are_links_only_to_pages_that_are_there() -> None:
    here, gone = (RunRecord(run_id=name, data="a b", verdict="pushed", started_at="2025-01-02") for name in "12")
    page = render(DataSet(name="a b", records=[here, gone], pages=frozenset(["1"])))
    assert re.findall(r'href="(\./[^"]*)"', page) == ["./a%20b/runs/1/report.html"]


def test_nothing_is_fetched() -> None:
    page = render(make_year())
    assert not re.search(r"<script|<link(?! rel=\"icon\" href=\"data:)|src=|url\(|@import|https?:", page)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"accuracy": math.nan, "accuracy_interval": (math.nan, math.inf), "seconds": math.inf, "churn": -math.inf},
        {"accuracy": 1e300, "label_shift": 1e300, "pixel_divergence": -1e300, "seconds": -5.0},
        {"started_at": "9999-12-31T23:59:59+00:00", "accuracy": 0.5},
        {"started_at": "1970-01-01T00:00:00+00:00", "accuracy": 0.5},
        {"verdict": "damaged", "reasons": ["run.json: no record of a run that can be read"]},
        {"reasons": ["\ud800\x00\x1b[31m"], "verdict": "error"},
    ],
)
def test_a_record_of_any_kind_has_its_line(values) -> None:
    records = [RunRecord(run_id="odd", data="sample", **values), *make_nights(3)[::-1]]
    page = render(DataSet(name="sample\udcff", records=records, pages=frozenset(["odd"])))
    assert "odd" in read_text(page)


def test_without_runs_there_is_a_page_that_says_so() -> None:
    assert "There are no runs." in read_text(render())
