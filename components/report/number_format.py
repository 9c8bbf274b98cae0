"""How numbers are written: for people in the report and on a terminal, and for programs in JSON."""

from __future__ import annotations

import math
from typing import Any

_NOTHING = "\N{EN DASH}"
_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"


def write_number(value: float | None) -> str:
    """Write a count as it is and a share with four digits."""
    if value is None:
        return _NOTHING
    # 1.0 is a share all the same, and looks like one beside others.
    is_count = isinstance(value, int) or 10 <= abs(value) < math.inf or (value.is_integer() and abs(value) != 1)
    text = f"{value:,.0f}" if is_count else f"{value:.4f}"
    return text.replace("-", _MINUS)


def write_sentence(text: str) -> str:
    """Write the first letter large."""
    return text[:1].upper() + text[1:]


def write_percent(value: float | None, digits: int = 2) -> str:
    """Write a share as a percentage."""
    return _NOTHING if value is None else f"{value:.{digits}%}".replace("%", _SPACE + "%")


def write_points(value: float | None, digits: int = 2) -> str:
    """Write a difference of two shares in percentage points, with its sign."""
    # What rounds to nothing has no sign.
    return _NOTHING if value is None else f"{round(100 * value, digits) + 0.0:+.{digits}f}".replace("-", _MINUS)


def write_probability(value: float | None) -> str:
    """Write a p value; what is too small to tell is told as that."""
    return "" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def without_nan(value: Any) -> Any:
    """Return what JSON can hold, with None for numbers that are none: a training gone astray has NaN everywhere."""
    if isinstance(value, dict):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
