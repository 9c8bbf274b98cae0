"""`status` shows the runs that are asked for, and how their accuracy went."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.commands.status import MOST_ROWS
from pipeline.runs import RunRecord, save_record
from tests.made_histories import make_nights, write_nights


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """130 nights of one data set, and a run of another that has no number anywhere, and no process any more."""
    output = tmp_path_factory.mktemp("output")
    write_nights(output, make_nights(130))
    odd = RunRecord(run_id="odd", data="sample", accuracy=math.nan, churn=math.inf, seconds=-math.inf, sequence=131)
    path = save_record(output / "sample", odd) / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "accuracy": math.nan, "churn": math.inf}))
    return output


def status(output: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["status", "--output", str(output), *(str(argument) for argument in arguments)])


def read(output: Path, *arguments: object) -> list[dict]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(status(output, "--json", *arguments).stdout, parse_constant=refuse)


def test_json_is_json_whatever_the_records_hold(output: Path) -> None:
    records = read(output)
    assert len(records) == 131
    assert (records[0]["accuracy"], records[0]["churn"], records[0]["seconds"]) == (None, None, None)
    assert records[0]["verdict"] == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--last", 7), 7),
        (("--last", 1_000), 131),
        (("--data", "sample"), 1),
        (("--verdict", "error"), 1),
        (("--verdict", "Not blessed"), 3),
        (("--verdict", "not-blessed", "--last", 2), 2),
        (("--verdict", "interrupted"), 2),
        (("--verdict", "interrupted", "--data", "fashion-mnist"), 1),
        (("--verdict", "data_rejected"), 0),
    ],
)
def test_runs_are_chosen(output: Path, arguments, count: int) -> None:
    assert len(read(output, *arguments)) == count
    lines = status(output, *arguments).stdout.splitlines()
    if count:
        assert sum("fashion-mnist  " in line or "sample  " in line for line in lines) == min(count, 131)
    else:
        assert lines == [f"No such runs among the 131 in {output}."]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--data", "samples"), "--data samples: no run of it in {}; expected one of: fashion-mnist, sample."),
        (
            ("--verdict", "rejected"),
            "--verdict rejected: no such verdict; expected one of: running, pushed, not_blessed, data_rejected, "
            "error, interrupted, damaged.",
        ),
        (("--last", 0), "--last 0: expected a number of runs from 1 on."),
        (("--last", -3, "--json"), "--last -3: expected a number of runs from 1 on."),
    ],
)
def test_what_there_is_none_of_is_told_with_what_there_is(output: Path, arguments, complaint: str) -> None:
    result = status(output, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {complaint.format(output)}\n"


def test_without_any_run_a_data_set_is_none(tmp_path: Path) -> None:
    result = status(tmp_path, "--data", "sample")
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: --data sample: no run of it in {tmp_path}; expected one of: none yet.\n",
    )
    assert status(tmp_path).stdout.startswith("No runs in ")


def test_a_long_list_is_cut_and_says_so(output: Path) -> None:
    lines = status(output).stdout.splitlines()
    assert sum(line.count("  fashion-mnist  ") for line in lines) == MOST_ROWS - 1
    assert lines[-1] == "31 older runs are not shown; --last 131 shows them all, and history on a page."


def test_sparks_go_from_the_oldest_to_the_newest(output: Path) -> None:
    (line,) = (line for line in status(output, "--last", 101).stdout.splitlines() if line.startswith("accuracy"))
    _, sparks, told = line.split("  ", 2)
    records = [record for record in read(output, "--last", 101) if record["data"] == "fashion-mnist"][:60][::-1]
    assert [spark == "·" for spark in sparks] == [record["accuracy"] is None for record in records]
    known = [record["accuracy"] for record in records if record["accuracy"] is not None]
    assert told == f"{min(known):.4f} to {max(known):.4f} in 60 runs  fashion-mnist"
    highest = [record["accuracy"] for record in records].index(max(known))
    assert sparks[highest] == "█"
