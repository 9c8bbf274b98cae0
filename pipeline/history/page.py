"""The history as one HTML page: nothing on it is fetched, and there is no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from components.report.number_format import write_number, write_percent
from components.report.templates import load_template
from components.serving.history import Push
from pipeline.history.charts import Charts, draw_charts
from pipeline.history.timeline import (
    WORDS,
    Intervention,
    Kind,
    Month,
    count_kinds,
    find_kind,
    find_outcome,
    find_range,
    find_version_accuracy,
    list_interventions,
    list_months,
    list_points,
    read_time,
)
from pipeline.runs import RunRecord

_TEMPLATE = "history.html.jinja"
# So many runs are listed and drawn one by one: a year of nightly ones of a data set, and no more of all than are read.
MOST_LISTED, MOST_LISTED_OF_ALL, LEAST_LISTED = 366, 1_000, 20
# So many data sets have a section, the last run ones, and so many acts of people are told of each, the latest.
MOST_SECTIONS, MOST_INTERVENTIONS = 20, 100
_LONGEST_REASON = 200
_BY_PEOPLE = "By a person"
_FIGURES: Mapping[str, tuple[Kind, ...]] = {
    "Passed": ("new", "same"),
    "Refused": ("not_blessed", "data_rejected"),
    "Failed": ("error", "interrupted", "damaged"),
    _BY_PEOPLE: ("overruled", "rollback"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """All that the page is made from, of a data set.

    Attributes:
        name: Its name.
        records: Of its runs, newest first.
        served_version: What is served now, None for nothing.
        pushes: All that are known; `note` says why there are none where they can't be read.
        pages: The runs that have a report.
        note: "" for nothing to be told.
    """

    name: str
    records: list[RunRecord]
    served_version: int | None = None
    pushes: Sequence[Push] = ()
    pages: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A data set as it is shown. `shown` is whether there is more of it than a line."""

    data: DataSet
    shown: bool
    served_accuracy: float | None
    figures: list[tuple[str, int, str]] = field(default_factory=list)
    charts: Charts | None = None
    months: list[Month] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)


def render_history(data_sets: Sequence[DataSet], report_file: str, now: datetime) -> str:
    """Render the page. All that comes from data is escaped, and cut where it would fill the page.

    Args:
        data_sets: The last run one first, each with at least one record.
        report_file: The name of a report in the folder of its run.
        now: When the page is made.
    """
    most = min(MOST_LISTED, max(LEAST_LISTED, MOST_LISTED_OF_ALL // max(len(data_sets), 1)))
    context: dict[str, Any] = {
        "sections": [_view(data, most, shown=number < MOST_SECTIONS) for number, data in enumerate(data_sets)],
        "latest": data_sets[0].records[0] if data_sets else None,
        "now": now.astimezone(timezone.utc),
        "words": WORDS,
        "most_interventions": MOST_INTERVENTIONS,
        "report_file": report_file,
        "describe": describe_run,
        "find_kind": find_kind,
        "find_range": find_range,
        "count_kinds": count_kinds,
        "write_counts": write_counts,
        "read_time": read_time,
        "shorten": _shorten,
        "percent": write_percent,
        "number": write_number,
        "seconds": "{:,.1f}".format,
        "quote": lambda name: quote(name, safe="", errors="surrogateescape"),
    }
    return load_template(_TEMPLATE, Path(__file__).parent).render(context)


def _view(data: DataSet, most_listed: int, *, shown: bool) -> Section:
    accuracy = find_version_accuracy(data.records, data.pushes, data.served_version)
    if not shown:
        return Section(data=data, shown=False, served_accuracy=accuracy)
    months = list_months(data.records, most_listed)
    interventions = list_interventions(data.records, data.pushes)
    return Section(
        data=data,
        shown=True,
        served_accuracy=accuracy,
        figures=list(_list_figures(data.records, interventions)),
        charts=draw_charts(list_points(months), interventions),
        months=months,
        interventions=interventions,
    )


def _list_figures(
    records: Iterable[RunRecord], interventions: Iterable[Intervention]
) -> Iterator[tuple[str, int, str]]:
    """Yield what runs came to and people did, in a few groups: how many there are, and of which kinds."""
    by_runs, by_people = Counter(map(find_outcome, records)), Counter(each.kind for each in interventions)
    for name, kinds in _FIGURES.items():
        counts = by_people if name == _BY_PEOPLE else by_runs
        found = [(kind, counts[kind]) for kind in kinds if counts[kind]]
        yield name, sum(count for _, count in found), write_counts(found)


def write_counts(counts: Iterable[tuple[Kind, int]]) -> str:
    """Write how many there are of each kind."""
    return ", ".join(f"{count:,} {WORDS[kind]}{'s' if kind == 'error' and count > 1 else ''}" for kind, count in counts)


def describe_run(record: RunRecord) -> str:
    """Say in a clause what a run came to."""
    version = record.promotion.version if record.promotion else record.pushed_version
    return {
        "new": f"pushed version {version}",
        "same": f"had nothing to do: version {version} is its model",
        "not_blessed": "was not blessed, and nothing was pushed",
        "data_rejected": "was stopped, for its data was rejected",
        "error": "ended in an error",
        "interrupted": "was interrupted",
        "running": "is at work",
        "damaged": "left a record that can't be read",
        "overruled": f"was pushed by a person, as version {version}",
    }[find_kind(record)]


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
