"""Seconds and memory of each stage as the data grows tenfold: `make benchmark-scale`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.measure import (
    ROOT,
    CommandError,
    Measurement,
    describe_machine,
    make_console,
    measure_command,
    write_report,
)
from components.features import EVAL_SPLIT, TRAIN_SPLIT
from components.images.idx import write_idx
from components.images.idx_folder import load_dataset, read_split

SIZES = (70_000, 280_000, 700_000)
EVAL_SHARE = 7  # one image of seven is for evaluation
MAX_SHIFT = 2  # pixels
MAX_PEAK_MIB = 4_096
START_UP = "Start-up"
WHOLE = "whole run"
# Options of a run of one epoch, whatever comes of it.
ONE_EPOCH = ("--epochs", "1", "--min-accuracy", "0", "--min-class-accuracy", "0", "--max-calibration-error", "1")


def main() -> None:
    """Run the pipeline on data sets of growing size, and print what each stage took."""
    parser = argparse.ArgumentParser(prog="make benchmark-scale", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="images, 6/7 to train and 1/7 to evaluate")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "scale.json", metavar="FILE")
    args = parser.parse_args()

    console, machine = make_console(), describe_machine()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        data_dir, source = provide_data(args.data, Path(workplace))
        console.print(f"{source}, replicated; 1 epoch; {machine}", markup=False, soft_wrap=True)
        try:
            runs = {size: run_size(data_dir, Path(workplace), size, console) for size in args.sizes}
        except CommandError as error:
            sys.exit(f"A command failed, so there are no results: {error}")

    report = {"data": source, "machine": machine, "max_peak_rss_mib": MAX_PEAK_MIB, **summarize(runs)}
    print_report(report, console)
    write_report(args.out, report)
    console.print(f"Written to {args.out}", markup=False, soft_wrap=True)


def run_size(data_dir: Path, workplace: Path, size: int, console: Console) -> dict[str, dict[str, float]]:
    """Run the pipeline once on `size` images; return seconds and peak RSS of each stage and of the whole."""
    data, output = workplace / f"{size}-images", workplace / "output"
    try:
        write_replicas(data_dir, data, size)
        command = [sys.executable, "run_pipeline.py", "run", "--data", str(data), "--output", str(output), "--json"]
        measured = measure_command([*command, *ONE_EPOCH], interval=0.1)
        console.print(
            f"  {size:>9,} images {measured.seconds:8.1f} s, peak {measured.peak_rss_mib:,.0f} MiB", markup=False
        )
        return attribute_to_stages(measured, read_stage_spans(output))
    finally:
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(output, ignore_errors=True)


def write_replicas(source: Path, destination: Path, size: int) -> None:
    """Write `size` images as plain IDX files: those of `source` again and again, each time shifted otherwise."""
    dataset = load_dataset(source)
    destination.mkdir()
    evaluation = size // EVAL_SHARE
    for split, prefix, count in ((TRAIN_SPLIT, "train", size - evaluation), (EVAL_SPLIT, "t10k", evaluation)):
        images, labels = read_split(dataset, split)
        write_idx(destination / f"{prefix}-images-idx3-ubyte", replicate_images(images, count))
        write_idx(destination / f"{prefix}-labels-idx1-ubyte", np.resize(labels, count))


def replicate_images(images: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return `count` images: first as they are, then rolled by up to two pixels each way, in a seeded order."""
    steps = range(-MAX_SHIFT, MAX_SHIFT + 1)
    offsets = [(down, right) for down in steps for right in steps if (down, right) != (0, 0)]
    order = [(0, 0), *np.random.default_rng(0).permutation(offsets).tolist()]
    replicas = np.empty((count, *images.shape[1:]), np.uint8)
    for number, start in enumerate(range(0, count, len(images))):
        part = replicas[start : start + len(images)]
        part[:] = np.roll(images[: len(part)], order[number % len(order)], axis=(1, 2))
    return replicas


