"""How long `status` and `history` take with many runs, and how large the page is: `python -m benchmarks.histories`.

The runs are made up (tests/made_histories.py), and each command is a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import ROOT, describe_machine
from pipeline.commands.history import HISTORY_FILE
from tests.made_histories import make_nights, make_rollbacks, write_nights

ROUNDS = 5


def main() -> None:
    """Print a line of a table for each number of runs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.histories", description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 5_000], metavar="N", help="1000 and 5000")
    args = parser.parse_args()
    print(", ".join(f"{key}: {value}" for key, value in describe_machine().items()))
    print("| runs | status: s | status --last 14: s | history: s | page: bytes |\n| --- | --- | --- | --- | --- |")
    for count in args.runs:
        with tempfile.TemporaryDirectory(prefix="histories-") as workplace:
            output, records = Path(workplace), make_nights(count)
            write_nights(output, records, make_rollbacks(records))
            commands = (("status",), ("status", "--last", "14"), ("history",))
            times = [f"{time_command(*command, '--output', str(output), rounds=ROUNDS):.2f}" for command in commands]
            print(f"| {count:,} | {' | '.join(times)} | {(output / HISTORY_FILE).stat().st_size:,} |", flush=True)


def time_command(*arguments: str, rounds: int = 1) -> float:
    """Return the median of the seconds that a command takes, imports included."""
    seconds = []
    for _ in range(rounds):
        started = time.monotonic()
        command = [sys.executable, "run_pipeline.py", *arguments]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.monotonic() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
