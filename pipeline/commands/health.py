"""The command `health`: whether the last good run is recent enough, and what is served whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from rich.text import Text

from pipeline.commands.console import Terminal
from pipeline.commands.verify import describe_state
from pipeline.data_sets import choose_data_sets
from pipeline.health import Disk, Health, check_health, measure_disk
from pipeline.prometheus import check_textfile, write_textfile
from pipeline.quantities import write_size

_LONGEST_DAYS = 3_650


class NoOutputError(ValueError):
    """There is no such folder."""


def tell_health(output: Path, within: timedelta, *, data: str | None, prometheus: Path | None, as_json: bool) -> bool:
    """Print how the pipelines below `output` fare, and return whether all is well.

    Args:
        output: The output folder.
        within: How old the last good run may be.
        data: The data set; by default, each of which there is something.
        prometheus: A file to write the same into, for the node exporter's textfile collector.
        as_json: Print JSON.

    Raises:
        NoOutputError: There is no such folder.
        UnknownDataError: There is nothing of `data`.
        TextfileError: `prometheus` is no file.
    """
    if not output.is_dir():
        raise NoOutputError(f"--output {output}: no such folder; name that of the runs.")
    if prometheus:
        check_textfile(prometheus)
    found = check_health(output, choose_data_sets(output, data), within)
    disk = measure_disk(output, found)
    healthy = bool(found) and all(each.healthy for each in found)
    if prometheus:
        write_textfile(prometheus, found, disk)
    if as_json:
        sets = [{**asdict(each), "healthy": each.healthy} for each in found]
        print(json.dumps({"healthy": healthy, "data_sets": sets, "disk": asdict(disk)}, default=str))
    else:
        _print(output, found, disk)
    return healthy


def _print(output: Path, found: list[Health], disk: Disk) -> None:
    console = Terminal(soft_wrap=True)
    if not found:
        console.print(Text(f"No run in {output}.", "red"))
    for each in found:
        word, colour = ("well", "green") if each.healthy else ("not well", "red")
        console.print(Text.assemble(f"{each.data}: ", (word, f"bold {colour}")))
        for problem in each.problems:
            console.print(Text(f"  - {problem}", "red"))
        when = f"{each.last_good_at:%d %b %Y %H:%M} UTC" if each.last_good_at else "never"
        run = f", {each.last_good_verdict.replace('_', ' ')}: {each.last_good_run}" if each.last_good_run else ""
        _print_fact(console, "good run", when + run)
        served = "nothing" if each.served_version is None else f"version {each.served_version}"
        _print_fact(console, "served", served + (f", {describe_state(each.served_state)}" if each.served_state else ""))
        _print_fact(console, "used", write_size(each.used_bytes))
    _print_fact(
        console, "disk", f"{write_size(disk.free_bytes)} free, {write_size(disk.used_bytes)} used; {_tell_time(disk)}"
    )


def _print_fact(console: Terminal, name: str, value: str) -> None:
    console.print(Text.assemble((f"  {name:<10}", "dim"), value))


def _tell_time(disk: Disk) -> str:
    """Say how long the disk will last."""
    if disk.growth_bytes_per_day is None:
        return "how long it will last is unknown: the records of at least a day are needed"
    if disk.days_left is None:
        return "it does not grow"
    rate = f"{write_size(disk.growth_bytes_per_day)} a day"
    if disk.days_left > _LONGEST_DAYS:
        return f"it will last for more than {_LONGEST_DAYS // 365} years, at {rate}"
    return f"it will last for {disk.days_left:,.0f} days, at {rate}"
