"""A disk that is full, read-only or another one: a sentence, nothing half-written, and the next run ends well."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from pipeline.commands.messages import explain, name_place
from pipeline.runs import read_records
from tests.faults.disks import fill, needs_root, on_a_disk, remount
from tests.faults.processes import FAST, call, complete_run
from tests.faults.pushes import Push, make_push
from tests.faults.refusals import check_sentence
from tests.faults.whole import check_output, check_serving

pytestmark = [needs_root, pytest.mark.timeout(3600)]
PAGE = 4096
SEED = 13
# What a run writes in all, on 600 images, and some more.
MOST_BYTES = 4 << 20
Process = CompletedProcess[str]


def push_on_full_disks(pushes: list[Push]) -> tuple[int, list[int]]:
    """Push, with a page more room from try to try; return how many failed, and the versions in the end."""
    serving = pushes[0].serving_dir
    assert pushes[0]() == 1
    for failures in range(1000):
        shutil.rmtree(serving / ".staging", ignore_errors=True)  # what the last one left is room for the next
        filler = fill(serving, failures * PAGE)
        try:
            with name_place(serving):  # as a run does
                pushes[1]()
        except OSError as error:
            told = explain(error).sentence
            assert "no space left" in told.lower(), told
            assert str(serving) in told, told
            assert check_serving(serving) == [1]
            filler.unlink()
        else:
            filler.unlink(missing_ok=True)
            return failures, check_serving(serving)
    raise AssertionError("It never fits.")


def test_a_disk_that_is_full_at_each_write_of_a_push(constant_models, tmp_path, tally):
    pushes = [make_push(constant_models, name, tmp_path) for name in "ab"]
    pushes[0].serving_dir.mkdir()
    failures, versions = on_a_disk(pushes[0].serving_dir, "4m", push_on_full_disks, pushes)
    assert failures >= 5
    assert len(versions) == 2
    tally.faults += failures


def run_on_full_disks(data: Path, place: Path, tries: int) -> int:
    """Fill the disk up to a random rest, run, look, and make room; return how many of the tries failed."""
    output = place / "output"
    complete_run("--data", data, "--output", output)
    rng = random.Random(SEED)
    versions, full = check_output(output), 0
    for seed in range(tries):
        filler = fill(place, rng.randrange(MOST_BYTES) if seed else 0)
        arguments = ("run", "--json", "--data", data, "--output", output, *FAST, "--no-cache", "--seed", seed)
        process = call(*arguments)
        filler.unlink()
        if process.returncode:
            record = json.loads(process.stdout or process.stderr.splitlines()[-1])
            # A model that is pushed is, though its record can't be kept: that is told beside the record.
            said = [f"Error: {reason}." for reason in record["reasons"]] or process.stderr.splitlines()[-1:]
            assert len(said) == 1
            check_sentence(said[0], "")
            assert "Traceback" not in process.stderr
            full += 1
        found = check_output(output)
        assert set(found) >= set(versions)
        versions = found
    record = complete_run("--data", data, "--output", output, "--seed", 1000)
    assert record["newly_pushed"]
    assert len(read_records(output)) >= 2
    return full


@pytest.mark.parametrize(("tries", "failures"), [(2, 1), (12, 6)])
def test_a_disk_that_is_full_anywhere_in_a_run(sample_dir, tmp_path, tally, tries, failures):
    full = on_a_disk(tmp_path, "64m", run_on_full_disks, sample_dir, tmp_path, tries)
    assert full >= failures
    tally.faults += full


def use_a_read_only_disk(data: Path, place: Path) -> tuple[list[Process], list[Process], list[int]]:
    """Run, call what reads and what writes where nothing can be written; return how they ended, and the versions."""
    output = place / "output"
    complete_run("--data", data, "--output", output)
    remount(place, "ro")
    readers = [
        call(*command, "--output", output)
        for command in (
            ("status",),
            ("report", "--format", "text"),
            ("report", "--format", "json"),
            ("verify",),
            ("predict", "--eval", 0),
        )
    ]
    writers = [
        call("run", "--data", data, "--output", output),
        call("run", "--data", data, "--output", place / "new"),
        call("report", "--output", output),
    ]
    remount(place, "rw")
    return readers, writers, check_output(output)


def test_what_was_made_can_be_read_where_nothing_can_be_written(sample_dir, tmp_path, tally):
    readers, writers, versions = on_a_disk(tmp_path, "64m", use_a_read_only_disk, sample_dir, tmp_path)
    for process in readers:
        assert process.returncode == 0, process.stderr
        assert process.stdout
    for process in writers:
        assert process.returncode in (1, 2), process.stdout
        check_sentence(process.stderr, str(tmp_path))
    assert versions == [1]
    tally.faults += len(readers) + len(writers)


def push_elsewhere(data: Path, output: Path, serving: Path, other: Path) -> tuple[dict[str, Any], list[int]]:
    """Have the serving directory lead to another disk, and run; return the record, and the versions."""
    serving.rename(serving.with_name("serving-then"))
    serving.symlink_to(other)
    return complete_run("--data", data, "--output", output, "--seed", 2), check_output(output)


def test_a_serving_directory_on_another_disk_than_the_rest(sample_dir, tmp_path, tally):
    output, other = tmp_path / "output", tmp_path / "other"
    name = complete_run("--data", sample_dir, "--output", output)["data"]
    other.mkdir()
    serving = output / name / "serving"
    record, versions = on_a_disk(other, "64m", push_elsewhere, sample_dir, output, serving, other)
    assert record["newly_pushed"]
    assert versions == [record["pushed_version"]]
    tally.faults += 1
