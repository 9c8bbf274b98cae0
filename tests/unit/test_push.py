"""A push adds one whole version or changes nothing, whatever goes wrong and whenever the process is killed."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components import pusher
from components.pusher import PushError, push_model
from components.serving import publishing
from components.serving.directory_lock import lock_serving_dir
from components.serving.integrity import verify_model
from components.serving.manifest import Manifest, digest_model
from components.serving.versions import list_versions, read_manifest
from tests.files import list_files
from tests.kills import run_and_kill


def make_manifest(model_dir: Path, **fields: Any) -> Manifest:
    known = {"recipe": "r", "run_id": "run", "baseline_version": None, "pushed_at": "2025-01-01T00:00:00"}
    return Manifest(digest=digest_model(model_dir), **(known | fields))


def push(model_dir: Path, serving_dir: Path, examples: Path, **fields: Any) -> int:
    serving_dir.mkdir(exist_ok=True)
    # Any folder does for the summary of the data: it is copied as it is.
    return push_model(model_dir, serving_dir, make_manifest(model_dir, **fields), examples, examples)


@pytest.mark.usefixtures("unverified")
def test_the_first_model_becomes_version_1_as_it_is_with_a_manifest(constant_models, tmp_path: Path) -> None:
    assert push(constant_models.a, tmp_path / "serving", constant_models.examples) == 1
    pushed = list_files(tmp_path / "serving" / "1")
    model = {name: content for name, content in pushed.items() if not name.startswith("assets.extra/")}
    assert model == list_files(constant_models.a)
    manifest = read_manifest(tmp_path / "serving", 1)
    assert manifest
    assert replace(manifest, files=None) == make_manifest(constant_models.a)
    assert verify_model(tmp_path / "serving" / "1").state == "verified"


def test_a_copy_that_answers_otherwise_is_refused_and_nothing_changes(
    constant_models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real check, in a process of its own; the copy is swapped for another model before it is checked."""
    serving_dir = tmp_path / "serving"
    with monkeypatch.context() as patch:
        patch.setattr(pusher, "verify_copy", lambda *_: None)
        push(constant_models.a, serving_dir, constant_models.examples)
    before = list_files(serving_dir)

    def swap_copy(staging: Path, _: Manifest) -> None:
        shutil.rmtree(staging)
        shutil.copytree(constant_models.b, staging)

    monkeypatch.setattr(pusher, "write_manifest", swap_copy)
    with pytest.raises(
        PushError, match=r"nothing was pushed: .*answers 3 of 3 evaluation images otherwise .* by up to 0\.25"
    ):
        push(constant_models.a, serving_dir, constant_models.examples)
    assert list_versions(serving_dir) == [1]
    assert {name: content for name, content in list_files(serving_dir).items() if ".staging" not in name} == before


@pytest.mark.usefixtures("unverified")
def test_versions_are_numbered_in_turn(constant_models, tmp_path: Path) -> None:
    for version, model in enumerate((constant_models.a, constant_models.b, constant_models.a), start=1):
        assert push(model, tmp_path / "serving", constant_models.examples) == version
    assert list_versions(tmp_path / "serving") == [1, 2, 3]


@pytest.mark.usefixtures("unverified")
def test_what_an_earlier_crash_left_behind_gets_into_no_version(constant_models, tmp_path: Path) -> None:
    staging = tmp_path / "serving" / ".staging"
    (staging / "variables").mkdir(parents=True)
    (staging / "variables" / "left_over").write_text("of another model")
    push(constant_models.a, tmp_path / "serving", constant_models.examples)
    assert not staging.exists()
    assert not (tmp_path / "serving" / "1" / "variables" / "left_over").exists()


@pytest.mark.usefixtures("unverified")
def test_the_number_of_a_deleted_version_is_not_used_again(constant_models, tmp_path: Path) -> None:
    serving_dir = tmp_path / "serving"
    for model in (constant_models.a, constant_models.b):
        push(model, serving_dir, constant_models.examples)
    shutil.rmtree(serving_dir / "2")
    assert push(constant_models.a, serving_dir, constant_models.examples) == 3


@pytest.mark.usefixtures("unverified")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_kill_at_any_operation_leaves_whole_versions_and_the_next_push_works(constant_models, tmp_path: Path) -> None:
    """A kill before each single open, rename, mkdir and unlink of a push of `b`, with `a` pushed as version 1."""
    pushed = tmp_path / "pushed"
    push(constant_models.a, pushed, constant_models.examples)
    (pushed / ".staging").mkdir()  # so that the kills hit its removal, too
    digests = {1: digest_model(constant_models.a), 2: digest_model(constant_models.b)}
    operation, completed = 0, 0
    while True:
        operation += 1
        serving_dir = tmp_path / f"serving-{operation}"
        shutil.copytree(pushed, serving_dir)
        killed = run_and_kill(lambda: push(constant_models.b, serving_dir, constant_models.examples), operation)  # noqa: B023
        versions = list_versions(serving_dir)
        assert versions in ([1], [1, 2])
        assert {version: digest_model(serving_dir / str(version)) for version in versions} == {
            version: digests[version] for version in versions
        }
        assert all(read_manifest(serving_dir, version) for version in versions)
        completed += versions == [1, 2]
        if not killed:
            break
        number = push(constant_models.a, serving_dir, constant_models.examples)
        assert number > versions[-1]
        assert list_versions(serving_dir) == [*versions, number]
        assert digest_model(serving_dir / str(number)) == digests[1]
        shutil.rmtree(serving_dir)
    assert operation > 20, "no kill hit the copy"
    assert 2 <= completed < operation / 2, "no kill came between the rename and the end"


@pytest.mark.usefixtures("unverified")
def test_everything_is_on_the_disk_before_the_version_appears(
    constant_models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power failure, what has a number has all its bytes."""
    synced: list[Path] = []
    rename = Path.rename

    def remember_rename(path: Path, target: Path) -> Path:
        staged = {path, *path.rglob("*")}
        assert staged <= set(synced)
        synced.clear()
        return rename(path, target)

    monkeypatch.setattr(publishing, "sync_to_disk", synced.append)
    monkeypatch.setattr(Path, "rename", remember_rename)
    push(constant_models.a, tmp_path / "serving", constant_models.examples)
    assert synced == [tmp_path / "serving"]


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize("umask", [0o002, 0o022, 0o027])
def test_who_may_read_a_version_is_for_the_users_umask_to_say(constant_models, tmp_path: Path, umask: int) -> None:
    """A server runs as another user; the folder must not be for its owner alone, nor for all."""
    before = os.umask(umask)
    try:
        shutil.copytree(constant_models.a, tmp_path / "model", copy_function=shutil.copyfile)
        for path in (tmp_path / "model", *(tmp_path / "model").rglob("*")):
            path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
        push(tmp_path / "model", tmp_path / "serving", constant_models.examples)
    finally:
        os.umask(before)
    for path in (tmp_path / "serving", *(tmp_path / "serving").rglob("*")):
        if "assets.extra/data" not in str(path):
            assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_a_second_push_waits_for_the_first(tmp_path: Path) -> None:
    order = []

    def push_later() -> None:
        with lock_serving_dir(tmp_path):
            order.append("second")

    later = threading.Thread(target=push_later)
    with lock_serving_dir(tmp_path):
        later.start()
        later.join(0.2)
        assert later.is_alive()
        order.append("first")
    later.join(10)
    assert order == ["first", "second"]
