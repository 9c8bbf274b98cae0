"""A run that is killed leaves what is served whole, and the next one ends well."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from pipeline.runs import is_alive, read_records
from tests.faults.processes import STAGES, Moment, call, complete_run, kill_run
from tests.faults.tally import Tally
from tests.faults.whole import check_output

SEED = 13
# Where the time goes, and where most can be broken.
LONG = ("ExampleGen", "StatisticsGen", "DataValidator", "Transform", "Trainer", "Evaluator", "Pusher")
KILLS_BETWEEN_WHOLE_RUNS = 8


def list_moments(seconds: dict[str, float]) -> list[Moment]:
    """The end of every stage, one random moment in each, and three more in the long ones; seeded, and in any order."""
    rng = random.Random(SEED)
    moments = [Moment(stage) for stage in STAGES]
    # Not to its very end: the next time it may be quicker.
    moments += [Moment(stage, rng.uniform(0, 0.7) * seconds[stage]) for stage in (*STAGES, *LONG * 3)]
    rng.shuffle(moments)
    return moments


def cut_power(output: Path, since: float) -> int:
    """Empty every file that a run has written since then and nobody synced, the worst that a power cut leaves.

    ML Metadata's sqlite syncs what it commits, and what a push syncs is tried to the letter in test_power_cut.py.
    """
    lost = 0
    for name in ("artifacts", "runs"):
        for path in output.glob(f"*/{name}/**/*"):
            if path.is_file() and path.stat().st_mtime >= since:
                path.write_bytes(b"")
                lost += path.name == "run.json"
    return lost


def survive(moments: list[Moment], data: Path, output: Path, tally: Tally) -> None:
    """Kill a run at each moment, look at what is left, and let a whole one end after each eight."""
    versions, lost, killed = check_output(output), 0, set()
    for count, moment in enumerate(moments, start=1):
        started, before = time.time(), {record.run_id for record in read_records(output)}
        # Another seed, so that there is something to train; and every other time nothing from the cache either.
        options = ("--seed", count, *(("--no-cache",) if count % 2 else ()))
        running, said = kill_run(moment, ("--data", data, "--output", output, *options))
        print(f"{count}: killed in {running}, asked for {moment}")
        power_cut = count % 4 == 0
        if power_cut:
            lost += cut_power(output, started)
        found = check_output(output, lost_records=lost)
        assert set(versions) <= set(found), said
        assert len(found) - len(versions) <= 1, said
        versions = found
        new = [record for record in read_records(output) if record.run_id not in before]
        assert len(new) == 1 or (not new and running == "Start-up"), new
        for record in new:
            assert record.verdict == ("damaged" if power_cut else "running"), record
            assert not is_alive(record)
            killed.add(record.run_id)
        tally.kills_of_runs += 1
        tally.power_cuts += power_cut
        if count % KILLS_BETWEEN_WHOLE_RUNS == 0 or count == len(moments):
            end_well(data, output, 10_000 + count, versions)
            versions = check_output(output, lost_records=lost)
    listed = {each["run_id"] for each in json.loads(call("status", "--json", "--output", output).stdout)}
    assert listed >= killed


def end_well(data: Path, output: Path, seed: int, versions: list[int]) -> None:
    """The run after all those kills pushes the next version, and can be asked and reported."""
    record = complete_run("--data", data, "--output", output, "--seed", seed)
    assert record["newly_pushed"]
    assert record["pushed_version"] > max(versions)
    assert sum(stage["cached"] for stage in record["stages"].values()) < len(record["stages"])
    told = call("report", record["run_id"], "--format", "json", "--output", output)
    assert json.loads(told.stdout)["pushed_version"] == record["pushed_version"], told.stderr
    asked = call("predict", "--eval", 0, "--json", "--output", output)
    assert len(json.loads(asked.stdout)) == 1, asked.stderr


@pytest.mark.timeout(7200)
def test_a_run_killed_at_the_end_of_any_stage_and_inside_of_it_is_survived(sample_dir, tmp_path, tally):
    record = complete_run("--data", sample_dir, "--output", tmp_path)
    seconds = {name: stage["seconds"] for name, stage in record["stages"].items()}
    survive(list_moments({"Start-up": record["startup_seconds"], **seconds}), sample_dir, tmp_path, tally)


@pytest.mark.timeout(1800)
def test_a_run_killed_where_most_can_be_broken_is_survived(sample_dir, output, tally):
    moments = [
        Moment("ExampleGen", 0.3),
        Moment("Trainer"),
        Moment("Evaluator", 2),
        Moment("Pusher", 0.05),
        Moment("Pusher"),
    ]
    survive(moments, sample_dir, output, tally)
