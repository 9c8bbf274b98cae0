"""What is kept of runs, damaged: told in a sentence, and what is good can still be read and is never replaced."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from components.serving.manifest import MANIFEST
from pipeline.runs import read_records
from tests.faults.damage import NO_FILES, NOT_THIS_KIND, append, become, cut, flip, overwrite, repack
from tests.faults.refusals import ERROR, check_refusal, check_sentence, invoke
from tests.faults.whole import describe_tree

pytestmark = pytest.mark.timeout(120, func_only=True)
JSON = {
    **NOT_THIS_KIND,
    **NO_FILES,
    "cut in half": lambda path: cut(path.stat().st_size // 2)(path),
    "a byte less": repack(lambda content: content.rstrip()[:-1]),
    "more behind it": append(b"}"),
    "null": become(b"null"),
    "a number": become(b"1"),
    "a list": become(b"[]"),
    "a list of lists": become(b"[[]]"),
    "an object": become(b"{}"),
    "NaN": become(b"NaN"),
    "deep": become(b"[" * 100_000),
    "a surrogate": become(b'{"run_id": "\\ud800"}'),
}


def spoil(**values: object):
    """Give fields other values."""

    def damage(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return damage


RECORDS = {
    **JSON,
    "of another run": spoil(run_id="20250101-000000-0000"),
    "of other data": spoil(data="../../etc"),
    "an unknown verdict": spoil(verdict="splendid"),
    "a text for a number": spoil(accuracy="high"),
    "a list for a text": spoil(started_at=[]),
    "no time": spoil(started_at="yesterday"),
    "a time without an end": spoil(started_at="9" * 5000),
    "a time of the year 9999": spoil(started_at="9999-12-31T23:59:59+00:00"),
    "stages that are none": spoil(stages=[1]),
    "a process that is none": spoil(process=-1),
    "a number beyond all": spoil(sequence=10**40),
}


@pytest.mark.parametrize("damage", RECORDS)
def test_the_record_of_a_run(output, tally, damage):
    (record,) = read_records(output)
    path = output / record.data / "runs" / record.run_id / "run.json"
    kept = describe_tree(output / record.data / "serving")
    RECORDS[damage](path)
    for command in (("status",), ("status", "--json"), ("verify",)):
        result = invoke(*command, "--output", output)
        assert result.exit_code == 0, (command, result.stderr)
        assert "Traceback" not in result.stderr
    (read,) = read_records(output)
    if read.verdict == "damaged":
        assert str(path) in read.reasons[0]
        check_refusal("report", record.run_id, "--output", output, culprit="run.json", code=ERROR, untouched=output)
        check_refusal("compare", *[record.run_id] * 2, "--output", output, culprit=record.run_id, code=ERROR)
    else:
        assert invoke("report", record.run_id, "--output", output).exit_code in (0, 1, 2)
    assert describe_tree(output / record.data / "serving") == kept
    tally.inputs += 1


def drop_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE Execution")
        connection.commit()


def be_another_store(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Songs (title)")
        connection.commit()


STORES = {
    **{
        name: damage
        for name, damage in (NOT_THIS_KIND | NO_FILES).items()
        if name not in ("empty", "one byte", "a link to nothing", "a link to itself")  # sqlite: nothing in it yet
    },
    **{f"cut to {kept} bytes": cut(kept) for kept in (50, 100, 4096, 5000, 40_960)},
    "a page of noise": overwrite(8192, bytes(range(256)) * 16),
    "another magic": overwrite(0, b"SQLight"),
    "another page size": overwrite(16, b"\x02\x00"),
    "without a table": drop_table,
    "of something else": be_another_store,
}


@pytest.mark.parametrize("damage", STORES)
def test_the_store(output, sample_dir, damage):
    (record,) = read_records(output)
    path = output / record.data / "metadata.sqlite"
    STORES[damage](path)
    serving = output / record.data / "serving"
    arguments = ("--output", output)
    check_refusal("report", record.run_id, *arguments, culprit="metadata.sqlite", code=ERROR, untouched=output)
    check_refusal("run", "--data", sample_dir, *arguments, culprit="metadata.sqlite", code=ERROR, untouched=serving)
    assert len(read_records(output)) == 1, "a run that could not start leaves no record"
    assert invoke("status", *arguments).exit_code == 0


def test_a_store_that_another_process_holds(output, sample_dir):
    (record,) = read_records(output)
    path = output / record.data / "metadata.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        check_refusal("report", record.run_id, "--output", output, culprit="locked", code=ERROR, untouched=output)
        check_refusal("run", "--data", sample_dir, "--output", output, culprit="locked", code=ERROR)


# Enough pages that they do not wait in memory for the end of the transaction.
KILLED_WRITER = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 2")
connection.execute("BEGIN")
connection.execute("UPDATE Artifact SET uri = hex(randomblob(9000))")
connection.execute("DELETE FROM Execution")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_transaction_that_was_killed_is_undone(output, tally):
    (record,) = read_records(output)
    path = output / record.data / "metadata.sqlite"
    told = invoke("report", record.run_id, "--format", "json", "--output", output).stdout
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], check=False)
    assert path.with_name("metadata.sqlite-journal").stat().st_size
    again = invoke("report", record.run_id, "--format", "json", "--output", output)
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout) == json.loads(told)
    tally.faults += 1


ARTIFACT_FILES = ("gate.json", "answers.json", "training.json", "checks.json", "description.json")
ARTIFACT_DAMAGES = ("empty", "a folder", "a link to nothing", "cut in half", "a list", "text", "a named pipe")


@pytest.mark.parametrize("name", ARTIFACT_FILES)
@pytest.mark.parametrize("damage", ARTIFACT_DAMAGES)
def test_what_a_stage_left(output, name, damage):
    (record,) = read_records(output)
    found = [path for path in output.glob(f"{record.data}/artifacts/**/{name}") if path.is_file()]
    for path in found:
        JSON[damage](path)
    assert found
    check_refusal("report", record.run_id, "--output", output, culprit=name, code=ERROR, untouched=output)


@pytest.mark.parametrize("damage", JSON)
def test_the_manifest_of_what_is_served(output, damage):
    (path,) = output.glob(f"*/serving/1/{MANIFEST}")
    JSON[damage](path)
    refused = check_refusal("predict", "--eval", 0, "--output", output, culprit="manifest.json", code=ERROR)
    assert str(path.parents[1]) in refused
    result = invoke("verify", "--output", output)
    assert result.exit_code == ERROR
    assert "damaged" in result.stdout


MODELS = {"empty": become(b""), "a bit": flip(0.5), "a byte less": cut(-1), "a byte more": append(b"x"), **NO_FILES}


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
@pytest.mark.parametrize("damage", MODELS)
def test_a_file_of_what_is_served(output, damage, name):
    (path,) = output.glob(f"*/serving/1/{name}")
    MODELS[damage](path)
    check_refusal("predict", "--eval", 0, "--output", output, culprit=name, code=ERROR, untouched=output)
    assert name in invoke("verify", "--output", output).stdout


HIGHEST = {name: JSON[name] for name in ("empty", "text", "null", "a list", "noise", "a folder")}


@pytest.mark.parametrize("damage", HIGHEST)
def test_the_number_of_the_highest_version(output, damage):
    from components.serving.manifest import ServingError
    from components.serving.versions import get_next_version

    (path,) = output.glob("*/serving/.highest_version")
    HIGHEST[damage](path)
    with pytest.raises((ServingError, OSError)) as refusal:
        get_next_version(path.parent)
    from pipeline.commands.messages import explain

    check_sentence(f"Error: {explain(refusal.value).sentence}.", ".highest_version")
