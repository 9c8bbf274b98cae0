"""A rollback adds one whole version, the copy of an earlier one, or changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.serving.history import describe_served, describe_taken_back, find_taken_back, read_history
from components.serving.integrity import verify_model
from components.serving.manifest import MANIFEST, ServingError
from components.serving.rollback import DamagedVersionError, RollbackError, roll_back
from components.serving.versions import list_versions, read_manifest
from tests.kills import run_and_kill
from tests.made_outputs import make_version


@pytest.fixture
def serving_dir(tmp_path: Path) -> Path:
    for number in (1, 2, 3):
        make_version(tmp_path, number)
    return tmp_path


def read_graph(serving_dir: Path) -> str:
    return (serving_dir / str(max(list_versions(serving_dir))) / "saved_model.pb").read_text()


def list_taken_back(serving_dir: Path) -> list[int]:
    return [push.version for push in read_history(serving_dir) if push.taken_back]


def test_the_version_before_is_the_newest_again_and_whole(serving_dir: Path) -> None:
    push = roll_back(serving_dir, None, "bags are missing")
    assert (push.version, push.restores, push.reason) == (4, 2, "bags are missing")
    assert list_versions(serving_dir) == [1, 2, 3, 4]
    assert read_graph(serving_dir) == "graph 2"
    assert verify_model(serving_dir / "4").state == "verified"
    manifest, restored = read_manifest(serving_dir, 4), read_manifest(serving_dir, 2)
    assert manifest
    assert restored
    assert (manifest.digest, manifest.run_id, manifest.recipe) == (restored.digest, restored.run_id, restored.recipe)
    assert (manifest.restores, manifest.restored_because, manifest.reason) == (2, "bags are missing", "")
    assert manifest.pushed_at > restored.pushed_at


def test_what_was_above_is_taken_back_for_good(serving_dir: Path) -> None:
    roll_back(serving_dir, 1, "2 and 3 are no good")
    for _ in range(2):
        history = read_history(serving_dir)
        assert list_taken_back(serving_dir) == [2, 3]
        assert find_taken_back(history, "", "recipe 3") == 3
        assert find_taken_back(history, "", "recipe 1") is None
        assert describe_taken_back(history, 3) == "a person brought version 1 back as version 4 (“2 and 3 are no good”)"
        (serving_dir / ".pushed.json").unlink(missing_ok=True)  # their manifests tell as much


def test_what_is_served_tells_that_it_was_brought_back(serving_dir: Path) -> None:
    assert describe_served(read_history(serving_dir), 3) == ""
    push = roll_back(serving_dir, 1, "it is better")
    told = describe_served(read_history(serving_dir), 4)
    assert told == f"version 4, which brought back 1 on {push.at[:10]}, because: it is better"


def test_again_and_again_it_goes_to_the_model_before(serving_dir: Path) -> None:
    """And not to the copies that earlier rollbacks made."""
    assert roll_back(serving_dir, None, "no good").restores == 2
    assert roll_back(serving_dir, None, "no good either").restores == 1
    assert list_taken_back(serving_dir) == [2, 3, 4]
    with pytest.raises(RollbackError, match=r"version 5 has none before it .* \(there are 1, 2, 3, 4\); name one"):
        roll_back(serving_dir, None, "still")


def test_after_a_rollback_and_a_push_it_goes_to_what_was_brought_back(serving_dir: Path) -> None:
    roll_back(serving_dir, None, "no good")
    make_version(serving_dir, 5)
    assert roll_back(serving_dir, None, "no good either").restores == 4
    assert read_graph(serving_dir) == "graph 2"


def test_a_rollback_can_be_undone_by_name(serving_dir: Path) -> None:
    roll_back(serving_dir, None, "no good")
    assert roll_back(serving_dir, 3, "it was good").version == 5
    history = read_history(serving_dir)
    assert find_taken_back(history, "", "recipe 3") is None
    assert find_taken_back(history, "", "recipe 2") == 4


@pytest.mark.parametrize(
    ("to", "complaint"),
    [
        (7, "--to 7: there is no such version; expected one of 1, 2, 3, 4."),
        (-1, "--to -1: there is no such version"),
        (3, "--to 3: it is what is pushed now; there is nothing to do.|--to 3: there"),
        (4, "version 4 has no manifest, so that a copy can't be verified|--to 4: it is what is pushed now"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence_and_changes_nothing(
    serving_dir: Path, to: int, complaint: str
) -> None:
    (serving_dir / "4").mkdir()
    if to == 3:
        (serving_dir / "4").rmdir()
    before = sorted(serving_dir.rglob("*"))
    with pytest.raises(RollbackError, match=complaint):
        roll_back(serving_dir, to, "why not")
    assert [path for path in sorted(serving_dir.rglob("*")) if path.name != ".lock"] == before


def test_a_version_that_something_else_put_there_is_not_gone_back_to(serving_dir: Path) -> None:
    (serving_dir / "2" / MANIFEST).unlink()
    with pytest.raises(
        RollbackError, match="version 2 has no manifest, so that a copy can't be verified; name another"
    ):
        roll_back(serving_dir, None, "no good")
    assert list_versions(serving_dir) == [1, 2, 3]


def test_the_very_model_that_is_pushed_is_not_brought_back(serving_dir: Path) -> None:
    roll_back(serving_dir, 2, "no good")
    with pytest.raises(
        RollbackError, match="--to 2: version 4, which is pushed now, is that very model; there is nothing"
    ):
        roll_back(serving_dir, 2, "no good")


def test_from_a_damaged_version_the_same_model_may_be_brought_back(serving_dir: Path) -> None:
    roll_back(serving_dir, 2, "no good")
    (serving_dir / "4" / "saved_model.pb").write_text("damaged")
    assert roll_back(serving_dir, 2, "4 is damaged").version == 5
    assert verify_model(serving_dir / "5").state == "verified"


@pytest.mark.parametrize("damage", ["saved_model.pb", "more", "link"])
def test_a_damaged_version_is_not_brought_back(serving_dir: Path, damage: str) -> None:
    path = serving_dir / "2" / damage
    if damage == "link":
        path.symlink_to("/dev/zero")
    else:
        path.write_text("changed")
    with pytest.raises(DamagedVersionError, match=rf"version 2 is damaged \({damage}: .* was not brought back"):
        roll_back(serving_dir, None, "no good")
    assert list_versions(serving_dir) == [1, 2, 3]
    assert list_taken_back(serving_dir) == []


def test_the_only_version_has_none_before_it(tmp_path: Path) -> None:
    with pytest.raises(RollbackError, match="no model is pushed there"):
        roll_back(tmp_path / "serving", None, "no good")
    assert not (tmp_path / "serving").exists()
    make_version(tmp_path, 1)
    with pytest.raises(RollbackError, match="version 1 is the only one, so there is none to go back to"):
        roll_back(tmp_path, None, "no good")


def test_a_history_that_can_not_be_read_is_told(serving_dir: Path) -> None:
    (serving_dir / ".pushed.json").write_text("[")
    with pytest.raises(ServingError, match="not a list of what was pushed"):
        roll_back(serving_dir, None, "no good")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_kill_at_any_operation_leaves_whole_versions_and_a_rollback_can_be_made_again(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for number in (1, 2, 3):
        make_version(made, number)
    (made / ".staging").mkdir()
    operation, completed = 0, 0
    while True:
        operation += 1
        serving_dir = tmp_path / f"serving-{operation}"
        shutil.copytree(made, serving_dir)
        killed = run_and_kill(lambda: roll_back(serving_dir, 2, "no good"), operation)  # noqa: B023
        versions = list_versions(serving_dir)
        assert versions in ([1, 2, 3], [1, 2, 3, 4])
        assert all(verify_model(serving_dir / str(version)).state == "verified" for version in versions)
        assert list_taken_back(serving_dir) == ([3] if 4 in versions else [])
        completed += 4 in versions
        if not killed:
            break
        if 4 not in versions:
            roll_back(serving_dir, 2, "no good")
        assert read_graph(serving_dir) == "graph 2"
        assert list_taken_back(serving_dir) == [3]
        shutil.rmtree(serving_dir)
    assert operation > 20, "no kill hit the copy"
    assert completed >= 2, "no kill came between the rename and the end"
