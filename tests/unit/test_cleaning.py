"""What may go is what is beyond the limits, and nothing that anybody needs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import cleaning
from pipeline.cleaning import Removable, find_removable
from pipeline.config import Keep
from pipeline.processes import identify_process
from tests.made_outputs import NOW, MadeStore, make_run, make_version


def find(output: Path, **limits: object) -> list[Removable]:
    return find_removable(output, ["clothes"], Keep(**limits), NOW)


def name(found: list[Removable], kind: str) -> list[str]:
    return [each.name for each in found if each.kind == kind]


def test_the_newest_versions_stay_and_what_the_served_one_was_compared_with(tmp_path: Path) -> None:
    serving_dir = tmp_path / "clothes" / "serving"
    for number in (0, 1, 2, 3, 4):
        make_version(serving_dir, number)
    make_version(serving_dir, 5, baseline_version=2)
    (serving_dir / "7x").mkdir()
    assert name(find(tmp_path, versions=2), "version") == ["0", "1", "3"]
    assert name(find(tmp_path, versions=1), "version") == ["0", "1", "3", "4"]
    assert find(tmp_path, versions=6) == find(tmp_path, days=0) == find(tmp_path) == []
    assert all(each.bytes >= 5_000 for each in find(tmp_path, versions=1))


def test_runs_go_by_their_age_and_those_that_are_needed_stay(tmp_path: Path) -> None:
    make_version(tmp_path / "clothes" / "serving", 1, run_id="pushed it")
    make_run(tmp_path, "pushed it", 90)
    make_run(tmp_path, "of no interest", 80)
    make_run(tmp_path, "last pushed", 70)
    make_run(tmp_path, "refused", 60, verdict="not_blessed")
    make_run(tmp_path, "last good", 50, verdict="data_rejected")
    make_run(tmp_path, "killed", 40, verdict="running", process=2**22 + 1)
    identity = identify_process(os.getpid())
    make_run(tmp_path, "at work", 35, verdict="running", process=os.getpid(), process_identity=identity)
    make_run(tmp_path, "young", 29, verdict="error")
    make_run(tmp_path, "last", 20, verdict="error")
    (tmp_path / "clothes" / "runs" / "refused" / "run.json").chmod(0o444)
    damaged = tmp_path / "clothes" / "runs" / "damaged"
    damaged.mkdir()
    (damaged / "run.json").write_text("{")
    assert name(find(tmp_path, days=30), "run") == ["of no interest", "refused", "killed"]
    assert name(find(tmp_path, days=0), "run") == ["of no interest", "refused", "killed", "young"]
    assert find(tmp_path, versions=1) == []


@pytest.fixture
def shared(tmp_path: Path) -> SimpleNamespace:
    """Runs that share artifacts: `b` those of `a`, `c` some of `b`; `last` refers to `b`; `other` has no record."""
    store = MadeStore(tmp_path / "clothes")
    a = store.add_run("a", made=2)
    b = store.add_run("b", made=2, shared=a[:1])
    c = store.add_run("c", made=1, shared=b[:1])
    other = store.add_run("other", made=1)
    for run_id, days in (("a", 50), ("b", 40), ("c", 30)):
        make_run(tmp_path, run_id, days, verdict="not_blessed")
    make_run(tmp_path, "last", 10, same_as="b")
    return SimpleNamespace(output=tmp_path, store=store, a=a, b=b, c=c, other=other)


def test_artifacts_go_with_the_last_run_that_has_them(shared: SimpleNamespace) -> None:
    found = {each.name: each for each in find(shared.output, days=20) if each.kind == "run"}
    assert {run_id: set(each.artifacts) for run_id, each in found.items()} == {
        "a": {shared.a[1]},
        "b": set(),
        "c": set(shared.c),
    }
    assert found["a"].bytes > 20_000
    shutil.rmtree(shared.output / "clothes" / "runs" / "last")
    make_run(shared.output, "last", 5)
    found = {each.name: each for each in find(shared.output, days=20) if each.kind == "run"}
    assert [set(found[run_id].artifacts) for run_id in "abc"] == [{shared.a[1]}, {shared.a[0], shared.b[1]}, {
        shared.b[0], shared.c[0]}]  # fmt: skip


def test_a_moved_output_folder_loses_nothing_of_the_old_one(shared: SimpleNamespace, tmp_path: Path) -> None:
    """Its store names paths in the folder that it was in."""
    shutil.copytree(shared.output, tmp_path / "moved")
    moved = find(tmp_path / "moved", days=20)
    assert [each.name for each in moved] == [each.name for each in find(shared.output, days=20)]
    assert all(path.is_relative_to(tmp_path / "moved") for each in moved for path in each.paths)


def test_what_killed_processes_left_goes_whatever_its_age(shared: SimpleNamespace) -> None:
    directory = shared.output / "clothes"
    make_version(directory / "serving", 1)
    left = [
        "serving/.staging", "serving/.removed-3", "runs/half", "artifacts/Trainer/model/99", "artifacts/Pusher/x/1",
        "artifacts/Trainer/.system/executor_execution/99",
    ]  # fmt: skip
    for path in left:
        (directory / path).mkdir(parents=True)
    for path in ("serving/.pushed.json.new", "runs/last/run.json.new"):
        (directory / path).touch()
        left.append(path)
    assert sorted(name(find(shared.output), "leftover")) == sorted(left)
    (directory / "metadata.sqlite").unlink()
    assert not any("Trainer/model" in each for each in name(find(shared.output), "leftover")), "it may be restored"


def set_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(cleaning.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_to_free_the_disk_the_oldest_goes_first_as_far_as_needed(tmp_path: Path, monkeypatch) -> None:
    for number in (97, 98, 99):  # pushed 3, 2 and 1 days ago
        make_version(tmp_path / "clothes" / "serving", number)
    for days in (9, 8, 2.5, 0.5):
        make_run(tmp_path, f"{days}", days, verdict="error")
    everything = ["9", "8", "97", "2.5", "98"]
    set_free(monkeypatch, 999_999)
    assert [each.name for each in find(tmp_path, free="1MB")] == ["9"]
    set_free(monkeypatch, 1_000_000)
    assert find(tmp_path, free="1MB") == []
    assert [each.name for each in find(tmp_path, free="1MB", days=5)] == ["9", "8"]
    set_free(monkeypatch, 0)
    assert [each.name for each in find(tmp_path, free="1MB")] == everything
    assert [each.name for each in find(tmp_path, free="1MB", versions=1)] == ["97", "98", "9", "8", "2.5"]
    first, second, *_ = find(tmp_path, free="1MB")
    set_free(monkeypatch, 1_000_000 - first.bytes - 1)
    assert [each.name for each in find(tmp_path, free="1MB")] == everything[:2]
    assert second.due is False
