"""Test the current stack on a machine that has the old one: `python deploy/test_stack.py ROOT`.

ROOT becomes a Debian 13 with its own Python 3.13, make and git, and no compiler, unless it is one already; what is
installed in it stays for the next time. In it, what git tracks here is set up and tested: unit, integration and
end-to-end tests, the Kubeflow compile and, where `$FASHION_MNIST_DIR` is set, a run on the real data. Then each stack's
pushed model is the baseline of the other's next run, and with the same data and seed both reach the same verdict.
Takes root and mmdebstrap.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from debian_root import Root

SOURCES = Path(__file__).resolve().parents[1]
PROJECT, DATA, OUTPUT, CACHE = Path("/project"), Path("/data"), Path("/exchange"), Path("/root/.cache/uv")
INSTALLED = (".venv", ".uv")
PACKAGES = ("python3", "python3-pip", "make", "git")
# An epoch less or more makes another model of the same recipe, so that there is something to compare.
SAMPLES = (
    "--data sample --sample-size 3000 --batch-size 16 --min-class-accuracy 0.3 --max-class-loss 0.2 --max-loss 0.1"
)
EPOCHS = (4, 5)


def copy_project(root: Root) -> None:
    """Put into the root what git tracks, as it is in the working tree; what was installed there stays."""
    target = root.locate(PROJECT)
    for old in target.iterdir() if target.exists() else ():
        if old.name in INSTALLED:
            continue
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    names = subprocess.run(["git", "ls-files", "-z"], cwd=SOURCES, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (SOURCES / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCES / name, target / name)


def run_here(output: Path, epochs: int) -> None:
    """Run the pipeline on this machine's stack."""
    command = f".venv/bin/python run_pipeline.py run --quiet {SAMPLES} --epochs {epochs} --output {output}"
    subprocess.run(["sh", "-c", command], cwd=SOURCES, check=True)


def read_record(output: Path) -> dict[str, object]:
    """Return the record of the latest run."""
    record = max(output.glob("*/runs/*/run.json"), key=lambda path: path.parent.name)
    return dict(json.loads(record.read_text()))


def compare_stacks(root: Root, exchange: Path, mounts: dict[Path, Path]) -> None:
    """Push with one stack and then with the other, both ways, and hold the verdicts against each other."""

    def run_there(output: str, epochs: int) -> None:
        root.run(
            f".venv/bin/python run_pipeline.py run --quiet {SAMPLES} --epochs {epochs} --output {OUTPUT / output}",
            mounts,
        )

    runs = {"old": lambda name, epochs: run_here(exchange / name, epochs), "current": run_there}
    records = {}
    for first, second in (("old", "current"), ("current", "old")):
        folder = f"{first}-then-{second}"
        for stack, epochs in ((first, EPOCHS[0]), (second, EPOCHS[1])):
            runs[stack](folder, epochs)
            records[stack, epochs] = record = read_record(exchange / folder)
            print(
                f"--- {folder}: {stack}, {epochs} epochs: {record['verdict']}, accuracy {record['accuracy']}",
                flush=True,
            )
        if record["baseline_accuracy"] is None:
            sys.exit(f"{folder}: the second run was compared with no baseline")
    for epochs in EPOCHS:
        verdicts = {records[stack, epochs]["verdict"] for stack in runs}
        if verdicts != {"pushed"}:
            sys.exit(f"{epochs} epochs: the stacks reach other verdicts: {verdicts}")


def benchmark(root: Root, arguments: str, mounts: dict[Path, Path]) -> None:
    """Run the benchmark in the root, and bring its results here."""
    data = "--data /data" if DATA in mounts.values() else ""
    root.run("make setup", mounts)
    root.run(f".venv/bin/python -m benchmarks.compare {data} {arguments}", mounts)
    for results in root.locate(PROJECT / "benchmarks").glob("results-*.json"):
        shutil.copyfile(results, SOURCES / "benchmarks" / results.name)


def main() -> None:
    """Make the root if need be, test in it, and let the two stacks meet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--benchmark", metavar="ARGS", help="time it instead, and keep the results here")
    options = parser.parse_args()
    folder = options.root.resolve()
    root = Root(folder)
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        root.make(PACKAGES)
        (folder / "made").touch()
    copy_project(root)
    root.directory = PROJECT
    exchange = folder.with_name(f"{folder.name}-exchange")
    shutil.rmtree(exchange, ignore_errors=True)
    exchange.mkdir()
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")
    cache.mkdir(parents=True, exist_ok=True)
    mounts = {exchange: OUTPUT, cache: CACHE}
    data = os.environ.get("FASHION_MNIST_DIR")
    if data:
        mounts[Path(data)] = DATA
    root.run("if command -v c++ gcc; then echo 'There is a compiler, and there should be none.'; exit 1; fi")
    if options.benchmark is not None:
        benchmark(root, options.benchmark, mounts)
        return
    root.run("make test ARGS='tests/unit tests/integration tests/e2e -q'", mounts)
    if data:
        root.environment["FASHION_MNIST_DIR"] = str(DATA)
        root.run("make test ARGS=tests/e2e/test_real_data.py", mounts)
        del root.environment["FASHION_MNIST_DIR"]
    compare_stacks(root, exchange, mounts)
    shutil.rmtree(exchange)


if __name__ == "__main__":
    main()
