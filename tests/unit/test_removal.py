"""What is removed is gone from folder, cache and store, and its record stays; a kill leaves all of it whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from components.serving.history import read_history
from components.serving.integrity import verify_model
from components.serving.versions import find_versions, get_next_version, list_versions
from pipeline.cleaning import find_removable
from pipeline.config import Keep
from pipeline.removal import remove
from pipeline.runs import find_next_sequence, read_outputs, read_records
from tests.kills import run_and_kill
from tests.made_outputs import NOW, MadeStore, make_run, make_version

LIMITS = Keep(versions=1, days=20)


def make_output(output: Path) -> MadeStore:
    """Three versions; a run that is to go, with an artifact of its own and one that the last run shares; that one."""
    store = MadeStore(output / "clothes")
    made = store.add_run("old", made=2)
    store.add_run("new", made=1, shared=made[:1])
    for number in (1, 2, 3):
        make_version(output / "clothes" / "serving", number)
    make_run(output, "old", 50, verdict="not_blessed", accuracy=0.875, reasons=["Größe"])
    make_run(output, "new", 5)
    return store


def clean(output: Path) -> int:
    found = find_removable(output, ["clothes"], LIMITS, NOW)
    remove(output, found, NOW)
    return len(found)


def test_files_go_and_the_record_stays(tmp_path: Path) -> None:
    store = make_output(tmp_path)
    sequence = find_next_sequence(read_records(tmp_path))
    assert clean(tmp_path) == 3
    directory = tmp_path / "clothes"
    assert list_versions(directory / "serving") == [3]
    assert [path.name for path in (directory / "runs").iterdir()] == ["new"]
    assert len(list(directory.glob("artifacts/*/*/*"))) == 2
    assert store.list_live() == {1, 3}
    new, old = read_records(tmp_path)
    assert (new.run_id, new.removed) == ("new", False)
    assert (old.run_id, old.removed, old.removed_at) == ("old", True, NOW.isoformat())
    assert (old.verdict, old.accuracy, old.reasons, old.data) == ("not_blessed", 0.875, ["Größe"], "clothes")
    assert find_next_sequence(read_records(tmp_path)) == sequence
    assert all(each.uri.exists() for each in read_outputs(directory / "metadata.sqlite", "new").values())
    assert clean(tmp_path) == 0


def test_of_versions_that_go_it_is_still_known_what_they_were(tmp_path: Path) -> None:
    make_output(tmp_path)
    (tmp_path / "clothes" / "serving" / ".pushed.json").unlink()
    clean(tmp_path)
    history = read_history(tmp_path / "clothes" / "serving")
    assert [(push.version, push.recipe, push.taken_back) for push in history] == [
        (number, f"recipe {number}", False) for number in (1, 2, 3)
    ]
    assert get_next_version(tmp_path / "clothes" / "serving") == 4


def test_what_is_served_by_now_stays(tmp_path: Path) -> None:
    """A person deleted the versions above it while it was listed."""
    make_output(tmp_path)
    found = find_removable(tmp_path, ["clothes"], LIMITS, NOW)
    for number in (2, 3):
        shutil.rmtree(tmp_path / "clothes" / "serving" / str(number))
    remove(tmp_path, found, NOW)
    assert list_versions(tmp_path / "clothes" / "serving") == [1]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_kill_at_any_operation_leaves_all_whole_and_the_next_clean_ends_it(tmp_path: Path) -> None:
    made = tmp_path / "made"
    make_output(made)
    operation = 0
    while True:
        operation += 1
        output = tmp_path / f"output-{operation}"
        shutil.copytree(made, output)
        found = find_removable(output, ["clothes"], LIMITS, NOW)
        killed = run_and_kill(lambda: remove(output, found, NOW), operation)  # noqa: B023
        records = read_records(output)
        assert [record.run_id for record in records] == ["new", "old"]
        assert records[1].accuracy == 0.875
        versions = find_versions(output / "clothes" / "serving")
        assert 3 in versions
        assert all(verify_model(path).state == "verified" for path in versions.values())
        clean(output)
        assert clean(output) == 0
        assert [record.removed for record in read_records(output)] == [False, True]
        (line,) = (output / "clothes" / "removed_runs.jsonl").read_text().splitlines()
        assert json.loads(line)["run_id"] == "old"
        assert list_versions(output / "clothes" / "serving") == [3]
        assert len(list(output.glob("clothes/artifacts/*/*/*"))) == 2
        shutil.rmtree(output)
        if not killed:
            break
    assert operation > 20
