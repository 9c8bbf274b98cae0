"""A line of sparks: how numbers went over time, in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from components.report.drawings import Axis

_HEIGHTS = "▁▂▃▄▅▆▇█"
_GAP = "·"


def draw_sparks(values: Sequence[float | None]) -> str:
    """Return a character for each value, from the lowest to the highest of them, and a dot where there is none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    axis = Axis(low=min(known, default=0), high=max(known, default=0), ticks=())

    def draw(value: float) -> str:
        return _HEIGHTS[round(axis.place(value, 0, len(_HEIGHTS) - 1))]

    return "".join(_GAP if value is None or not math.isfinite(value) else draw(value) for value in values)
