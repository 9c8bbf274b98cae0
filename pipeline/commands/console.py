"""What a person sees: the stages as they go, the summary, the list of runs."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from pipeline.commands.plain_text import open_like, show_controls
from pipeline.runs import RunRecord, find_verdict

START_UP = "Start-up"
# What these tell is shown.
_HEARD = ("components.trainer", "pipeline.engines.trial")
STATUS_WIDTH = 160
NAME_WIDTH = 60

VERDICTS = {
    "pushed": ("pushed", "green"),
    "not_blessed": ("not blessed", "red"),
    "data_rejected": ("data rejected", "red"),
    "error": ("error", "red"),
    "running": ("running", "yellow"),
    "interrupted": ("interrupted", "yellow"),
    "damaged": ("damaged", "red"),
}


@contextmanager
def divert_output(log_file: Path) -> Iterator[TextIO]:
    """Send all that this process and its children print to a file; give a stream to what was standard error.

    TensorFlow's and Beam's native code write to the file descriptors themselves, so it is these that are diverted.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        with open_like(sys.stderr, os.dup(saved[1])) as terminal:
            os.dup2(log, 1)
            os.dup2(log, 2)
            yield terminal
    finally:
        _empty(sys.stdout, 1)
        _empty(sys.stderr, 2)
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
        os.close(log)


def _empty(stream: TextIO, descriptor: int) -> None:
    """Write what a stream still holds into the log; what a full disk does not take goes nowhere, nor to a terminal."""
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), descriptor)
        stream.flush()


def log_exception() -> None:
    """Print the traceback of the error in hand into the log; that a full disk takes none is no error of its own."""
    with suppress(OSError):
        traceback.print_exc()


@contextmanager
def hide_output() -> Iterator[None]:
    """Throw away what this process and its libraries print."""
    with divert_output(Path(os.devnull)):
        yield


class Terminal(Console):
    """A console that shows names and messages as they are, and obeys nothing in them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, **options)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Render as rich does, and make characters visible that a terminal would obey."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(show_controls(segment.text), segment.style)


def make_table(*columns: str, header_style: str = "dim") -> Table:
    """Make a table without lines, in which a long name is cut, for the numbers beside it are to be seen.

    The titles of columns of numbers start with `>`.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=header_style)
    for title in columns:
        justify: JustifyMethod = "right" if title.startswith(">") else "left"
        table.add_column(
            title.removeprefix(">"), justify=justify, no_wrap=True, max_width=NAME_WIDTH, overflow="ellipsis"
        )
    return table


def shorten_name(name: str, width: int) -> str:
    """Cut a name that is longer than its place."""
    return name if len(name) < width else f"{name[: width - 2]}…"


