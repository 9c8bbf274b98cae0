"""Whole runs of the pipeline in processes of their own, and what two of them have to agree on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OPTIONS = (
    "--epochs", "1", "--batch-size", "16", "--min-accuracy", "0.1", "--min-class-accuracy", "0",
    "--max-calibration-error", "1", "--no-cache", "--seed", "3",
)  # fmt: skip


def start(data: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "run_pipeline.py", "run", "--data", str(data), "--output", str(output), *OPTIONS]
    return subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def await_stage(process: subprocess.Popen[str], name: str) -> None:
    """Wait until a run has done a stage."""
    assert process.stdout
    assert any(f"✓ {name}" in line for line in process.stdout), f"It did not come to {name}."


def complete(data: Path, output: Path, *options: str) -> dict[str, Any]:
    """Run the pipeline to its end, which is a push, and return its report."""
    process = start(data, output, *options)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    return read_report(output)


def read_report(output: Path) -> dict[str, Any]:
    command = [sys.executable, "run_pipeline.py", "report", "--format", "json", "--output", str(output)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def compare(report: dict[str, Any], other: dict[str, Any]) -> None:
    """The same verdict, the same checks with the same values, the same counts of data and answers."""
    for key in ("verdict", "accuracy", "confusion", "classes"):
        assert report[key] == other[key], key
    assert flatten(report["checks"]) == pytest.approx(flatten(other["checks"]))
    assert flatten(report["data"]) == pytest.approx(flatten(other["data"]))


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Return the numbers and texts of a record, by the way to each."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for name, each in items for key, leaf in flatten(each, f"{path}/{name}").items()}
    return {path: value}
