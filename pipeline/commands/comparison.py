"""Two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from components.gate.class_metrics import measure_classes
from components.report.record import Report, list_counts
from pipeline.commands.console import STATUS_WIDTH, VERDICTS, Terminal, make_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What two runs have for one thing; None where a run has none of it."""

    section: str
    name: str
    first: Any
    second: Any


def compare_reports(first: Report, second: Report) -> list[Row]:
    """Join the facts of two runs by name: verdict, data, hyperparameters, accuracy by class, checks."""
    facts = [dict(_list_facts(report)) for report in (first, second)]
    keys = dict.fromkeys([*facts[0], *facts[1]])
    # A stable sort: sections in the order of the first run, with what only the second has at the end of each.
    sections = list(dict.fromkeys(section for section, _ in keys))
    return [
        Row(section=section, name=name, first=facts[0].get((section, name)), second=facts[1].get((section, name)))
        for section, name in sorted(keys, key=lambda key: sections.index(key[0]))
    ]


def _list_facts(report: Report) -> Iterator[tuple[tuple[str, str], Any]]:
    yield ("Verdict", "verdict"), report.verdict
    yield ("Verdict", "accuracy"), report.accuracy
    yield ("Verdict", "baseline"), report.baseline_version
    yield ("Verdict", "baseline's accuracy"), report.baseline_accuracy
    yield ("Verdict", "churn"), report.churn.share if report.churn else None
    yield ("Verdict", "pushed version"), report.pushed_version
    if data := report.data:
        for split in data.statistics:
            for name, count in list_counts(data, split).items():
                yield ("Data", f"{split}, {name}"), count
    for name, value in (report.training or {}).get("options", {}).items():
        yield ("Hyperparameters", name.replace("_", " ")), value
    yield ("Hyperparameters", "seconds"), (report.training or {}).get("seconds")
    answers = report.answers
    for metrics in measure_classes(answers.candidate, answers.class_names) if answers else ():
        yield ("Accuracy by class", metrics.name), metrics.recall
    for check in report.checks:
        yield ("Checks", f"{check.name}, {check.slice}"), "passed" if check.passed else "failed"


def print_comparison(run_ids: tuple[str, str], rows: list[Row]) -> None:
    """Print two columns and the difference of numbers. Equal counts and equal results of checks are left out."""
    table = make_table("", *(f">{run_id}" for run_id in run_ids), ">Change")
    section = ""
    for row in rows:
        if row.section in ("Data", "Checks") and row.first == row.second:
            continue
        if row.section != section:
            section = row.section
            table.add_row(Text(f"\n{section}", "bold"))
        table.add_row(Text(row.name), *(_write(value) for value in (row.first, row.second)), _write_change(row))
    # As wide as the rows are: what is cut can't be read.
    console = Terminal(width=STATUS_WIDTH)
    console.print(table, soft_wrap=True)
    for section, what in (("Data", "counts by class"), ("Checks", "results of the checks")):
        if all(row.first == row.second for row in rows if row.section == section):
            console.print(f"\nThe {what} are the same in both.")


def _write(value: Any) -> Text:
    if value in VERDICTS:
        return Text(*VERDICTS[value])
    if type(value) is float:
        return Text(f"{value:.4g}")
    return Text("" if value is None else f"{value:,}" if type(value) is int else str(value))


def _write_change(row: Row) -> str:
    if None in (row.first, row.second) or row.first == row.second:
        return ""
    if not {type(row.first), type(row.second)} <= {int, float}:
        return "differs"
    return f"{row.second - row.first:+.4g}"
