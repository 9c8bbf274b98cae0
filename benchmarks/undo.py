"""What each change for speed is worth: the pipeline with one of them undone at a time, `python -m benchmarks.undo`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.measure import ROOT, CommandError, describe_machine, make_console, measure_command, write_report

WHOLE, START_UP = "whole run", "Start-up"
_PREPARE = "from pipeline.environment import prepare_environment; prepare_environment()"
_RUN = "from pipeline.cli import main; main()"


class Change(NamedTuple):
    """A change, the Python that undoes it in a process, and the stage that it is about."""

    name: str
    undo: str
    stage: str


CHANGES = (
    Change(
        "five steps a turn of the compiled loop",
        "import components.training.loop as training_loop; training_loop.STEPS_A_TURN = 1",
        "Trainer",
    ),
    Change(
        "verifying process started ahead",
        "import components.serving.model_verifier as model_verifier; model_verifier.start_ahead = lambda: None",
        "Pusher",
    ),
    Change(
        "Beam's runner in the process",
        "import pipeline.environment as environment; environment.BEAM_RUNNER = 'DirectRunner'",
        "StatisticsGen",
    ),
    Change("only those modules of TFX that are used", "from tfx import v1", START_UP),
    Change("late imports", "import sys; sys.meta_path.pop(0)", START_UP),
)


def main() -> None:
    """Run the pipeline as it is and with each change undone, in turn, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.undo", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default 3)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "undo.json", metavar="FILE")
    args = parser.parse_args()

    console, machine = make_console(), describe_machine()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        data_dir, source = provide_data(args.data, Path(workplace))
        console.print(f"{source}; {machine}", markup=False, soft_wrap=True)
        try:
            runs = [
                {undone: measure_run(data_dir, Path(workplace), undone) for undone in (None, *CHANGES)}
                for _ in range(args.rounds)
            ]
        except CommandError as error:
            sys.exit(f"A command failed, so there are no results: {error}")

    table = Table("change", "stage", "s without", "s with", "whole run: s without", "s with")
    rows = []
    for change in CHANGES:
        seconds = [
            median(taken[undone][part] for taken in runs) for part in (change.stage, WHOLE) for undone in (change, None)
        ]
        rows.append({"change": change.name, "stage": change.stage, "seconds": seconds})
        table.add_row(change.name, change.stage, *(f"{value:.1f}" for value in seconds))
    console.print(table)
    write_report(args.out, {"data": source, "machine": machine, "rounds": args.rounds, "changes": rows})
    console.print(f"Written to {args.out}", markup=False, soft_wrap=True)


def measure_run(data_dir: Path, workplace: Path, undone: Change | None) -> dict[str, float]:
    """Return the seconds of each stage and of the whole of a cold run."""
    code = "; ".join([_PREPARE, undone.undo, _RUN] if undone else [_RUN])
    with tempfile.TemporaryDirectory(dir=workplace) as output:
        command = [sys.executable, "-c", code, "run", "--json", "--data", str(data_dir), "--output", output]
        measured = measure_command(command)
    stages = {name: stage["seconds"] for name, stage in measured.result["stages"].items()}
    # What was undone imports the libraries before the start-up is timed, so that is all that no stage accounts for.
    return {**stages, START_UP: measured.seconds - sum(stages.values()), WHOLE: measured.seconds}


if __name__ == "__main__":
    main()
