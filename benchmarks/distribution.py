"""Seconds of the Trainer alone, on two devices, with two workers: `python -m benchmarks.distribution`.

On a machine without GPUs the two devices, and the two workers, share its processor: what is measured is what dividing
a batch and adding up the gradients costs, and not what more devices bring.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.measure import ROOT, describe_machine, make_console, measure_command, write_report
from deploy.background import find_free_port

DISTRIBUTIONS = ("none", "mirrored", "multi-worker")


def main() -> None:
    """Run the pipeline once with each, and print what its training took."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_option(parser)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "distribution.json", metavar="FILE")
    args = parser.parse_args()

    console, machine = make_console(), describe_machine()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        data_dir, source = provide_data(args.data, Path(workplace))
        console.print(f"{source}; {args.epochs} epochs; {machine}", markup=False, soft_wrap=True)
        runs = {name: run_distribution(name, data_dir, Path(workplace), args.epochs) for name in DISTRIBUTIONS}

    table = Table("", "seconds of training", "loss", "evaluation accuracy", "times none")
    for name, run in runs.items():
        ratio = run["seconds"] / runs["none"]["seconds"]
        table.add_row(
            name, f"{run['seconds']:.1f}", f"{run['loss']:.4f}", f"{run['eval_accuracy']:.4f}", f"{ratio:.1f}"
        )
    console.print(table)
    write_report(args.out, {"data": source, "machine": machine, "epochs": args.epochs, "runs": runs})
    console.print(f"Written to {args.out}", markup=False, soft_wrap=True)


def run_distribution(name: str, data_dir: Path, workplace: Path, epochs: int) -> dict[str, float]:
    """Run the pipeline, with the other worker beside it, and return seconds and the last point of the curve."""
    output = workplace / name
    command = [sys.executable, "run_pipeline.py", "run", "--data", str(data_dir), "--output", str(output), "--json"]
    chief, other = write_cluster()
    joined = None
    if name == "multi-worker":
        join = [sys.executable, "run_pipeline.py", "join"]
        joined = subprocess.Popen(join, cwd=ROOT, env={**os.environ, "TF_CONFIG": other}, stdout=subprocess.DEVNULL)
    try:
        options = ["--distribution", name, "--epochs", str(epochs)]
        measure_command([*command, *options], environment={**os.environ, "TF_CONFIG": chief})
    finally:
        if joined:
            joined.terminate()
            joined.wait()
    (path,) = output.glob("*/artifacts/Trainer/model_run/*/training.json")
    record: dict[str, Any] = json.loads(path.read_text())
    return {"seconds": record["seconds"], **record["history"][-1]}


def write_cluster() -> tuple[str, str]:
    """Return TF_CONFIG of two workers on free ports of this machine."""
    addresses = [f"127.0.0.1:{find_free_port()}" for _ in range(2)]
    first, second = (
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}) for index in range(2)
    )
    return first, second


if __name__ == "__main__":
    main()
