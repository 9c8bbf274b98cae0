"""What is kept of a run can be read back at any time, whole, newest first."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from components.report.lineage import Origin, Promotion
from pipeline.runs import (
    RunRecord,
    find_next_sequence,
    find_previous,
    is_alive,
    list_records,
    read_outputs,
    read_records,
    save_record,
    start_record,
)
from tests.made_outputs import MadeStore


def test_a_record_survives_a_round_trip(tmp_path: Path) -> None:
    record = start_record("sample")
    record.verdict, record.accuracy, record.pushed_version = "pushed", 0.875, 3
    record.stages = {"Trainer": {"seconds": 1.5, "cached": False}}
    record.reasons = ["Größe: “28”\nexpected 29"]
    directory = save_record(tmp_path / "sample", record)
    assert directory == tmp_path / "sample" / "runs" / record.run_id
    assert list_records(tmp_path) == [record]


def test_records_of_all_pipelines_are_listed_newest_first(tmp_path: Path) -> None:
    for name, run_id in (("a", "20250102-000000-0000"), ("b", "20250103-000000-0000"), ("a", "20241231-235959-ffff")):
        save_record(tmp_path / name, RunRecord(run_id=run_id, data=name))
    assert [record.run_id[:8] for record in list_records(tmp_path)] == ["20250103", "20250102", "20241231"]


def test_the_record_of_an_older_version_which_knew_no_churn_is_listed(tmp_path: Path) -> None:
    record = start_record("sample")
    path = save_record(tmp_path / "sample", record) / "run.json"
    values = json.loads(path.read_text())
    del values["churn"]
    path.write_text(json.dumps(values))
    assert [found.churn for found in list_records(tmp_path)] == [None]


def test_no_output_has_no_records(tmp_path: Path) -> None:
    assert list_records(tmp_path / "nowhere") == []


def test_a_record_that_is_saved_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    record = start_record("sample")
    for record.verdict in ("running", "not_blessed"):  # type: ignore[assignment]
        save_record(tmp_path / "sample", record)
    assert [saved.verdict for saved in list_records(tmp_path)] == ["not_blessed"]


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    """A record large enough that writing it takes a while, written over and over beside a reader."""
    record = RunRecord(run_id="1", data="sample", reasons=["x" * 100] * 20_000)
    save_record(tmp_path / "sample", record)
    done = threading.Event()

    def write() -> None:
        for number in range(10):
            record.seconds = float(number)
            save_record(tmp_path / "sample", record)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set() or not reads:
        (found,) = list_records(tmp_path)
        assert len(found.reasons) == 20_000
        reads += 1
    writer.join()


def test_a_failed_write_leaves_the_record_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = RunRecord(run_id="1", data="sample", verdict="pushed")
    save_record(tmp_path / "sample", record)

    def fill_disk(path: Path, text: str) -> int:
        with path.open("w") as file:
            file.write(text[:10])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        save_record(tmp_path / "sample", RunRecord(run_id="1", data="sample", verdict="error"))
    assert [saved.verdict for saved in list_records(tmp_path)] == ["pushed"]


def test_a_record_of_another_version_is_read(tmp_path: Path) -> None:
    """What it does not know yet has its default; what we do not know is left alone; NaN is what training can end in."""
    path = tmp_path / "sample" / "runs" / "1" / "run.json"
    path.parent.mkdir(parents=True)
    promotion = {"version": 3, "reason": "bags sell", "pushed_at": "2025-01-02"}
    values = {"run_id": "1", "data": "sample", "origin": {}, "accuracy": math.nan, "promotion": promotion}
    path.write_text(json.dumps({**values, "temperature": 20, "origin": {"recipe": "flour", "weather": "fair"}}))
    (record,) = list_records(tmp_path)
    assert (record.origin, record.same_as) == (Origin(recipe="flour"), "")
    assert record.promotion == Promotion(**promotion)
    assert math.isnan(record.accuracy or 0)


def test_json_is_on_one_line_and_has_every_field() -> None:
    record = start_record("sample")
    record.accuracy, record.accuracy_interval = math.nan, (0.5, math.inf)
    line = record.to_json()
    assert "\n" not in line
    values = json.loads(line)
    assert (values["run_id"], values["accuracy"], values["accuracy_interval"]) == (record.run_id, None, [0.5, None])


def test_run_ids_do_not_collide_within_a_second() -> None:
    assert len({start_record("sample").run_id for _ in range(5)}) == 5


def test_a_run_is_alive_while_its_process_is_and_its_verdict_is_open() -> None:
    assert is_alive(RunRecord(run_id="1", data="sample", process=os.getpid()))
    assert not is_alive(RunRecord(run_id="1", data="sample", process=os.getpid(), verdict="pushed"))
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not is_alive(RunRecord(run_id="1", data="sample", process=child.pid))


def test_an_output_that_a_full_disk_kept_out_of_the_store_is_none(tmp_path: Path) -> None:
    store = MadeStore(tmp_path)
    _, lost = [*store.add_run("1", made=1), *store.add_run("2", made=1)]
    with sqlite3.connect(tmp_path / "metadata.sqlite") as connection:
        connection.execute("DELETE FROM Artifact WHERE id = ?", (lost,))
    assert read_outputs(tmp_path / "metadata.sqlite", "1").keys() == {"Trainer.model"}
    assert read_outputs(tmp_path / "metadata.sqlite", "2") == {}


def test_where_there_is_no_store_there_are_no_outputs_and_none_is_made(tmp_path: Path) -> None:
    assert read_outputs(tmp_path / "metadata.sqlite", "1") == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b'{"run_id": "1", "da', "Unterminated string"),
        (b"[]", "Expected `object`"),
        (b"\x80abc", "can't decode"),
        (b'{"run_id": 1, "data": "sample"}', "Expected `str`, got `int`"),
        (b'{"run_id": "1", "data": "sample", "verdict": "postponed"}', "Invalid enum value 'postponed'"),
        (b'{"run_id": "1", "data": "../other"}', "it is of ../other, 1"),
        (b"[" * 100_000, "recursion"),
    ],
    ids=["empty", "cut", "list", "binary", "type", "verdict", "elsewhere", "deep"],
)
def test_a_damaged_record_is_told_and_the_others_are_read(content: bytes, reason: str, tmp_path: Path) -> None:
    save_record(tmp_path / "sample", RunRecord(run_id="2", data="sample"))
    path = tmp_path / "sample" / "runs" / "1" / "run.json"
    path.parent.mkdir()
    path.write_bytes(content)
    assert [record.run_id for record in list_records(tmp_path)] == ["2"]
    damaged = read_records(tmp_path)[-1]
    assert (damaged.run_id, damaged.data, damaged.verdict) == ("1", "sample", "damaged")
    assert damaged.reasons[0].startswith(f"{path}: no record of a run that can be read (")
    assert reason in damaged.reasons[0]


def test_a_folder_in_the_place_of_a_record_is_damage(tmp_path: Path) -> None:
    (tmp_path / "sample" / "runs" / "1" / "run.json").mkdir(parents=True)
    assert "no regular file" in read_records(tmp_path)[0].reasons[0]


def test_the_order_is_that_of_the_starts_whatever_the_clock_says(tmp_path: Path) -> None:
    names = ("20250103-000000-aaaa", "20250101-000000-bbbb", "20250102-000000-cccc")
    for run_id in names:
        record = RunRecord(run_id=run_id, data="sample", sequence=find_next_sequence(list_records(tmp_path)))
        save_record(tmp_path / "sample", record)
    assert [record.run_id for record in list_records(tmp_path)] == list(reversed(names))


def test_the_run_before_is_the_last_on_the_same_data_that_came_to_an_end(tmp_path: Path) -> None:
    verdicts = ["pushed", "error", "interrupted", "running", "pushed", "pushed"]
    records = [
        RunRecord(run_id=str(number), data="digits", verdict=verdict, sequence=number)
        for number, verdict in enumerate(verdicts)
    ]
    for record in records:
        save_record(tmp_path / "digits", record)
    save_record(tmp_path / "other", RunRecord(run_id="9", data="other", verdict="not_blessed", sequence=3))
    (tmp_path / "digits" / "runs" / "3" / "run.json").write_text("{")
    previous = [find_previous(tmp_path, record) for record in records]
    assert [each and each.run_id for each in previous] == [None, "0", "1", "1", "1", "4"]


def test_a_number_of_a_process_that_another_one_has_now_is_not_alive() -> None:
    record = start_record("sample")
    assert is_alive(record)
    record.process_identity += "0"
    assert not is_alive(record)
    assert not is_alive(RunRecord(run_id="1", data="sample", process=-1))


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_disk(path: Path, text: str) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        save_record(tmp_path / "sample", RunRecord(run_id="1", data="sample"))
    assert list((tmp_path / "sample" / "runs").iterdir()) == []


@pytest.mark.timeout(10)
@pytest.mark.parametrize("target", ["/dev/zero", "folder", "pipe", "gone"])
def test_a_record_that_is_no_regular_file_is_damaged(tmp_path: Path, target: str) -> None:
    path = save_record(tmp_path / "sample", start_record("sample")) / "run.json"
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    path.unlink()
    path.symlink_to(tmp_path / target)
    (record,) = read_records(tmp_path)
    assert record.verdict == "damaged"
    assert record.reasons[0].startswith(f"{path}: no record of a run that can be read (")
