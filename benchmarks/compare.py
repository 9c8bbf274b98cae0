"""Our pipeline beside the plain tutorial script and a stock TFX pipeline, in alternating order: `make benchmark`."""

from __future__ import annotations

import argparse
import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.measure import (
    ROOT,
    CommandError,
    Measurement,
    describe_machine,
    hash_sources,
    make_console,
    measure_command,
    write_report,
)

CONTENDERS = {
    "a": "our pipeline, cold",
    "a2": "our pipeline, all cached",
    "b": "plain tutorial script",
    "c": "stock TFX pipeline",
}
START_UP = "Start-up"
OUTSIDE = "(before, between, after)"


@dataclass(frozen=True, slots=True)
class Target:
    """The most that the median of a ratio of seconds is to be."""

    dividend: str
    divisor: str
    bound: float

    @property
    def name(self) -> str:
        """The ratio, as a/b."""
        return f"{self.dividend}/{self.divisor}"


# Of the stack, by the release of TFX: the old one's imports alone take a third of the tutorial script's time.
A_TO_B = {"1.16": 1.0, "1.21": 0.6}
RELEASE = ".".join(importlib.metadata.version("tfx").split(".")[:2])
TARGETS = (Target("a", "b", A_TO_B[RELEASE]), Target("a", "c", 0.35), Target("a2", "a", 0.3))
Round = dict[str, Measurement]


def main() -> None:
    """Run the rounds, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(prog="make benchmark", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (default 5)")
    parser.add_argument(
        "--stock-rounds", type=int, default=1, help="in how many of them the stock TFX pipeline is run, too (default 1)"
    )
    parser.add_argument("--epochs", type=int, default=10, help="of all of them (default 10)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / f"results-tfx-{RELEASE}.json", metavar="FILE")
    args = parser.parse_args()

    console, machine, sources = make_console(), describe_machine(), hash_sources()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        data_dir, source = provide_data(args.data, Path(workplace))
        console.print(f"{source}; {args.epochs} epochs; {machine}", markup=False, soft_wrap=True)
        try:
            warm_up()
            rounds = [
                run_round(
                    data_dir,
                    Path(workplace),
                    args.epochs,
                    keys=[key for key in CONTENDERS if key != "c" or number < args.stock_rounds],
                    backwards=bool(number % 2),
                    console=console,
                )
                for number in range(args.rounds)
            ]
        except CommandError as error:
            sys.exit(f"A command failed, so there are no results: {error}")

    if hash_sources() != sources:
        sys.exit("components/ or pipeline/ was edited meanwhile, so there are no results: they would be of no version.")
    about = {"data": source, "epochs": args.epochs, "machine": machine, "sources": sources}
    report = {**about, **summarize(rounds)}
    print_report(report, console)
    write_report(args.out, report)
    console.print(f"Written to {args.out}", markup=False, soft_wrap=True)


def warm_up() -> None:
    """Import once what all of them import, unmeasured: whoever comes first would read it from the disk for all."""
    imports = "import keras, tf_keras, tensorflow_model_analysis; from tfx import v1"
    measure_command([sys.executable, "-c", f"{imports}; print('{{}}')"], environment={"TF_USE_LEGACY_KERAS": "0"})


def run_round(
    data_dir: Path, workplace: Path, epochs: int, *, keys: Sequence[str], backwards: bool, console: Console
) -> Round:
    """Run each of `keys` once, every one in a new process; forwards (a, a2, b, c) or backwards (c, b, a, a2)."""
    ours, stock = workplace / "ours", workplace / "stock"
    options = ["--epochs", str(epochs)]
    run = [sys.executable, "run_pipeline.py", "run", "--data", str(data_dir), "--output", str(ours), "--json", *options]
    tutorial = [sys.executable, "benchmarks/plain_tutorial.py", str(data_dir), *options]
    pipeline = [sys.executable, "-m", "benchmarks.stock_tfx", str(data_dir), str(stock), *options]
    commands = {
        "a": (run, {}),
        "a2": (run, {}),
        "b": (tutorial, {"TF_USE_LEGACY_KERAS": "0"}),
        "c": (pipeline, {"TF_USE_LEGACY_KERAS": "1"}),
    }
    measured: Round = {}
    try:
        for key in ("c", "b", "a", "a2") if backwards else ("a", "a2", "b", "c"):
            if key not in keys:
                continue
            command, environment = commands[key]
            measured[key] = measure_command(command, environment=environment)
            console.print(f"  ({key}) {CONTENDERS[key]:<26}{measured[key].seconds:8.1f} s", markup=False)
    finally:
        for directory in (ours, stock):
            shutil.rmtree(directory, ignore_errors=True)
    return measured


def summarize(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return medians, ranges, ratios and our stages, as they are written to the JSON file."""
    ratios = {}
    for target in TARGETS:
        pairs = [
            (taken[target.dividend], taken[target.divisor])
            for taken in rounds
            if {target.dividend, target.divisor} <= taken.keys()
        ]
        if not pairs:
            continue
        values = [dividend.seconds / divisor.seconds for dividend, divisor in pairs]
        cpu_values = [dividend.cpu_seconds / divisor.cpu_seconds for dividend, divisor in pairs]
        ratios[target.name] = {
            "rounds": [round(value, 3) for value in values],
            "median": round(median(values), 3),
            "cpu_median": round(median(cpu_values), 3),
            "target": target.bound,
            "met": median(values) <= target.bound,
        }
    return {
        "contenders": {
            key: _summarize_contender(name, measured)
            for key, name in CONTENDERS.items()
            if (measured := [taken[key] for taken in rounds if key in taken])
        },
        "ratios": ratios,
        "our_seconds_by_stage": {key: _summarize_stages([taken[key] for taken in rounds]) for key in ("a", "a2")},
        "rounds": [{key: _describe_measurement(taken) for key, taken in each.items()} for each in rounds],
    }


