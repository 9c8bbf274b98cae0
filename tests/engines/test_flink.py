"""The whole pipeline on a real Flink cluster of two TaskManagers: the same answers, and what happens when it breaks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "deploy/flink/cluster.py"
STATE = ROOT / ".flink/cluster.json"
IN_A_ROW = 10
OPTIONS = (
    "--epochs", "1", "--batch-size", "16", "--min-accuracy", "0.1", "--min-class-accuracy", "0",
    "--max-calibration-error", "1", "--no-cache", "--seed", "3",
)  # fmt: skip
pytestmark = [
    pytest.mark.flink,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not (shutil.which("java") and shutil.which("mvn")), reason="a Flink cluster needs Java and Maven"
    ),
]


class Cluster(NamedTuple):
    """A cluster: the options of a run on it, and the address of Flink's web page."""

    options: tuple[str, ...]
    page: str


def up() -> Cluster:
    printed = subprocess.run([sys.executable, CLUSTER, "up"], check=True, capture_output=True, text=True).stdout
    options = re.search(r"--engine flink.*--workers 2", printed)
    page = re.search(r"http://\S+", printed)
    assert options, printed
    assert page, printed
    return Cluster(tuple(options[0].split()), page[0])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    yield up()
    subprocess.run([sys.executable, CLUSTER, "down"], check=True)


def start(data: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "run_pipeline.py", "run", "--data", str(data), "--output", str(output), *OPTIONS]
    return subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


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


def await_job(cluster: Cluster) -> None:
    """Wait until Flink is at work on a job."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{cluster.page}/jobs/overview", timeout=10) as answer:
            jobs = json.load(answer)["jobs"]
        if any(job["state"] == "RUNNING" and job["tasks"]["running"] for job in jobs):
            return
        time.sleep(0.2)
    raise AssertionError("No job came.")


def kill(name: str, *, for_good: bool) -> None:
    """Kill a process of the cluster; it is started anew unless that is for good."""
    group, _ = json.loads(STATE.read_text())[name]
    if for_good:
        os.killpg(group, signal.SIGKILL)
        return
    listed = subprocess.run(["pgrep", "--parent", str(group)], check=True, capture_output=True, text=True).stdout
    for pid in listed.split():
        os.kill(int(pid), signal.SIGKILL)


@pytest.fixture(scope="module")
def direct(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run without an engine."""
    return complete(sample_dir, tmp_path_factory.mktemp("direct"))


def test_run_after_run_says_what_one_without_an_engine_says(cluster, direct, sample_dir, tmp_path):
    for number in range(IN_A_ROW):
        compare(complete(sample_dir, tmp_path / str(number), *cluster.options), direct)


def test_a_run_brings_workers_where_it_is_told_of_none(cluster, direct, sample_dir, tmp_path):
    without_pool = [option for option in cluster.options if "worker-pool" not in option]
    without_pool.remove(cluster.options[cluster.options.index("--worker-pool") + 1])
    compare(complete(sample_dir, tmp_path, *without_pool), direct)


def test_a_task_manager_that_is_killed_costs_time_and_nothing_else(cluster, direct, sample_dir, tmp_path):
    process = start(sample_dir, tmp_path, *cluster.options)
    await_job(cluster)
    kill("taskmanager-2", for_good=False)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    compare(read_report(tmp_path), direct)


def test_a_job_server_that_is_killed_ends_the_run_in_a_sentence_and_the_next_one_goes_on(
    cluster, direct, sample_dir, tmp_path
):
    process = start(sample_dir, tmp_path, *cluster.options)
    assert process.stdout
    for line in process.stdout:
        if "✓ ExampleGen" in line:
            break
    await_job(cluster)
    kill("job_server", for_good=True)
    said = process.communicate()[0]
    assert process.returncode == 1, said
    address = cluster.options[cluster.options.index("--engine-address") + 1]
    sentence = f"StatisticsGen failed: the engine flink at {address} does not answer any more"
    assert sentence in said
    assert "Traceback" not in said
    refused = start(sample_dir, tmp_path, *cluster.options)
    assert f"--engine-address {address}: no job server of Beam answers there" in refused.communicate()[0]
    compare(complete(sample_dir, tmp_path, "--cache", *up().options), direct)
    record = max((tmp_path).glob("*/runs/*/run.json"))
    assert json.loads(record.read_text())["stages"]["ExampleGen"]["cached"]
