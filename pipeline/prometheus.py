"""Health as Prometheus reads it, in a file for the node exporter's textfile collector.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format, version 0.0.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from components.serving.versions import replace_file
from pipeline.health import Disk, Health


class TextfileError(ValueError):
    """There is something else where the file would be, or no folder for it."""


class _Gauge(NamedTuple):
    """A gauge, and its values with the data set of each; "" for all. What is not known has no value."""

    name: str
    help: str
    values: Sequence[tuple[str, float | None]]


def check_textfile(path: Path) -> None:
    """Refuse what a file can't be written to.

    Raises:
        TextfileError: It is something else, or its folder is missing.
    """
    if path.is_symlink() or (
        path.exists() and not path.is_file()
    ):  # to rename onto a device or a link would replace it
        raise TextfileError(f"--prometheus {path}: there is no regular file there; name one that may be replaced.")
    if not path.parent.is_dir():
        raise TextfileError(f"--prometheus {path}: there is no folder {path.parent}; make it, or name another.")


def write_textfile(path: Path, found: Sequence[Health], disk: Disk) -> None:
    """Write the file, whole or as it was.

    Raises:
        OSError: It can't be written.
    """
    replace_file(path, render(found, disk))


def render(found: Sequence[Health], disk: Disk) -> str:
    """Return the gauges as text."""
    return "".join(f"{line}\n" for gauge in _list_gauges(found, disk) for line in _write(gauge))


def _list_gauges(found: Sequence[Health], disk: Disk) -> Iterable[_Gauge]:
    def each(name: str, text: str, read: Callable[[Health], float | None]) -> _Gauge:
        return _Gauge(name, text, [(one.data, read(one)) for one in found])

    yield each(
        "healthy", "1 where the last good run is recent enough and what is served is whole.", lambda one: one.healthy
    )
    yield each(
        "last_good_run_timestamp_seconds",
        "When the last run was started that came to a verdict, in Unix time.",
        lambda one: one.last_good_at.timestamp() if one.last_good_at else None,
    )
    yield each("served_version", "The version that is served.", lambda one: one.served_version)
    yield each(
        "served_whole",
        "0 where files of the version that is served are not those that were pushed.",
        lambda one: None if one.served_state is None else one.served_state != "damaged",
    )
    yield each("used_bytes", "What the folder of the data set takes on the disk.", lambda one: one.used_bytes)
    yield each(
        "growth_bytes_per_day",
        "By how much that grows, from the records of 30 days.",
        lambda one: one.growth_bytes_per_day,
    )
    yield _Gauge("disk_free_bytes", "What is free on the disk of the output folder.", [("", disk.free_bytes)])
    yield _Gauge("disk_days_left", "How long that will last, where it shrinks.", [("", disk.days_left)])


def _write(gauge: _Gauge) -> Iterator[str]:
    values = [(data, value) for data, value in gauge.values if value is not None]
    if not values:
        return
    name = f"image_pipeline_{gauge.name}"
    yield f"# HELP {name} {gauge.help}"
    yield f"# TYPE {name} gauge"
    for data, value in values:
        label = f'{{data="{_escape(data)}"}}' if data else ""
        yield f"{name}{label} {float(value)!r}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
