"""Checks, and the verdict that follows from them: what the summary, the report and the exit code are read from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

OVERALL = "overall"

# Beside the evaluation artifact, and in the DataValidation artifact.
GATE_FILE = "gate.json"
DATA_CHECKS_FILE = "checks.json"

# Floats are compared with this much slack, so that equal stays equal: a bound of exactly 0 would fail on -1e-16.
SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a run had to satisfy, whether it did or not.

    Attributes:
        name: What was looked at, such as `accuracy` or `class share`.
        slice: Where: `overall`, a class, or a split of the data.
        passed: Whether the value is on the good side of the bound.
        reason: One sentence with the value and the bound.
        value: What was found, a count or a share; None where that is no number.
        bound: The least or the most that is allowed.
        margin: How far the value is from the bound: positive on the good side, negative on the bad one. A change may be
            on the bad side and pass, where it may be chance.
        images: How many images the value was taken from.
        interval: Where the true value lies with 95 % confidence, lowest and highest; None where that is not estimated.
        p_value: How probable such a change is by chance alone; None for what is no comparison.
        changed: How many images are answered otherwise than by the baseline; None for what is no comparison.
        lost: How many of these were right then and are wrong now.
        won: How many of these were wrong then and are right now.
    """

    name: str
    slice: str
    passed: bool
    reason: str
    value: int | float | None = None
    bound: int | float | None = None
    margin: int | float | None = None
    images: int | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    changed: int | None = None
    lost: int | None = None
    won: int | None = None


def check_at_least(name: str, where: str, value: float, bound: float, **details: Any) -> Check:
    """Check that `value` is no less than `bound`; NaN never is. `details` are further fields of the check."""
    return _compare(name, where, value, bound, value - bound, "at least", details)


def check_at_most(name: str, where: str, value: float, bound: float, **details: Any) -> Check:
    """Check that `value` is no more than `bound`; NaN never is. `details` are further fields of the check."""
    return _compare(name, where, value, bound, bound - value, "at most", details)


def _compare(
    name: str, where: str, value: float, bound: float, margin: float, how: str, details: dict[str, Any]
) -> Check:
    passed = margin >= -SLACK
    reason = f"{name} of {where} is {value:.4f}, {'' if passed else 'expected '}{how} {bound:.4f}"
    return Check(
        name=name, slice=where, passed=passed, reason=reason, value=value, bound=bound, margin=margin, **details
    )


def get_failures(checks: Iterable[Check]) -> list[str]:
    """Return the reasons of the checks that failed, in their order."""
    return [check.reason for check in checks if not check.passed]


def write_checks(path: Path, checks: Sequence[Check]) -> None:
    """Write the checks as JSON."""
    path.write_text(json.dumps([asdict(check) for check in checks], indent=2))


def read_checks(path: Path) -> list[Check]:
    """Read what `write_checks` wrote."""
    return msgspec.convert(json.loads(path.read_text()), list[Check])
