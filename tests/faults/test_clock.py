"""A clock that is set back or forwards changes neither the order of runs nor the number of a version, nor the cache."""

from __future__ import annotations

import json

import pytest

from tests.faults.processes import call, complete_run
from tests.faults.whole import check_output

pytestmark = pytest.mark.timeout(1800)
# In days.
MOVES = (-400, 4_000, -7_300, 0)


def test_runs_under_a_clock_that_jumps(sample_dir, tmp_path, tally):
    runs = [complete_run("--data", sample_dir, "--output", tmp_path)]
    for seed, move in enumerate(MOVES):
        record = complete_run("--data", sample_dir, "--output", tmp_path, "--seed", seed, days_ahead=move)
        assert record["pushed_version"] == len(runs) + 1
        assert record["stages"]["ExampleGen"]["cached"]
        assert record["started_at"][:4] != runs[0]["started_at"][:4] or move == 0
        assert check_output(tmp_path) == [*range(1, len(runs) + 2)]
        runs.append(record)
        tally.faults += 1
    listed = json.loads(call("status", "--json", "--output", tmp_path).stdout)
    assert [each["run_id"] for each in listed] == [each["run_id"] for each in reversed(runs)]
    latest = json.loads(call("report", "--format", "json", "--output", tmp_path).stdout)
    assert latest["run_id"] == runs[-1]["run_id"]
