"""The records of removed runs are kept line by line; what is damaged hides nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.removed_runs import append_removed
from pipeline.runs import RunRecord, list_records, read_records
from tests.made_outputs import make_run


def make_line(run_id: str) -> str:
    return RunRecord(run_id=run_id, data="clothes", verdict="pushed", removed=True, removed_at="2025-01-01").to_json()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "clothes").mkdir()
    path = tmp_path / "clothes" / "removed_runs.jsonl"
    append_removed(path, [make_line("1"), make_line("2")])
    return path


def test_they_are_listed_with_those_that_are_there(path: Path, tmp_path: Path) -> None:
    make_run(tmp_path, "3", 1)
    assert {record.run_id: record.removed for record in list_records(tmp_path)} == {"1": True, "2": True, "3": False}


def test_of_a_run_that_is_still_there_its_own_record_counts(path: Path, tmp_path: Path) -> None:
    make_run(tmp_path, "2", 1, verdict="error")
    assert {record.run_id: record.verdict for record in list_records(tmp_path)} == {"1": "pushed", "2": "error"}


def test_half_a_line_is_no_damage_and_is_written_over(path: Path, tmp_path: Path) -> None:
    with path.open("a") as file:
        file.write(make_line("3")[:40])
    assert [record.run_id for record in read_records(tmp_path)] == ["2", "1"]
    append_removed(path, [make_line("3")])
    assert [record.run_id for record in read_records(tmp_path)] == ["3", "2", "1"]


def test_damaged_lines_are_one_damaged_record(path: Path, tmp_path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"{}\n\nnull\n\xff\n" + b"[" * 100_000 + b"\n")
    append_removed(path, [make_line("3")])
    records = read_records(tmp_path)
    assert [record.run_id for record in records if record.verdict != "damaged"] == ["3", "2", "1"]
    (damaged,) = (record for record in records if record.verdict == "damaged")
    assert damaged.reasons[0].startswith(f"{path}: records of removed runs that can't be read (line 3: ")
    assert damaged.reasons[0].endswith(", and 3 more); restore them.")


def test_a_file_that_is_a_pipe_is_not_waited_for(path: Path, tmp_path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    (record,) = read_records(tmp_path)
    assert "no regular file" in record.reasons[0]
    with pytest.raises(OSError, match="no regular file"):
        append_removed(path, [make_line("3")])
