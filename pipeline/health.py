"""Whether a pipeline is alive and what it serves is whole: from its records and the serving directory alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from components.serving.integrity import State, verify_model
from components.serving.versions import find_versions
from pipeline.disk import measure_size
from pipeline.history.timeline import read_time
from pipeline.quantities import write_duration
from pipeline.runs import GOOD_VERDICTS, RunRecord, read_records

# Clocks of machines that share a folder differ by less.
_SKEW = timedelta(hours=1)
# Growth is that of so many days, and of one at least: less says nothing.
_LONGEST, _SHORTEST = timedelta(days=30), timedelta(days=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a data set's pipeline fares.

    Attributes:
        data: The data set.
        last_good_run: The last run that came to a verdict, be it that a model or the data was refused; "" for none.
        last_good_verdict: Which.
        last_good_at: When it was started; None where that is not known.
        served_version: What is served, None for nothing.
        served_state: Whether its files are those that were pushed; None for nothing.
        used_bytes: What its folder takes on the disk.
        growth_bytes_per_day: How much that grows; None where the records tell too little.
        problems: What is wrong, a sentence each.
    """

    data: str
    last_good_run: str
    last_good_verdict: str
    last_good_at: datetime | None
    served_version: int | None
    served_state: State | None
    used_bytes: int
    growth_bytes_per_day: float | None
    problems: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The disk that an output folder is on; `days_left` is None where it does not grow or too little is known."""

    free_bytes: int
    used_bytes: int
    growth_bytes_per_day: float | None
    days_left: float | None


def check_health(
    output: Path, data_sets: Iterable[str], within: timedelta, now: datetime | None = None
) -> list[Health]:
    """Look how the pipelines of some data sets fare.

    Args:
        output: The output folder.
        data_sets: Their names.
        within: How old the last good run may be.
        now: By default, now.
    """
    now, records = now or datetime.now(timezone.utc), read_records(output)
    return [
        _check(output / name, [record for record in records if record.data == name], within, now) for name in data_sets
    ]


def _check(directory: Path, records: Sequence[RunRecord], within: timedelta, now: datetime) -> Health:
    good = next((record for record in records if record.verdict in GOOD_VERDICTS), None)
    at = read_time(good.started_at) if good else None
    versions = find_versions(directory / "serving")
    served = max(versions, default=None)
    state = None if served is None else verify_model(versions[served]).state
    problems = [_find_silence(good, at, within, now)]
    if state == "damaged":
        problems.append(f"version {served}, which is served, is damaged; `verify` lists how, `rollback` goes back.")
    return Health(
        data=directory.name,
        last_good_run=good.run_id if good else "",
        last_good_verdict=good.verdict if good else "",
        last_good_at=at,
        served_version=served,
        served_state=state,
        used_bytes=measure_size(directory),
        growth_bytes_per_day=measure_growth(records, now),
        problems=tuple(filter(None, problems)),
    )


def _find_silence(good: RunRecord | None, at: datetime | None, within: timedelta, now: datetime) -> str:
    """Say that there was no good run in time; "" where there was."""
    if good is None:
        return "no run has come to a verdict yet."
    if at is None:
        return f"when the last good run, {good.run_id}, was started can't be read."
    if at > now + _SKEW:
        return (
            f"the last good run, {good.run_id}, was started in the future ({at:%d %b %Y %H:%M} UTC); check the clock."
        )
    if now - at > within:
        return (
            f"the last good run, {good.run_id}, was started {write_duration(now - at)} ago, expected one within "
            f"{write_duration(within)}."
        )
    return ""


def measure_growth(records: Iterable[RunRecord], now: datetime) -> float | None:
    """Return by how many bytes a day a folder grows, from what it took when its runs ended.

    It is the line through the last 30 days, by least squares; below 0 where it shrinks, None where the records are of
    less than a day.
    """
    points = [
        ((at - now) / _DAY, record.used_bytes)
        for record in records
        if record.used_bytes is not None
        and (at := read_time(record.started_at))
        and now - _LONGEST <= at <= now + _SKEW
    ]
    if len(points) < 2 or max(points)[0] - min(points)[0] < _SHORTEST / _DAY:
        return None
    middle, mean = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((day - middle) ** 2 for day, _ in points)
    return sum((day - middle) * (used - mean) for day, used in points) / spread


def measure_disk(output: Path, found: Sequence[Health]) -> Disk:
    """Measure the disk of an output folder, and how long it will last if all of it grows on as it does."""
    free = shutil.disk_usage(output).free
    known = [each.growth_bytes_per_day for each in found if each.growth_bytes_per_day is not None]
    growth = sum(known) if known else None
    return Disk(
        free_bytes=free,
        used_bytes=measure_size(output),
        growth_bytes_per_day=growth,
        days_left=free / growth if growth and growth > 0 else None,
    )