def read_stage_spans(output: Path) -> dict[str, tuple[float, float]]:
    """Return when each stage started and ended, in seconds since the epoch, as ML Metadata has it."""
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    (path,) = output.glob("*/metadata.sqlite")
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    store = ml_metadata.MetadataStore(config)
    spans = {}
    for execution in store.get_executions():
        contexts = store.get_contexts_by_execution(execution.id)
        stage = next(context.name.split(".", 1)[1] for context in contexts if context.type == "node")
        spans[stage] = (execution.create_time_since_epoch / 1_000, execution.last_update_time_since_epoch / 1_000)
    return dict(sorted(spans.items(), key=lambda item: item[1]))


def attribute_to_stages(measured: Measurement, spans: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Return seconds and peak RSS of the start-up, which is all before the first stage, of each stage, and of all."""
    first = min(start for start, _ in spans.values())
    everything = {START_UP: (measured.started_at, first), **spans}
    stages = {}
    for name, (start, end) in everything.items():
        inside = [mib for second, mib in measured.timeline if start <= measured.started_at + second <= end]
        # A stage can be over between two samples: the memory is then the last that was seen.
        before = [mib for second, mib in measured.timeline if measured.started_at + second <= end]
        stages[name] = {"seconds": end - start, "peak_rss_mib": max(inside, default=before[-1] if before else 0.0)}
    stages[WHOLE] = {"seconds": measured.seconds, "peak_rss_mib": measured.peak_rss_mib}
    return stages


def summarize(runs: Mapping[int, Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
    """Return the runs and two measures of growth.

    Seconds by images (1 is in proportion to the smallest size) flatter whatever has fixed costs, such as the imports.
    What a further 100,000 images take, from each size to the next, has none in it: it must not rise.
    """
    sizes = sorted(runs)
    growth = {
        size: {
            name: stage["seconds"] / runs[sizes[0]][name]["seconds"] / (size / sizes[0])
            for name, stage in runs[size].items()
        }
        for size in sizes[1:]
    }
    further = {
        f"{less:,} to {more:,}": (runs[more][WHOLE]["seconds"] - runs[less][WHOLE]["seconds"]) / (more - less) * 100_000
        for less, more in pairwise(sizes)
    }
    return {"runs": runs, "seconds_growth_by_data_growth": growth, "seconds_for_further_100000_images": further}


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Print seconds, peak RSS and growth of each stage."""
    runs, growth = report["runs"], report["seconds_growth_by_data_growth"]
    sizes: Sequence[int] = list(runs)
    table = Table("stage", title="Seconds, peak RSS of the process tree in MiB, and growth of seconds / growth of data")
    for size in sizes:
        table.add_column(f"{size:,}: s", justify="right")
        table.add_column("MiB", justify="right")
        if size in growth:
            table.add_column("growth", justify="right")
    for name in runs[sizes[0]]:
        cells = []
        for size in sizes:
            stage = runs[size][name]
            cells += [f"{stage['seconds']:.1f}", f"{stage['peak_rss_mib']:,.0f}"]
            if size in growth:
                cells.append(f"{growth[size][name]:.2f}")
        table.add_row(name, *cells)
    console.print(table)
    print_targets(report, console)


def print_targets(report: Mapping[str, Any], console: Console) -> None:
    """Print growth and peak beside their targets."""
    runs, growth = report["runs"], report["seconds_growth_by_data_growth"]
    largest = max(runs)
    for steps, seconds in report["seconds_for_further_100000_images"].items():
        console.print(f"From {steps} images: {seconds:.1f} s for a further 100,000.")
    worst = max((factors[WHOLE] for factors in growth.values()), default=0.0)
    console.print(f"Growth of the whole run at most {worst:.2f}; target <= 1: {'met' if worst <= 1 else 'MISSED'}.")
    for name, factor in growth.get(largest, {}).items():
        if factor > 1 and runs[largest][name]["seconds"] >= 1:
            console.print(f"  {name} alone grew faster than the data: {factor:.2f}.")
    peak = max(run[WHOLE]["peak_rss_mib"] for run in runs.values())
    met = "met" if peak <= MAX_PEAK_MIB else "MISSED"
    console.print(f"Peak {peak:,.0f} MiB; target <= {MAX_PEAK_MIB:,} up to {largest:,} images: {met}.")


if __name__ == "__main__":
    main()
