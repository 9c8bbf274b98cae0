"""Two runs at once: on one folder the second one says so, at once; on two folders both end well."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from tests.faults.processes import FAST, ROOT, Moment, call, complete_run, kill_run, make_command
from tests.faults.refusals import check_sentence
from tests.faults.whole import check_output

pytestmark = pytest.mark.timeout(1800)


def start(data, output, *more):
    return subprocess.Popen(
        make_command("run", "--json", "--data", data, "--output", output, *FAST, *more),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def finish(process) -> dict:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return json.loads(said)


def test_on_one_folder_the_second_is_told_and_the_first_ends_well(sample_dir, tmp_path, tally):
    first = start(sample_dir, tmp_path)
    while not list(tmp_path.glob("*/runs/*/run.json")):
        assert first.poll() is None
        time.sleep(0.05)
    second = call("run", "--data", sample_dir, "--output", tmp_path, *FAST)
    assert first.poll() is None, "the second waited for the first"
    assert second.returncode == 1
    check_sentence(second.stderr, str(first.pid))
    assert finish(first)["pushed_version"] == 1
    assert check_output(tmp_path) == [1]
    tally.faults += 1


def test_on_two_folders_both_end_well(sample_dir, tmp_path, tally):
    both = [start(sample_dir, tmp_path / name) for name in ("one", "two")]
    assert [finish(process)["pushed_version"] for process in both] == [1, 1]
    assert [check_output(tmp_path / name) for name in ("one", "two")] == [[1], [1]]
    tally.faults += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_says_so(sample_dir, tmp_path, tally, number):
    with pytest.raises(AssertionError, match="130"):  # it is not killed: it ends by itself
        kill_run(Moment("DataValidator"), ("--data", sample_dir, "--output", tmp_path), number)
    (record,) = json.loads(call("status", "--json", "--output", tmp_path).stdout)
    assert record["verdict"] == "interrupted"
    assert complete_run("--data", sample_dir, "--output", tmp_path)["pushed_version"] == 1
    assert check_output(tmp_path) == [1]
    tally.faults += 1
