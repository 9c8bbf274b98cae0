"""A pipeline is well where it came to a verdict lately and serves what was pushed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.health import Health, check_health, measure_disk, measure_growth
from pipeline.runs import RunRecord
from tests.made_outputs import NOW, days_ago, make_run, make_version

DAY = timedelta(days=1)


def check(output: Path, within: timedelta = DAY) -> Health:
    (found,) = check_health(output, ["clothes"], within, NOW)
    return found


@pytest.mark.parametrize("verdict", ["pushed", "not_blessed", "data_rejected"])
def test_a_run_that_came_to_a_verdict_is_a_good_one(tmp_path: Path, verdict: str) -> None:
    """That a model or the data was refused is the pipeline at its work; the alarms tell of it."""
    make_run(tmp_path, "first", 0.5, verdict=verdict)
    make_run(tmp_path, "later", 0.1, verdict="error")
    found = check(tmp_path)
    assert found.healthy
    assert (found.last_good_run, found.last_good_verdict) == ("first", verdict)


@pytest.mark.parametrize("verdict", ["error", "interrupted", "running"])
def test_one_that_came_to_none_is_not(tmp_path: Path, verdict: str) -> None:
    make_run(tmp_path, "first", 0.1, verdict=verdict)
    assert check(tmp_path).problems == ("no run has come to a verdict yet.",)


def test_one_that_is_too_old_is_told_with_its_age(tmp_path: Path) -> None:
    make_run(tmp_path, "first", 3)
    assert check(tmp_path).problems == (
        "the last good run, first, was started 3 days ago, expected one within 24 hours.",
    )
    assert check(tmp_path, 4 * DAY).healthy


@pytest.mark.parametrize(
    ("started_at", "complaint"),
    [(days_ago(-2), "was started in the future"), ("yesterday", "can't be read"), ("", "can't be read")],
)
def test_a_clock_that_was_set_hides_nothing(tmp_path: Path, started_at: str, complaint: str) -> None:
    make_run(tmp_path, "first", 0, started_at=started_at)
    (problem,) = check(tmp_path).problems
    assert complaint in problem


def test_what_is_served_has_to_be_whole(tmp_path: Path) -> None:
    make_run(tmp_path, "first", 0.1)
    assert check(tmp_path).served_state is None
    for number in (1, 2):
        make_version(tmp_path / "clothes" / "serving", number)
    assert check(tmp_path).served_state == "verified"
    (tmp_path / "clothes" / "serving" / "1" / "saved_model.pb").write_text("damaged")
    assert check(tmp_path).healthy, "it is not served"
    (tmp_path / "clothes" / "serving" / "2" / "saved_model.pb").write_text("damaged")
    found = check(tmp_path)
    assert (found.served_version, found.served_state, found.healthy) == (2, "damaged", False)
    assert "version 2, which is served, is damaged" in found.problems[0]


def make_records(*points: tuple[float, int | None]) -> list[RunRecord]:
    return [
        RunRecord(run_id=str(days), data="clothes", started_at=days_ago(days), used_bytes=used) for days, used in points
    ]


@pytest.mark.parametrize(
    ("points", "growth"),
    [
        ([], None),
        ([(1, 100)], None),
        ([(0.5, 100), (0.1, 200)], None),
        ([(1, 100), (1, 100)], None),
        ([(2, None), (0, 100)], None),
        ([(2, 100), (1, 200), (0, 300)], 100),
        ([(60, 0), (2, 500), (0, 500)], 0),
        ([(4, 400), (0, 200)], -50),
    ],
)
def test_growth_is_that_of_the_last_month_or_unknown(
    points: list[tuple[float, int | None]], growth: float | None
) -> None:
    assert measure_growth(make_records(*points), NOW) == (growth if growth is None else pytest.approx(growth))


def test_the_disk_lasts_as_long_as_all_data_sets_let_it(tmp_path: Path) -> None:
    for data in ("clothes", "shoes"):
        for days, used in ((2, 0), (0, 2 * 10**9)):
            make_run(tmp_path, f"{data}-{days}", days, data=data, used_bytes=used)
    disk = measure_disk(tmp_path, check_health(tmp_path, ["clothes", "shoes"], DAY, NOW))
    assert disk.growth_bytes_per_day == pytest.approx(2e9)
    assert disk.days_left == pytest.approx(disk.free_bytes / 2e9)
    make_run(tmp_path, "clothes-2", 2, used_bytes=9 * 10**9)
    assert measure_disk(tmp_path, check_health(tmp_path, ["clothes"], DAY, NOW)).days_left is None