class StageDisplay(logging.Handler):
    """Shows each stage while it runs and a line for it when it is done; for the Trainer, the epochs.

    It is the runner's listener, and a handler of the loggers of those that know nothing of a terminal.
    """

    def __init__(self, terminal: TextIO, *, quiet: bool) -> None:
        super().__init__()
        self._console = Terminal(file=terminal, quiet=quiet, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._tasks: dict[str, Any] = {}
        self._notes: dict[str, str] = {}
        self.stages: dict[str, dict[str, Any]] = {}
        self.running = START_UP

    def __enter__(self) -> StageDisplay:
        for name in _HEARD:
            logging.getLogger(name).addHandler(self)
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        for name in _HEARD:
            logging.getLogger(name).removeHandler(self)

    def start_stage(self, name: str) -> None:
        """Show that a stage runs; on a cluster, others may run meanwhile."""
        self.running, self._notes[name] = name, ""
        self._tasks[name] = self._progress.add_task(name, total=None, note="")

    def note_stage(self, name: str, note: str) -> None:
        """Show what a stage that runs does, or waits for."""
        self._notes[name] = note
        self._progress.update(self._tasks[name], note=note)

    def end_stage(self, name: str, seconds: float, *, cached: bool, note: str = "", failed: bool = False) -> None:
        """Show how a stage ended."""
        self._progress.remove_task(self._tasks.pop(name))
        mark = ("  ✗ ", "red") if failed else ("  ✓ ", "green")
        time = "cached" if cached else f"{seconds:.1f} s"
        last_note = self._notes.pop(name)
        self._console.print(Text.assemble(mark, f"{name:<17}", f"{time:>8}", f"   {note or last_note}"))
        if name != START_UP:
            self.stages[name] = {"seconds": round(seconds, 3), "cached": cached}

    def emit(self, record: logging.LogRecord) -> None:
        """Show an epoch that the Trainer tells of, or a warning."""
        epoch = getattr(record, "epoch", None)
        if epoch is None:
            if record.levelno >= logging.WARNING:
                self.warn(record.getMessage())
            return
        self.note_stage(self.running, f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}")
        self._progress.update(self._tasks[self.running], total=record.total_epochs, completed=epoch.epoch)  # type: ignore[attr-defined]

    def warn(self, text: str) -> None:
        """Print a line above what is running that a person should not miss."""
        self._console.print(Text(f"    {text}", "yellow"))

    def print(self, text: str) -> None:
        """Print a line above what is running."""
        self._console.print(text, markup=False)


def print_summary(record: RunRecord, facts: Sequence[tuple[str, str]], *, quiet: bool) -> None:
    """Print the verdict of a run, why, and what to do next."""
    console = Terminal(soft_wrap=True)
    title, colour = VERDICTS[record.verdict]
    console.print(Text.assemble((title.capitalize(), f"bold {colour}"), f": {describe_verdict(record)}"))
    for reason in record.reasons:
        console.print(f"  - {reason}", markup=False)
    if quiet:
        return
    for name, value in facts:
        console.print(Text.assemble((f"  {name:<10}", "dim"), value))


def describe_verdict(record: RunRecord) -> str:
    """Say in one clause what the verdict means for what is served."""
    if record.verdict == "pushed" and record.newly_pushed:
        return f"the model is version {record.pushed_version} now."
    if record.verdict == "pushed" and record.same_answers:
        return (
            f"nothing to do, version {record.pushed_version} gives the same answers on {record.same_answers:,} "
            "evaluation images."
        )
    if record.verdict == "pushed":
        return f"nothing to do, version {record.pushed_version} is this very model."
    if record.verdict == "not_blessed":
        return "the model did not pass; what is pushed stays as it was."
    if record.verdict == "data_rejected":
        return "nothing was trained, and what is pushed stays as it was."
    return "the run did not end; what is pushed stays as it was."


def describe_accuracy(record: RunRecord, images: int) -> str:
    """Say how accurate the candidate of a run is on so many evaluation images, beside its baseline."""
    if record.baseline_accuracy is None:
        baseline = "compared with no baseline"
    else:
        baseline = f"baseline {record.baseline_accuracy:.4f}"
    if record.churn is not None:
        baseline += f", {record.churn:.2%} of the answers changed"
    return f"{record.accuracy:.4f} on {images:,} evaluation images; {baseline}"


def print_status(records: Sequence[RunRecord]) -> None:
    """Print past runs, newest first."""
    columns = ("When", "Run", "Data", "Verdict", ">Accuracy", ">Churn", "Pushed")
    table = make_table(*columns, header_style="table.header")
    for record in (each for each in records if each.verdict != "damaged"):
        title, colour = VERDICTS[find_verdict(record)]
        table.add_row(
            _write_time(record.started_at),
            Text(record.run_id),
            Text(record.data),
            Text(title, colour),
            "" if record.accuracy is None else f"{record.accuracy:.4f}",
            "" if record.churn is None else f"{record.churn:.2%}",
            Text(", ".join(filter(None, (describe_push(record), describe_removal(record))))),
        )
    console = Terminal(width=STATUS_WIDTH)  # as wide as the rows are: a name that is cut can't be copied
    console.print(table, soft_wrap=True)
    for record in records:
        if record.verdict == "damaged":
            console.print(Text(record.reasons[0], "yellow"), soft_wrap=True)


def _write_time(text: str) -> str:
    """Write when a run started, with the year where it is not this one; "" where that is not known."""
    try:
        started = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return ""
    return f"{started:%d %b %H:%M}" if started.year == datetime.now().astimezone().year else f"{started:%d %b %Y %H:%M}"


def describe_removal(record: RunRecord) -> str:
    """Say when a run was removed; "" where it was not."""
    return f"removed {record.removed_at[:10]}" if record.removed else ""


def describe_push(record: RunRecord) -> str:
    """Say which version a run pushed, or a person in spite of the gate, and why."""
    if record.promotion:
        return f"version {record.promotion.version} (by a person: {record.promotion.reason})"
    if record.pushed_version is None:
        return ""
    return f"version {record.pushed_version}" + ("" if record.newly_pushed else " (already)")
