"""Times and sizes as people write them: `26h`, `20GB`."""

from __future__ import annotations

import re
from datetime import timedelta

_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
# Decimal as disks are sold, and binary as memory is (IEC 80000-13).
_BYTES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_NUMBER = r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*"
_LONGEST = timedelta(days=36_500)
_LONGEST_SHOWN = 40


class QuantityError(ValueError):
    """No time, or no size; one sentence says what was expected."""


def parse_duration(text: str, name: str) -> timedelta:
    """Read a time such as `26h`, `90m` or `2d`, above 0.

    Args:
        text: What was given.
        name: What it was given for, such as `--within`.

    Raises:
        QuantityError: It is none.
    """
    match = re.fullmatch(f"{_NUMBER}([mhd])\\s*", text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise QuantityError(f"{name} {_show(text)}: expected a time, such as 26h, 90m or 2d.")
    return timedelta(seconds=seconds)


def parse_size(text: str, name: str) -> int:
    """Read a size such as `20GB` or `512 MiB`, above 0, in bytes.

    Args:
        text: What was given.
        name: What it was given for, such as `--free`.

    Raises:
        QuantityError: It is none.
    """
    match = re.fullmatch(f"{_NUMBER}([kmgt]i?)b?\\s*", text, re.IGNORECASE)
    size = int(float(match[1]) * _BYTES[match[2].lower()]) if match else 0
    if size < 1:
        raise QuantityError(f"{name} {_show(text)}: expected a size, such as 20GB, 500MB or 1.5TiB.")
    return size


def write_size(size: float) -> str:
    """Write a number of bytes with three digits or so: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or abs(size) >= 99.95 else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:,.1f} TB"


def write_duration(duration: timedelta) -> str:
    """Write a time in the largest unit of which there are two or more: `26 hours`."""
    seconds = duration.total_seconds()
    for name, unit in (("days", "d"), ("hours", "h"), ("minutes", "m")):
        if seconds >= 2 * _SECONDS[unit]:
            return f"{seconds / _SECONDS[unit]:,.0f} {name}"
    return f"{seconds:.0f} seconds"


def _show(text: str) -> str:
    return ascii(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
