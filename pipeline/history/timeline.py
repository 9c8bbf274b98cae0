"""The runs of a data set in the order of time: the latest one by one, older ones summed up by month."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from statistics import median
from typing import Literal

from components.serving.history import Push
from pipeline.runs import RunRecord, find_verdict

Kind = Literal[
    "new", "same", "not_blessed", "data_rejected", "error", "interrupted", "running", "damaged", "overruled", "rollback"
]
# What a run came to, or what a person did, in words.
WORDS: Mapping[Kind, str] = {
    "new": "pushed",
    "same": "nothing to do",
    "not_blessed": "not blessed",
    "data_rejected": "data rejected",
    "error": "error",
    "interrupted": "interrupted",
    "running": "running",
    "damaged": "damaged",
    "overruled": "pushed by a person",
    "rollback": "rolled back",
}
NO_MONTH = "At an unknown time"
# What started before is of a clock that knew no better.
_EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What is drawn of a run, or of the older ones of a month: their medians; None where it is not known.

    Attributes:
        time: Seconds since 1970.
        kind: What the run came to; None for a month.
        accuracy: Of the candidate, 0 to 1.
        interval: Where the true accuracy lies with 95 % confidence; of a month, from the lowest to the highest.
        served: Accuracy of what was served afterwards, on the same images.
        churn: Share of the answers that changed, 0 to 1.
        label_shift: The largest change of a class's share, 0 to 1.
        pixel_divergence: Of the grey values, in bits, 0 to 1.
        seconds: How long it took.
    """

    time: float
    kind: Kind | None
    accuracy: float | None
    interval: tuple[float, float] | None
    served: float | None
    churn: float | None
    label_shift: float | None
    pixel_divergence: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The runs of a month, newest first: those that are listed, and older ones that are only summed up."""

    name: str
    listed: list[RunRecord]
    older: list[RunRecord]

    @property
    def records(self) -> list[RunRecord]:
        """All of them."""
        return [*self.listed, *self.older]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """What a person did to what is served, and why.

    Attributes:
        kind: Whether the gate was overruled, or an earlier version brought back.
        at: When, ISO 8601; "" where that is not known.
        version: The version that was pushed by it; for one whose folder was deleted, that one.
        restores: The version that was brought back; None where it was a model of a run, or nothing.
        run_id: The run whose model it was, "" where that is not known.
        reason: Why; "" where nobody said so.
    """

    kind: Kind
    at: str
    version: int
    restores: int | None = None
    run_id: str = ""
    reason: str = ""


def group_by_data(records: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Group records, newest first, by data set; the last run one first."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.data, []).append(record)
    return groups


def read_time(text: str) -> datetime | None:
    """Read when something was, as UTC; None where that is not known."""
    try:
        time = datetime.fromisoformat(text)
        time = time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
    return time if time >= _EARLIEST else None


def find_kind(record: RunRecord) -> Kind:
    """Return what a run came to: of a model that was pushed, whether by this run, an earlier one, or a person."""
    return "overruled" if record.promotion else find_outcome(record)


def find_outcome(record: RunRecord) -> Kind:
    """Return what it came to before a person overruled it."""
    verdict = find_verdict(record)
    return verdict if verdict != "pushed" else "new" if record.newly_pushed else "same"


def find_served_accuracy(record: RunRecord) -> float | None:
    """Return the accuracy of what was served after a run; older records tell it by their verdict."""
    if record.served_version is not None:
        return _keep_finite(record.served_accuracy)
    return _keep_finite(record.accuracy if record.verdict == "pushed" else record.baseline_accuracy)


def find_version_accuracy(records: Iterable[RunRecord], pushes: Iterable[Push], version: int | None) -> float | None:
    """Return the accuracy of a version when it was last measured, or of the one that it brought back; None if never."""
    restored = {push.version: push.restores for push in pushes if push.restores is not None}
    same = set()
    while version is not None and version not in same:
        same.add(version)
        version = restored.get(version)
    accuracies = (_measure(record, same) for record in records)
    return next((value for value in accuracies if value is not None), None)


def _measure(record: RunRecord, versions: set[int]) -> float | None:
    if record.served_version in versions:
        return find_served_accuracy(record)
    pushed = record.promotion.version if record.promotion else record.pushed_version
    return _keep_finite(record.accuracy) if pushed in versions else None


def list_months(records: Sequence[RunRecord], most_listed: int) -> list[Month]:
    """Split records, newest first, by the months of their starts; the first `most_listed` are listed."""
    numbered = [(_name_month(record), number < most_listed, record) for number, record in enumerate(records)]
    months = []
    for name, group in groupby(numbered, key=lambda each: each[0]):
        runs = list(group)
        listed = [record for _, is_listed, record in runs if is_listed]
        months.append(Month(name=name, listed=listed, older=[record for _, is_listed, record in runs if not is_listed]))
    return months


def list_points(months: Iterable[Month]) -> list[Point]:
    """Return what is drawn of the runs, in the order of their times; those without a time are left out."""
    points = []
    for month in months:
        points += [point for record in month.listed if (point := _make_point([record], find_kind(record)))]
        points += [point for point in [_make_point(month.older, None)] if point]
    return sorted(points, key=lambda point: point.time)


def count_kinds(records: Iterable[RunRecord]) -> list[tuple[Kind, int]]:
    """Count what runs came to, the most frequent first."""
    return Counter(find_kind(record) for record in records).most_common()


def find_range(values: Iterable[float | None]) -> tuple[float, float, float] | None:
    """Return the least, the median and the most of what is known; None for nothing."""
    known = [value for each in values if (value := _keep_finite(each)) is not None]
    return (min(known), median(known), max(known)) if known else None


def list_interventions(records: Iterable[RunRecord], pushes: Sequence[Push]) -> list[Intervention]:
    """Return what people did, the highest version first: from the pushes that are known, and the records of runs."""
    runs = {record.promotion.version: record for record in records if record.promotion}
    restored = max((push.version for push in pushes if push.restores is not None), default=-1)
    found = {}
    for push in pushes:
        if push.restores is not None or (push.reason and push.version not in runs):
            found[push.version] = Intervention(
                kind="overruled" if push.restores is None else "rollback",
                at=push.at,
                version=push.version,
                restores=push.restores,
                reason=push.reason,
            )
        elif push.taken_back and push.version > restored:
            found[push.version] = Intervention(kind="rollback", at="", version=push.version)
    for version, record in runs.items():
        if record.promotion and version not in found:
            found[version] = Intervention(
                kind="overruled",
                at=record.promotion.pushed_at,
                version=version,
                run_id=record.run_id,
                reason=record.promotion.reason,
            )
    return [found[version] for version in sorted(found, reverse=True)]


def _name_month(record: RunRecord) -> str:
    time = read_time(record.started_at)
    return f"{time:%B %Y}" if time else NO_MONTH


def _make_point(records: Sequence[RunRecord], kind: Kind | None) -> Point | None:
    times = [time.timestamp() for record in records if (time := read_time(record.started_at))]
    if not times:
        return None
    intervals = [each for record in records if (each := record.accuracy_interval) and all(map(math.isfinite, each))]
    return Point(
        time=median(times),
        kind=kind,
        accuracy=_find_median(record.accuracy for record in records),
        interval=(min(low for low, _ in intervals), max(high for _, high in intervals)) if intervals else None,
        served=_find_median(map(find_served_accuracy, records)),
        churn=_find_median(record.churn for record in records),
        label_shift=_find_median(record.label_shift for record in records),
        pixel_divergence=_find_median(record.pixel_divergence for record in records),
        seconds=_find_median(record.seconds for record in records),
    )


def _find_median(values: Iterable[float | None]) -> float | None:
    found = find_range(values)
    return found[1] if found else None


def _keep_finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
