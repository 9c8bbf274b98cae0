"""Where the drawings of the report put things. drawings.html.jinja draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from components.gate.checks import Check

# Of the line that a check is drawn on: the places of its numbers, and its length.
_LINE_START, _LINE_END, _LINE_WIDTH = 6, 114, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line of a chart: the style sheet's class for it, and its points."""

    style: str
    points: list[tuple[float, float]]
    dots: bool = False

    @property
    def finite(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [point for point in self.points if all(map(math.isfinite, point))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Range, ticks and what is written at them."""

    low: float
    high: float
    ticks: Sequence[float]
    write: Callable[[float], str] = "{:g}".format

    def place(self, value: float, start: float, end: float) -> float:
        """Return where between `start` and `end` a value lies; the one value of an axis without length, at `start`."""
        return start + (value - self.low) / (self.high - self.low or 1) * (end - start)


class Band(NamedTuple):
    """Where at a place of a chart something lies: from `low` to `high`."""

    across: float
    low: float
    high: float


class Mark(NamedTuple):
    """A sign at a place of a chart, of one of the shapes of drawings.html.jinja; the title is shown by a pointer."""

    across: float
    up: float
    shape: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines in a frame. `label` says what a reader who does not see it should know."""

    series: Sequence[Series]
    x: Axis
    y: Axis
    label: str
    bands: Sequence[Band] = ()
    marks: Sequence[Mark] = ()
    width: int = 340
    height: int = 220


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlaces:
    """Where a check's numbers lie on a line of 120 units, and from where to where it would fail."""

    value: float
    bound: float
    interval: list[float]
    beyond: tuple[float, float]


def fit_axis(values: Iterable[float], write: Callable[[float], str] = "{:g}".format, steps: int = 4) -> Axis:
    """Return an axis over the values, from one round number to another."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    rough = (high - low or abs(high) or 1) / steps
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(size * magnitude for size in (1, 2, 5, 10) if size * magnitude >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return Axis(low=first * step, high=last * step, ticks=[step * n for n in range(first, last + 1)], write=write)


def place_check(check: Check, group: Sequence[Check]) -> CheckPlaces | None:
    """Place value, bound and interval of a check on one scale with its group; None where it has no numbers."""
    if check.value is None or check.bound is None or not math.isfinite(check.value):
        return None
    numbers = [number for each in group for number in (each.value, each.bound, *(each.interval or ()))]
    finite = [number for number in numbers if number is not None and math.isfinite(number)]
    axis = Axis(low=min(finite), high=max(finite), ticks=())
    value, bound, *interval = (
        axis.place(number, _LINE_START, _LINE_END) for number in (check.value, check.bound, *(check.interval or ()))
    )
    at_least = check.margin is None or (check.value >= check.bound) == (check.margin >= 0)
    return CheckPlaces(
        value=value,
        bound=bound,
        interval=interval if all(map(math.isfinite, interval)) else [],
        beyond=(0.0, bound) if at_least else (bound, float(_LINE_WIDTH)),
    )
