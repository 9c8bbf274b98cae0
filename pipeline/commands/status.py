"""The command `status`: past runs in a table, which of them is asked for, and how their accuracy went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import get_args

from rich.text import Text

from pipeline.commands.console import Terminal, print_status
from pipeline.commands.rollback import list_rollbacks
from pipeline.history.sparks import draw_sparks
from pipeline.history.timeline import find_range, group_by_data
from pipeline.runs import RunRecord, Verdict, find_verdict, read_records

# Of a longer table nobody reads the rest; --last shows more.
MOST_ROWS = 100
_MOST_SPARKS = 60


class StatusError(ValueError):
    """There is nothing of the kind that was asked for; one sentence says what there is."""


def show_status(output: Path, last: int | None, data: str | None, verdict: str | None, *, as_json: bool) -> None:
    """Print the runs that were asked for, newest first.

    Args:
        output: The folder of all runs.
        last: How many at most; None for all, of which the table has the latest only.
        data: The data set, None for every one.
        verdict: What they came to, as `--json` has it; None for anything.
        as_json: Print their records, and nothing else.

    Raises:
        StatusError: One of these is none.
    """
    records = read_records(output)
    chosen = choose_records(records, output, last, data, verdict)
    if as_json:
        print(json.dumps([record.to_values() for record in chosen]))
    elif not records:
        print(f"No runs in {output}. Start one: python run_pipeline.py")
    elif not chosen:
        print(f"No such runs among the {len(records):,} in {output}.")
    else:
        shown = chosen[: last or MOST_ROWS]
        print_status(shown)
        _print_sparks(shown)
        for name, served in list_rollbacks(output, data).items():
            Terminal(soft_wrap=True).print(Text(f"{name}: served: {served}"))
        if len(shown) < len(chosen):
            left = len(chosen) - len(shown)
            print(f"{left:,} older runs are not shown; --last {len(chosen)} shows them all, and history on a page.")


def choose_records(
    records: Sequence[RunRecord], output: Path, last: int | None, data: str | None, verdict: str | None
) -> list[RunRecord]:
    """Return the records that were asked for, each with its verdict as it stands now.

    Raises:
        StatusError: There is no such data set or verdict, or no such number.
    """
    if last is not None and last < 1:
        raise StatusError(f"--last {last}: expected a number of runs from 1 on.")
    names = sorted({record.data for record in records})
    if data is not None and data not in names:
        raise StatusError(
            f"--data {data}: no run of it in {output}; expected one of: {', '.join(names) or 'none yet'}."
        )
    wanted = verdict.strip().lower().replace(" ", "_").replace("-", "_") if verdict is not None else None
    if wanted is not None and wanted not in get_args(Verdict):
        raise StatusError(f"--verdict {verdict}: no such verdict; expected one of: {', '.join(get_args(Verdict))}.")
    chosen = (each for each in map(_judge_now, records) if data in (None, each.data) and wanted in (None, each.verdict))
    return list(islice(chosen, last))


def _judge_now(record: RunRecord) -> RunRecord:
    return replace(record, verdict=find_verdict(record)) if record.verdict == "running" else record


def _print_sparks(records: Sequence[RunRecord]) -> None:
    """Print how the accuracy of each data set went, from the oldest of the runs that are shown to the newest."""
    console = Terminal(soft_wrap=True)
    for name, runs in group_by_data(records).items():
        values = [record.accuracy for record in runs[:_MOST_SPARKS]][::-1]
        if (found := find_range(values)) and len(values) > 1:
            low, _, high = found
            told = f"  {low:.4f} to {high:.4f} in {len(values)} runs"
            console.print(
                Text.assemble(("\naccuracy  ", "dim"), (draw_sparks(values), "blue"), told, (f"  {name}", "dim"))
            )
