"""The command `clean`: what is no longer needed is listed, and removed when a person says so."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from pipeline.cleaning import Removable, describe_removed, find_removable
from pipeline.commands.console import STATUS_WIDTH, Terminal, make_table
from pipeline.commands.history import refresh_history
from pipeline.config import Keep
from pipeline.data_sets import choose_data_sets
from pipeline.declared import build
from pipeline.output_folder import RunInProgressError, lock_output
from pipeline.quantities import parse_size, write_size
from pipeline.removal import remove


class NothingAskedError(ValueError):
    """No limit was given; one sentence says which there are."""


def read_limits(versions: int | None, days: int | None, free: str | None) -> Keep:
    """Return the limits that were given on a command line.

    Raises:
        ConfigError: One is out of its range.
        QuantityError: `free` is no size.
        NothingAskedError: None was given.
    """
    if versions is None and days is None and free is None:
        raise NothingAskedError(
            "--keep-versions, --keep-days, --free: expected one of them or several, for what is to stay."
        )
    if free is not None:
        parse_size(free, "--free")
    given = {
        name: value for name, value in (("versions", versions), ("days", days), ("free", free)) if value is not None
    }
    return build(Keep, given, write="--keep-{option} {value}")


def clean_output(output: Path, keep: Keep, *, data: str | None, confirmed: bool, as_json: bool) -> bool:
    """List what is no longer needed, with its size, or remove it, and return whether all went as asked.

    That is not so where a run is at work on some data set, which is passed over, or the disk can't be freed so far.

    Raises:
        UnknownDataError: There is nothing of `data`.
        StoreError: A store of ML Metadata can't be read or written.
    """
    names = choose_data_sets(output, data)
    with _hold(output, names) as held:
        found = find_removable(output, held.names, keep) if held.names else []
        if confirmed and found:
            remove(output, found)
            refresh_history(output)
    size = sum(each.bytes for each in found)
    free = shutil.disk_usage(output).free if output.exists() else 0
    expected = free if confirmed else free + size
    problems = [*held.busy]
    if expected < keep.free_bytes:
        problems.append(
            f"--free {keep.free}: with that, the disk of {output} has {write_size(expected)} free; "
            "what is left is needed, or not of this pipeline."
        )
    if as_json:
        shown = [
            {"data": each.data, "kind": each.kind, "name": each.name, "at": each.at.isoformat(), "bytes": each.bytes}
            for each in found
        ]
        print(
            json.dumps({"removed": confirmed, "items": shown, "bytes": size, "free_bytes": free, "problems": problems})
        )
    else:
        _print(found, size, problems, confirmed=confirmed)
    return not problems


class _Held(NamedTuple):
    names: list[str]
    busy: list[str]


@contextmanager
def _hold(output: Path, names: Sequence[str]) -> Iterator[_Held]:
    """Hold the folders of data sets; of those where a run is at work, say so."""
    held = _Held([], [])
    with ExitStack() as stack:
        for name in names:
            busy = _try_to_hold(stack, output / name)
            (held.busy if busy else held.names).append(busy or name)
        yield held


def _try_to_hold(stack: ExitStack, directory: Path) -> str:
    """Hold a folder until the stack is closed; where that can't be, say why."""
    try:
        stack.enter_context(lock_output(directory))
    except RunInProgressError as error:
        return str(error)
    return ""


def _print(found: Sequence[Removable], size: int, problems: Sequence[str], *, confirmed: bool) -> None:
    console = Terminal(width=STATUS_WIDTH)
    table = make_table("Data", "What", "Since", ">Size")
    for each in found:
        if each.kind != "leftover":
            table.add_row(
                Text(each.data), f"{each.kind} {each.name}", f"{each.at:%d %b %Y %H:%M}", write_size(each.bytes)
            )
    leftovers = [each for each in found if each.kind == "leftover"]
    for name, count in sorted(Counter(each.data for each in leftovers).items()):
        left = sum(each.bytes for each in leftovers if each.data == name)
        table.add_row(Text(name), f"{count:,} folders and files that killed runs and pushes left", "", write_size(left))
    if found:
        console.print(table, soft_wrap=True)
        told = f"{describe_removed(found)}; {write_size(size)}."
        console.print(f"Removed: {told}" if confirmed else f"To be removed: {told} Add --yes to do so.", soft_wrap=True)
    else:
        console.print("There is nothing to remove.")
    for problem in problems:
        console.print(Text(problem, "yellow"), soft_wrap=True)
