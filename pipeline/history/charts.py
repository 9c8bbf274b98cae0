"""The charts of a data set's runs over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from statistics import quantiles

from components.report.drawings import Axis, Band, Chart, Mark, Series, fit_axis
from components.report.number_format import write_percent
from pipeline.history.timeline import WORDS, Intervention, Point, read_time

_HOUR, _DAY = 3_600, 86_400
# Steps of an axis of less than some months, in seconds, and of a longer one, in months.
_STEPS = (1, 5, 15, 60, 300, 900, *(n * _HOUR for n in (1, 3, 6, 12)), *(n * _DAY for n in (1, 2, 4, 7, 14)))
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
_MONTH = 30 * _DAY
# What lies so many interquartile ranges below the lower quartile is drawn at the edge: one bad run would press all
# others into a line, in which nobody sees that the accuracy is sinking (Tukey's outer fence).
_FENCE = 3.0
_LEAST_FENCE = 0.01
_WIDE = (760, 250)
_NARROW_TICKS, _WIDE_TICKS = 5, 8
_SMALL_HEIGHT = 150
# A pushed model is drawn by the line.
_UNMARKED = (None, "same", "running", "damaged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """The charts of a data set.

    Attributes:
        accuracy: On a desk; `narrow_accuracy` the same on a phone.
        small: The others, each with its title, and what it shows in words.
        below: How many accuracies are so low that they are drawn at the edge.
        start: The first time, in UTC; `end` the last.
    """

    accuracy: Chart
    narrow_accuracy: Chart
    small: list[tuple[str, str, Chart]]
    below: int
    start: datetime
    end: datetime


def draw_charts(points: Sequence[Point], interventions: Iterable[Intervention]) -> Charts | None:
    """Make the charts of a data set; None where nothing has a time."""
    if not points:
        return None
    accuracies = [point.accuracy for point in points if point.accuracy is not None]
    y = _fit_accuracy(points, accuracies)
    wide = _chart_accuracy(points, list(_mark_rollbacks(interventions, y)), y)
    narrow = replace(wide, x=_fit_time(points, _NARROW_TICKS), width=340, height=220)
    return Charts(
        accuracy=wide,
        narrow_accuracy=narrow,
        small=list(_chart_others(points)),
        below=sum(value < y.low for value in accuracies),
        start=_to_time(points[0].time),
        end=_to_time(points[-1].time),
    )


def _chart_accuracy(points: Sequence[Point], rollbacks: Sequence[Mark], y: Axis) -> Chart:
    def hold(value: float) -> float:
        return min(max(value, y.low), y.high)

    x = _fit_time(points, _WIDE_TICKS)
    rollbacks = [mark for mark in rollbacks if x.low <= mark.across <= x.high]
    lines = {
        "reference": [(point.time, hold(point.served)) for point in points if point.served is not None],
        "candidate": [(point.time, hold(point.accuracy)) for point in points if point.accuracy is not None],
    }
    back = [Series(style="bound", points=[(mark.across, y.low), (mark.across, y.high)]) for mark in rollbacks]
    known = [value for _, value in lines["candidate"]]
    told = f", from {write_percent(min(known))} to {write_percent(max(known))}" if known else ""
    width, height = _WIDE
    return Chart(
        series=[*back, *(Series(style=style, points=line) for style, line in lines.items())],
        bands=[Band(each.time, *map(hold, each.interval)) for each in points if each.interval],
        marks=[*_mark_runs(points, y, hold), *rollbacks],
        x=x,
        y=y,
        label=f"Accuracy over time of the candidates and of what was served{told}; the table below has each run",
        width=width,
        height=height,
    )


def _mark_runs(points: Iterable[Point], y: Axis, hold: Callable[[float], float]) -> Iterator[Mark]:
    for point in points:
        if point.kind is not None and point.kind not in _UNMARKED:
            accuracy = "" if point.accuracy is None else f", accuracy {write_percent(point.accuracy)}"
            title = f"{_to_time(point.time):%d %b %Y %H:%M}: {WORDS[point.kind]}{accuracy}"
            yield Mark(point.time, y.low if point.accuracy is None else hold(point.accuracy), point.kind, title)


def _mark_rollbacks(interventions: Iterable[Intervention], y: Axis) -> Iterator[Mark]:
    for each in interventions:
        if each.kind == "rollback" and (time := read_time(each.at)):
            title = f"{time:%d %b %Y %H:%M}: rolled back to version {each.restores}, as version {each.version}"
            yield Mark(time.timestamp(), y.high, "rollback", title)


def _chart_others(points: Sequence[Point]) -> Iterator[tuple[str, str, Chart]]:
    x = _fit_time(points, _NARROW_TICKS)
    for title, told, write, read in _OTHERS:
        line = [(point.time, value) for point in points if (value := read(point)) is not None]
        if not line:
            continue
        y = fit_axis([0.0, *(value for _, value in line)], write, steps=3)
        most = write(max(value for _, value in line))
        label = f"{title} over time: {write(line[-1][1])} in the last run, {most} at most"
        series = [Series(style="candidate", points=line)]
        yield title, told, Chart(series=series, x=x, y=y, label=label, height=_SMALL_HEIGHT)


_OTHERS: tuple[tuple[str, str, Callable[[float], str], Callable[[Point], float | None]], ...] = (
    (
        "Churn",
        "Share of the answers that are others than those of what was served.",
        "{:.3g} %".format,
        lambda point: _to_percent(point.churn),
    ),
    (
        "Drift of the labels",
        "Largest change of a class's share since the data of what was served, in points.",
        "{:.3g}".format,
        lambda point: _to_percent(point.label_shift),
    ),
    (
        "Drift of the grey values",
        "Jensen-Shannon divergence from the data of what was served, in bits: 0 is equal, 1 is nothing in common.",
        "{:.3g}".format,
        lambda point: point.pixel_divergence,
    ),
    ("Seconds", "How long the runs took.", "{:,.4g}".format, lambda point: point.seconds),
)


def _to_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _fit_accuracy(points: Iterable[Point], accuracies: Sequence[float]) -> Axis:
    bounds = [bound for point in points for bound in (point.interval or ())]
    served = [point.served for point in points if point.served is not None]
    low = -1.0
    if len(accuracies) > 1:
        lower, _, upper = quantiles(accuracies, method="inclusive")
        low = lower - max(_FENCE * (upper - lower), _LEAST_FENCE)
    shown = [value for value in (*accuracies, *served, *bounds) if low <= value <= 1]
    return fit_axis(shown, lambda share: f"{100 * share:.4g} %")


def _fit_time(points: Sequence[Point], most_ticks: int) -> Axis:
    """Return an axis from the first time to the last, with ticks at round times of the calendar, in UTC."""
    low, high = points[0].time, points[-1].time
    length = high - low
    step = next((step for step in _STEPS if length / step <= most_ticks), None)
    if step is None:
        ticks, form = list(_list_months(low, high, most_ticks)), _write_month
    else:
        first = -int(-low // step) * step
        ticks = [float(tick) for tick in range(first, int(high) + 1, step)]
        form = _write_day if step >= _DAY else _write_time if step >= 60 else _write_second
    return Axis(low=low, high=high, ticks=ticks, write=form)


def _list_months(low: float, high: float, most_ticks: int) -> Iterator[float]:
    months = next((months for months in _MONTHS if (high - low) / (months * _MONTH) <= most_ticks), _MONTHS[-1])
    first = _to_time(low)
    for number in range(first.year * 12, 12 * 10_000, months):
        tick = datetime(number // 12, number % 12 + 1, 1, tzinfo=timezone.utc).timestamp()
        if tick > high:
            return
        if tick >= low:
            yield tick


def _to_time(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)


def _write_month(seconds: float) -> str:
    time = _to_time(seconds)
    return f"{time:%Y}" if time.month == 1 else f"{time:%b}"


def _write_day(seconds: float) -> str:
    return f"{_to_time(seconds):%-d %b}"


def _write_time(seconds: float) -> str:
    time = _to_time(seconds)
    return f"{time:%H:%M}" if time.hour or time.minute else f"{time:%-d %b}"


def _write_second(seconds: float) -> str:
    return f"{_to_time(seconds):%H:%M:%S}"
