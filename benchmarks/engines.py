"""Seconds on each engine, beside a stock TFX pipeline on the same one: `make benchmark-engines`.

All on one machine: what is measured is what an engine costs, and not what more machines bring.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.measure import ROOT, CommandError, describe_machine, make_console, measure_command, write_report
from benchmarks.scale import ONE_EPOCH, WHOLE, write_replicas
from pipeline.commands.console import hide_output
from pipeline.engines.engine import Engine
from pipeline.engines.preparation import bring_workers

SIZES = (70_000, 700_000)
DIRECT, MULTI_PROCESSING = "direct", "multi-processing"
# What starts an engine, and prints the options of a run on it.
COMMANDS = {
    "Prism": ("deploy.prism",),
    "Flink, 1 TaskManager": ("deploy.flink.cluster", "--task-managers", "1"),
    "Flink, 2 TaskManagers": ("deploy.flink.cluster", "--task-managers", "2"),
}
ENGINES = (DIRECT, MULTI_PROCESSING, *COMMANDS)
STOCK_ENGINES = (DIRECT, "Prism", "Flink, 2 TaskManagers")
DATA_STAGES = ("ExampleGen", "StatisticsGen", "DataValidator", "Evaluator")
STOCK_BY_OURS = 2.0
Seconds = dict[str, float]


def main() -> None:
    """Run both pipelines on each engine, and print what they took."""
    parser = argparse.ArgumentParser(prog="make benchmark-engines", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="images of our runs")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES, metavar="ENGINE")
    parser.add_argument("--no-stock", action="store_true", help="without the stock TFX pipeline")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "engines.json", metavar="FILE")
    args = parser.parse_args()

    console, machine = make_console(), describe_machine()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        place = Path(workplace)
        data_dir, source = provide_data(args.data, place)
        console.print(f"{source}, replicated; 1 epoch; {machine}", markup=False, soft_wrap=True)
        for size in args.sizes:
            write_replicas(data_dir, place / str(size), size)
        ours: dict[int, dict[str, Seconds]] = {size: {} for size in args.sizes}
        stock: dict[str, float | None] = {}
        try:
            for engine in args.engines:
                with start_engine(engine) as options:
                    for size in args.sizes:
                        ours[size][engine] = run_ours(place / str(size), place / "ours", options)
                        tell(console, engine, f"{size:,} images", ours[size][engine][WHOLE])
                    if engine in STOCK_ENGINES and not args.no_stock:
                        stock[engine] = run_stock(data_dir, place / "stock", options)
                        tell(console, engine, "stock TFX", stock[engine])
        except CommandError as error:
            sys.exit(f"A command failed, so there are no results: {error}")

    report = {"data": source, "machine": machine, "ours": ours, "stock": stock}
    print_report(report, console)
    write_report(args.out, report)
    console.print(f"Written to {args.out}", markup=False, soft_wrap=True)


@contextmanager
def start_engine(name: str) -> Iterator[list[str]]:
    """Give the options of a run on an engine that runs meanwhile."""
    if name == DIRECT:
        yield []
    elif name == MULTI_PROCESSING:
        yield ["--beam-arg=--direct_running_mode=multi_processing", "--beam-arg=--direct_num_workers=2"]
    else:
        module, *options = COMMANDS[name]
        try:
            yield find_options(control(module, "up", *options))
        finally:
            control(module, "down")


def control(module: str, *arguments: str) -> str:
    """Start or end an engine, and return what that prints."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def find_options(printed: str) -> list[str]:
    """Return the options of a run on an engine, out of what its start has printed."""
    return printed.partition('ARGS="')[2].partition('"')[0].split()


def pair_options(options: Sequence[str]) -> dict[str, str]:
    """Return the options of a run on an engine with their values."""
    return dict(zip(options[::2], options[1::2], strict=True))


def run_ours(data: Path, output: Path, options: Sequence[str]) -> Seconds:
    """Run our pipeline into an empty folder, and return the seconds of its data stages and of all."""
    command = [sys.executable, "run_pipeline.py", "run", "--data", str(data), "--output", str(output), "--json"]
    try:
        measured = measure_command([*command, *ONE_EPOCH, *options])
    finally:
        shutil.rmtree(output, ignore_errors=True)
    stages = measured.result["stages"]
    return {**{name: stages[name]["seconds"] for name in DATA_STAGES}, WHOLE: measured.seconds}


def run_stock(data: Path, output: Path, options: Sequence[str]) -> float | None:
    """Run the stock TFX pipeline on the engine that options of ours name; return its seconds, None where it failed."""
    command = [sys.executable, "-m", "benchmarks.stock_tfx", str(data), str(output), "--epochs", "1"]
    with list_beam_arguments(options) as arguments:
        command += ["--min-accuracy", "0", *(f"--beam-arg={argument}" for argument in arguments)]
        try:
            return measure_command(command, environment={"TF_USE_LEGACY_KERAS": "1"}).seconds
        except CommandError as error:
            print(error, file=sys.stderr)
            return None
        finally:
            shutil.rmtree(output, ignore_errors=True)


@contextmanager
def list_beam_arguments(options: Sequence[str]) -> Iterator[list[str]]:
    """Give Beam's arguments for options of a run of ours, with workers where the engine has none."""
    if not options:
        yield []
        return
    given = pair_options(options)
    pool = given.get("--worker-pool", "")
    engine = Engine(
        name=given["--engine"],
        address=given["--engine-address"],
        worker_pool=pool,
        asked_pool=pool,
        workers=int(given.get("--workers", 1)),
    )
    with ExitStack() as stack:
        with hide_output():  # whatever the workers print
            engine = stack.enter_context(bring_workers(engine))
        yield engine.list_arguments("stock")


def tell(console: Console, engine: str, what: str, seconds: float | None) -> None:
    """Say that a run is done."""
    taken = "failed" if seconds is None else f"{seconds:8.1f} s"
    console.print(f"  {engine:<24}{what:<18}{taken}", markup=False)


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Print the seconds, and ratios to those without an engine and to those of the stock pipeline."""
    for size, runs in report["ours"].items():
        table = Table("engine", *DATA_STAGES, WHOLE, "times direct", title=f"Our seconds, {size:,} images")
        for engine, seconds in runs.items():
            cells = [f"{seconds[name]:.1f}" for name in (*DATA_STAGES, WHOLE)]
            ratio = f"{seconds[WHOLE] / runs[DIRECT][WHOLE]:.2f}" if DIRECT in runs else ""
            table.add_row(engine, *cells, ratio)
        console.print(table)
    runs = report["ours"][min(report["ours"])]
    for engine, seconds in report["stock"].items():
        if seconds is None:
            console.print(f"{engine}: stock TFX failed.")
            continue
        ratio = seconds / runs[engine][WHOLE]
        met = "met" if ratio >= STOCK_BY_OURS else "MISSED"
        console.print(
            f"{engine}: stock TFX {seconds:.1f} s, {ratio:.1f} times ours; target >= {STOCK_BY_OURS:g}: {met}."
        )


if __name__ == "__main__":
    main()
