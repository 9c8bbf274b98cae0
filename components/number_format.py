"""How numbers are written for people: in the report, on a terminal, in a comparison."""

from __future__ import annotations

import math

_NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def write_number(value: float | None) -> str:
    """Write a count as it is and a share with four digits."""
    if value is None:
        return _NOTHING
    text = f"{value:,.0f}" if isinstance(value, int) or 10 <= abs(value) < math.inf else f"{value:.4f}"
    return text.replace("-", _MINUS)


def write_sentence(text: str) -> str:
    """Write the first letter large."""
    return text[:1].upper() + text[1:]


def write_percent(value: float | None, digits: int = 2) -> str:
    """Write a share as a percentage."""
    return _NOTHING if value is None else f"{value:.{digits}%}".replace("%", " %")


def write_points(value: float | None, digits: int = 2) -> str:
    """Write a difference of two shares in percentage points, with its sign."""
    # What rounds to nothing has no sign.
    return _NOTHING if value is None else f"{round(100 * value, digits) + 0.0:+.{digits}f}".replace("-", _MINUS)
