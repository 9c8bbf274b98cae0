"""Drawings for the report: inline SVG that takes its colours from the page, and grey images as data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from components.gate.checks import Check

# Larger images are shrunk: with hundreds of classes the page stays within its 1.5 MB.
MAX_IMAGE_PIXELS = 48
_LINE_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line of a chart: the style sheet's class for it, and its points."""

    style: str
    points: list[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Range, ticks and what is written at them."""

    low: float
    high: float
    ticks: Sequence[float]
    write: Callable[[float], str] = "{:g}".format

    def place(self, value: float, start: float, end: float) -> float:
        """Return where between `start` and `end` a value lies."""
        return start + (value - self.low) / (self.high - self.low) * (end - start)


def encode_png(pixels: NDArray[np.uint8]) -> str:
    """Return a grey image, uint8 [H, W], as the data URI of a PNG file; at most 48 pixels high and wide."""
    image = Image.fromarray(pixels)
    image.thumbnail((MAX_IMAGE_PIXELS, MAX_IMAGE_PIXELS))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


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


def draw_chart(series: Sequence[Series], x: Axis, y: Axis, label: str) -> Markup:
    """Draw lines in a frame of 340 x 220 units. `label` says what a reader who does not see it should know."""
    left, right, top, bottom = 44, 330, 8, 196
    parts = []
    for tick in y.ticks:
        at = y.place(tick, bottom, top)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{y.write(tick)}</text>')
    for tick in x.ticks:
        at = x.place(tick, left, right)
        parts.append(f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{x.write(tick)}</text>')
    for line in series:
        points = [
            (x.place(across, left, right), y.place(up, bottom, top))
            for across, up in line.points
            if math.isfinite(across) and math.isfinite(up)
        ]
        path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
        parts.append(f'<polyline class="{line.style}" points="{path}"/>')
        if line.dots or len(points) == 1:
            parts += [f'<circle class="{line.style}" cx="{a:.1f}" cy="{u:.1f}" r="3"/>' for a, u in points]
    return _draw("chart", 340, 220, parts, label)


def draw_check(check: Check, group: Sequence[Check]) -> Markup:
    """Draw value, bound and interval of a check, on one scale with its group; nothing where it has no numbers."""
    if check.value is None or check.bound is None or not math.isfinite(check.value):
        return Markup()
    numbers = [number for each in group for number in (each.value, each.bound, *(each.interval or ()))]
    finite = [number for number in numbers if number is not None and math.isfinite(number)]
    low, high = min(finite), max(finite)
    width, middle = _LINE_WIDTH, 6

    def place(number: float) -> float:
        return 6 + (number - low) / (high - low or 1) * (width - 12)

    bound, value = place(check.bound), place(check.value)
    at_least = check.margin is None or (check.value >= check.bound) == (check.margin >= 0)
    start, end = (0.0, bound) if at_least else (bound, float(width))
    parts = [
        f'<rect class="beyond" x="{start:.1f}" y="0" width="{max(end - start, 0):.1f}" height="12"/>',
        f'<line class="bound" x1="{bound:.1f}" x2="{bound:.1f}" y1="0" y2="12"/>',
    ]
    if check.interval and all(map(math.isfinite, check.interval)):
        ends = " ".join(f'x{n}="{place(number):.1f}"' for n, number in enumerate(check.interval, start=1))
        parts.append(f'<line class="interval" {ends} y1="{middle}" y2="{middle}"/>')
    parts.append(f'<circle class="{"value" if check.passed else "failed"}" cx="{value:.1f}" cy="{middle}" r="3"/>')
    return _draw("check", width, 12, parts)


def draw_pair(candidate: float | None, baseline: float | None, axis: Axis) -> Markup:
    """Draw the candidate's value and the baseline's on one line."""
    width, middle = _LINE_WIDTH, 6
    places = [None if value is None else axis.place(value, 6, width - 6) for value in (baseline, candidate)]
    parts = [f'<line class="grid" x1="0" x2="{width}" y1="{middle}" y2="{middle}"/>']
    if None not in places:
        parts.append(f'<line class="interval" x1="{places[0]:.1f}" x2="{places[1]:.1f}" y1="{middle}" y2="{middle}"/>')
    for place, style in zip(places, ("reference", "value"), strict=True):
        if place is not None:
            parts.append(f'<circle class="{style}" cx="{place:.1f}" cy="{middle}" r="3"/>')
    return _draw("check", width, 12, parts)


def draw_change(lost: int, won: int, most: int) -> Markup:
    """Draw images lost to the left and images won to the right; `most` fills a side."""
    width, half = 260, 130
    left, right = (count / max(most, 1) * (half - 4) for count in (lost, won))
    parts = [
        f'<rect class="lost" x="{half - left:.1f}" y="3" width="{left:.1f}" height="12"/>',
        f'<rect class="won" x="{half}" y="3" width="{right:.1f}" height="12"/>',
        f'<line class="bound" x1="{half}" x2="{half}" y1="0" y2="18"/>',
    ]
    return _draw("change", width, 18, parts)


def _draw(style: str, width: int, height: int, parts: Sequence[str], label: str = "") -> Markup:
    """Join parts, which hold numbers and names of styles only; without a label the text beside the drawing says it."""
    role = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="{}" viewBox="0 0 {} {}" {}>{}</svg>').format(
        style,
        width,
        height,
        role,
        Markup("".join(parts)),  # noqa: S704 - numbers and our own names, nothing from data
    )
