"""The report for a terminal, good enough to be read over ssh."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from components.gate.answers import Answers
from components.gate.checks import Check
from components.gate.class_metrics import measure_classes
from components.images.summary import DataSummary
from components.report.number_format import write_number, write_percent, write_points, write_sentence
from components.report.record import Report, describe_churn, describe_verdict, group_checks, list_counts
from pipeline.commands.console import VERDICTS, Terminal, make_table

_BAR_WIDTH = 20
_LEAST_WIDTH = 120


def print_report(report: Report) -> None:
    """Print verdict, checks, classes, data, training and origin of a run."""
    console = Terminal()
    console.width = max(console.width, _LEAST_WIDTH)  # what is cut can't be read
    _, colour = VERDICTS[report.verdict]
    console.print(Text(describe_verdict(report), f"bold {colour}"), soft_wrap=True)
    for name, value in _list_facts(report):
        console.print(Text.assemble((f"  {name:<11}", "dim"), value), soft_wrap=True)
    if report.checks:
        _print_heading(console, "Checks")
        console.print(_make_checks_table(report.checks))
    if report.answers:
        _print_heading(console, "Classes")
        console.print(_make_class_table(report.answers))
    if report.data:
        _print_heading(console, "Data")
        console.print(_make_data_table(report.data))
        for split, drift in report.drift.items():
            shift = f"{100 * drift.label_shift:.2f} points at most in a class"
            divergence = f"grey values {write_number(drift.pixel_divergence)} bits"
            console.print(f"Drift since the baseline's data, {split}: {shift}, {divergence}", style="dim")
    if report.training:
        _print_heading(console, "Training")
        training, last = report.training, report.training["history"][-1]
        console.print(
            f"{training['seconds']:.1f} seconds on {training['device']}; in the last of {last['epoch']} epochs"
        )
        for split, prefix in (("train", ""), ("eval", "eval_")):
            console.print(f"  {split:<6} loss {last[f'{prefix}loss']:.4f}, accuracy {last[f'{prefix}accuracy']:.4f}")
        console.print(", ".join(f"{name} {value}" for name, value in training["options"].items()), style="dim")


def _print_heading(console: Terminal, text: str) -> None:
    console.print(Text(f"\n{text}", "bold"))


def _list_facts(report: Report) -> list[tuple[str, str]]:
    """List what is known of the run, each with its name."""
    deciding, promotion, baseline = report.deciding_check, report.promotion, report.baseline_manifest
    accuracy = write_percent(report.accuracy)
    if report.accuracy_interval:
        accuracy += f" (95 % interval {write_percent(report.accuracy_interval[0])} to "
        accuracy += f"{write_percent(report.accuracy_interval[1])})"
    if report.accuracy is not None and report.baseline_accuracy is not None:
        change = write_points(report.accuracy - report.baseline_accuracy)
        accuracy += f"; baseline {write_percent(report.baseline_accuracy)}, {change} points"
    facts = [
        ("run", f"{report.run_id} {report.origin.data}"),
        ("error", report.error),
        (
            "decided by" if deciding and not deciding.passed else "closest",
            write_sentence(deciding.reason) if deciding else "",
        ),
        ("accuracy", accuracy if report.accuracy is not None else ""),
        ("churn", describe_churn(report.churn) if report.churn else ""),
        ("baseline", f"version {report.baseline_version}" if report.baseline_version is not None else ""),
        ("overruled", f"a person pushed it as version {promotion.version}: {promotion.reason}" if promotion else ""),
        ("served", report.rollback),
        ("note", f"the baseline was pushed by a person: {baseline.reason}" if baseline and baseline.reason else ""),
        ("data", report.note),
        ("command", report.origin.command),
        ("commit", report.origin.git_commit),
    ]
    return [(name, value) for name, value in facts if value]


def _make_checks_table(checks: list[Check]) -> Table:
    """Make a row for each check that failed, and of those that passed under one name for the nearest to its bound."""
    table = make_table("", "Check", "Where", ">Value", ">Bound", "95 % interval")
    for name, group in group_checks(checks):
        passed = sorted((check for check in group if check.passed), key=lambda check: check.margin or 0)
        for check in [each for each in group if not each.passed] + passed[:1]:
            where = f"{check.slice}, nearest of {len(passed)}" if check.passed and len(passed) > 1 else check.slice
            interval = " to ".join(map(write_number, check.interval)) if check.interval else ""
            mark = Text("✓", "green") if check.passed else Text("✗", "bold red")
            table.add_row(mark, Text(name), Text(where), write_number(check.value), write_number(check.bound), interval)
    return table


def _make_class_table(answers: Answers) -> Table:
    table = make_table("Class", ">Images", ">Precision", ">Recall", ">F1", "", ">Change of F1")
    earlier = measure_classes(answers.baseline, answers.class_names) if answers.baseline else None
    for label, now in enumerate(measure_classes(answers.candidate, answers.class_names)):
        then = earlier[label].f1 if earlier else None
        shares = [write_percent(share, 1) for share in (now.precision, now.recall, now.f1)]
        change = now.f1 - then if now.f1 is not None and then is not None else None
        bar = "█" * round((now.f1 or 0) * _BAR_WIDTH)
        table.add_row(Text(now.name), f"{now.images:,}", *shares, Text(bar, "blue"), write_points(change, 1))
    return table


def _make_data_table(data: DataSummary) -> Table:
    table = make_table("Class", *(f">{write_sentence(split)}" for split in data.statistics))
    counts = [list_counts(data, split) for split in data.statistics]
    for name in data.class_names:
        table.add_row(Text(name), *(f"{each[name]:,}" for each in counts))
    return table