def _describe_measurement(taken: Measurement) -> dict[str, float]:
    """Return the figures, and nothing that names a place on this machine."""
    return {
        "seconds": taken.seconds,
        "cpu_seconds": taken.cpu_seconds,
        "peak_rss_mib": taken.peak_rss_mib,
        "accuracy": taken.result["accuracy"],
    }


def _summarize_contender(name: str, measured: Sequence[Measurement]) -> dict[str, Any]:
    seconds = [taken.seconds for taken in measured]
    accuracies = [taken.result["accuracy"] for taken in measured]
    return {
        "name": name,
        "seconds": {"median": median(seconds), "min": min(seconds), "max": max(seconds)},
        "cpu_seconds": median(taken.cpu_seconds for taken in measured),
        "peak_rss_mib": max(taken.peak_rss_mib for taken in measured),
        "accuracy": {"median": median(accuracies), "min": min(accuracies), "max": max(accuracies)},
    }


def _summarize_stages(measured: Sequence[Measurement]) -> dict[str, dict[str, Any]]:
    """Medians of the stages' seconds; what no stage accounts for, the interpreter's start and end included, is told."""
    runs = [taken.result for taken in measured]
    stages = {START_UP: {"seconds": median(run["startup_seconds"] for run in runs), "cached": False}}
    for name in runs[0]["stages"]:
        taken = [run["stages"][name] for run in runs]
        stages[name] = {
            "seconds": median(stage["seconds"] for stage in taken),
            "cached": all(stage["cached"] for stage in taken),
        }
    outside = [
        each.seconds - run["startup_seconds"] - sum(stage["seconds"] for stage in run["stages"].values())
        for each, run in zip(measured, runs, strict=True)
    ]
    stages[OUTSIDE] = {"seconds": median(outside), "cached": False}
    return stages


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Print the three tables."""
    table = Table(
        "", "median s", "min", "max", "CPU s", "peak RSS MiB", "accuracy", title="Wall seconds of the process"
    )
    for key, row in report["contenders"].items():
        seconds, accuracy = row["seconds"], row["accuracy"]
        table.add_row(
            f"({key}) {row['name']}",
            *(f"{seconds[name]:.1f}" for name in ("median", "min", "max")),
            f"{row['cpu_seconds']:.1f}",
            f"{row['peak_rss_mib']:,.0f}",
            f"{accuracy['median']:.4f} ({accuracy['min']:.4f} to {accuracy['max']:.4f})",
        )
    console.print(table)
    console.print(
        "CPU s: median. Peak RSS: the largest sum over the process tree; shared pages count once a process.\n"
    )

    table = Table("ratio of seconds", "each round", "median", "target", "", "of CPU s", title="Ratios")
    for name, ratio in report["ratios"].items():
        each = ", ".join(f"{value:.2f}" for value in ratio["rounds"])
        met = "met" if ratio["met"] else "MISSED"
        table.add_row(name, each, f"{ratio['median']:.2f}", f"<= {ratio['target']}", met, f"{ratio['cpu_median']:.2f}")
    console.print(table)
    console.print("Of CPU s: far from the ratio of seconds where the machine was busy, or one of them waited.\n")

    cold, cached = report["our_seconds_by_stage"]["a"], report["our_seconds_by_stage"]["a2"]
    table = Table("stage", "cold", "again", "", title="Our median seconds by stage")
    for name, stage in cold.items():
        again = cached[name]
        table.add_row(name, f"{stage['seconds']:.1f}", f"{again['seconds']:.1f}", "cached" if again["cached"] else "")
    console.print(table)
    worked = [name for name, stage in cached.items() if name not in (START_UP, OUTSIDE) and not stage["cached"]]
    console.print(f"Again, these were not taken from the cache: {', '.join(worked) or 'none'}.")


if __name__ == "__main__":
    main()
