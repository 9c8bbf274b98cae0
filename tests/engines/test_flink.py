"""The whole pipeline on a real Flink cluster of two TaskManagers: the same answers, and what happens when it breaks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import pytest

from benchmarks.engines import control, find_options, pair_options
from deploy.flink import cluster as flink
from tests.engines.runs import await_stage, compare, complete, read_report, start

IN_A_ROW = 10
pytestmark = [
    pytest.mark.engine,
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
    printed = control("deploy.flink.cluster", "up")
    page = re.search(r"http://\S+", printed)
    assert page, printed
    return Cluster(tuple(find_options(printed)), page[0])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    yield up()
    control("deploy.flink.cluster", "down")


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
    group = flink.CLUSTER.find(name)
    if for_good:
        os.killpg(group, signal.SIGKILL)
        return
    listed = subprocess.run(["pgrep", "--parent", str(group)], check=True, capture_output=True, text=True).stdout
    for pid in listed.split():
        os.kill(int(pid), signal.SIGKILL)


def test_run_after_run_says_what_one_without_an_engine_says(cluster, direct, sample_dir, tmp_path):
    for number in range(IN_A_ROW):
        compare(complete(sample_dir, tmp_path / str(number), *cluster.options), direct)


def test_a_run_brings_workers_where_it_is_told_of_none(cluster, direct, sample_dir, tmp_path):
    given = pair_options(cluster.options)
    del given["--worker-pool"]
    compare(complete(sample_dir, tmp_path, *chain.from_iterable(given.items())), direct)


# While StatisticsGen is at work, and while the Evaluator is.
@pytest.mark.parametrize(("before", "killed"), [("Schema", "taskmanager-1"), ("Baseline", "taskmanager-2")])
def test_a_task_manager_that_is_killed_costs_time_and_nothing_else(
    cluster, direct, sample_dir, tmp_path, before, killed
):
    process = start(sample_dir, tmp_path, *cluster.options)
    await_stage(process, before)
    await_job(cluster)
    kill(killed, for_good=False)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    compare(read_report(tmp_path), direct)


def test_a_job_server_that_is_killed_ends_the_run_in_a_sentence_and_the_next_one_goes_on(
    cluster, direct, sample_dir, tmp_path
):
    process = start(sample_dir, tmp_path, *cluster.options)
    await_stage(process, "ExampleGen")
    await_job(cluster)
    kill("job_server", for_good=True)
    said = process.communicate()[0]
    assert process.returncode == 1, said
    address = pair_options(cluster.options)["--engine-address"]
    sentence = f"StatisticsGen failed: the engine flink at {address} does not answer any more"
    assert sentence in said
    assert "Traceback" not in said
    refused = start(sample_dir, tmp_path, *cluster.options)
    assert f"--engine-address {address}: no job server of Beam answers there" in refused.communicate()[0]
    compare(complete(sample_dir, tmp_path, "--cache", *up().options), direct)
    record = max((tmp_path).glob("*/runs/*/run.json"))
    assert json.loads(record.read_text())["stages"]["ExampleGen"]["cached"]


def test_a_flink_that_is_gone_behind_its_job_server_ends_the_run_before_its_first_stage(sample_dir, tmp_path):
    options = up().options
    kill("jobmanager", for_good=True)
    process = start(sample_dir, tmp_path, *options)
    said = process.communicate()[0]
    assert process.returncode == 1, said
    assert "Connection refused; see whether flink runs there" in said
    assert "✓" not in said
