"""A push adds one whole version or changes nothing, whatever goes wrong and whenever the process is killed."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components import pusher
from components.images.summary import write_description
from components.pusher import AtomicPusher, PushError, push_model
from components.report.lineage import read_properties
from components.report.push import Push, read_push
from components.serving import publishing
from components.serving.directory_lock import lock_serving_dir
from components.serving.integrity import verify_model
from components.serving.manifest import DATA_SUMMARY, Manifest, digest_model
from components.serving.model_verifier import VerificationError
from components.serving.rollback import roll_back
from components.serving.versions import list_versions, read_manifest
from tests.kills import run_and_kill


def make_manifest(model_dir: Path, **fields: Any) -> Manifest:
    known = {"recipe": "r", "run_id": "run", "baseline_version": None, "pushed_at": "2025-01-01T00:00:00"}
    return Manifest(digest=digest_model(model_dir), **(known | fields))


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes that take the copy for good: the check starts a process that imports TensorFlow, which takes seconds."""
    monkeypatch.setattr(pusher, "verify_copy", lambda *_: None)


def push(model_dir: Path, serving_dir: Path, examples: Path, **fields: Any) -> int:
    serving_dir.mkdir(exist_ok=True)
    # Any folder does for the summary of the data: it is copied as it is.
    return push_model(model_dir, serving_dir, make_manifest(model_dir, **fields), examples, examples)


def list_files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


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


@pytest.fixture
def stage(constant_models, tmp_path: Path, unverified: None) -> SimpleNamespace:
    """The Pusher stage, to be run on models `a` and `b` with all that it asks for."""
    from tfx.types import standard_artifacts

    from components.data_validator import DataValidation

    serving_dir = tmp_path / "serving"

    def run(name: str, *, blessed: int = 1, baseline: int | None = None, recipe: str = "r", accept: int = 0) -> Push:
        model, blessing, compared, examples, validation, pushed = (
            standard_artifacts.Model(),
            standard_artifacts.ModelBlessing(),
            standard_artifacts.Model(),
            standard_artifacts.Examples(),
            DataValidation(),
            standard_artifacts.PushedModel(),
        )
        model.uri = str(tmp_path / name)
        if not Path(model.uri).exists():
            shutil.copytree(getattr(constant_models, name), Path(model.uri, "Format-Serving"))
        blessing.set_int_custom_property("blessed", blessed)
        if baseline is not None:
            blessing.set_int_custom_property("compared_with", baseline)
            compared.set_int_custom_property("version", baseline)
        examples.uri = str(constant_models.examples.parent)
        validation.uri = str(tmp_path / "validation")
        Path(validation.uri).mkdir(exist_ok=True)
        write_description(Path(validation.uri), (28, 28), ["a", "b"])
        AtomicPusher.test_call(
            model=model,
            blessing=blessing,
            baseline=compared,
            examples=examples,
            validation=validation,
            pushed_model=pushed,
            serving_dir=str(serving_dir),
            recipe=recipe,
            run_id="run-7",
            accept=accept,
        )
        return read_push(read_properties(pushed.mlmd_artifact.custom_properties))

    return SimpleNamespace(run=run, serving_dir=serving_dir)


def test_a_blessed_model_is_pushed_with_its_origin(stage, constant_models) -> None:
    assert stage.run("a", recipe="flour") == Push(version=1, newly=True)
    manifest = read_manifest(stage.serving_dir, 1)
    assert manifest is not None
    assert (manifest.recipe, manifest.run_id, manifest.baseline_version) == ("flour", "run-7", None)
    assert manifest.digest == digest_model(constant_models.a)
    assert "class_names" in (stage.serving_dir / "1" / DATA_SUMMARY / "description.json").read_text()


def test_a_model_that_is_not_blessed_is_not_pushed(stage) -> None:
    assert stage.run("a", blessed=0) == Push()
    assert list_versions(stage.serving_dir) == []


def test_a_better_model_follows_its_baseline(stage) -> None:
    stage.run("a", recipe="first")
    assert stage.run("b", baseline=1, recipe="second") == Push(version=2, newly=True)
    assert list_versions(stage.serving_dir) == [1, 2]


def test_the_very_model_that_is_pushed_is_not_pushed_again(stage) -> None:
    """The same bytes, by whatever recipe."""
    stage.run("a", recipe="first")
    before = list_files(stage.serving_dir)
    assert stage.run("a", recipe="second") == Push(version=1)
    assert list_files(stage.serving_dir) == before


def test_other_bytes_by_the_same_recipe_are_asked_and_not_pushed_where_they_answer_alike(
    stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run("a", recipe="first")
    before = list_files(stage.serving_dir)
    monkeypatch.setattr(pusher, "verify_copy", lambda *_: 200)
    assert stage.run("b", recipe="first", baseline=1) == Push(version=1, same_answers=200)
    assert list_files(stage.serving_dir) == before


def test_another_model_by_the_same_recipe_is_a_version_of_its_own(stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained on other cores, it answers otherwise; what is served has to be what was evaluated."""
    stage.run("a", recipe="first")

    def compare(copy: Path, *_: Path) -> int:
        if copy.name == "1":
            raise VerificationError("it answers otherwise")
        return 200

    monkeypatch.setattr(pusher, "verify_copy", compare)
    assert stage.run("b", recipe="first", baseline=1) == Push(version=2, newly=True)


def delete(serving_dir: Path, version: int) -> None:
    shutil.rmtree(serving_dir / str(version))


def test_what_a_rollback_took_back_is_pushed_again_only_when_asked(stage) -> None:
    """And each run tells what is served, and why, until something else is pushed."""
    stage.run("a", recipe="first")
    stage.run("b", recipe="second", baseline=1)
    roll_back(stage.serving_dir, None, "bags are missing")
    push = stage.run("b", recipe="second", baseline=3)
    assert (push.version, push.newly) == (None, False)
    assert (
        "version 2, of the same recipe, was taken back: a person brought version 1 back as version 3" in push.withheld
    )
    assert "“bags are missing”); push it again with --accept" in push.withheld
    for same in (push, stage.run("a", recipe="first", baseline=3), stage.run("b", blessed=0)):
        assert same.rollback.startswith("version 3, which brought back 1 on ")
        assert same.rollback.endswith("because: bags are missing")
    assert stage.run("b", recipe="second", baseline=3, accept=1) == Push(version=4, newly=True)


def test_a_model_that_was_compared_with_what_was_rolled_back_meanwhile_is_not_pushed(stage) -> None:
    stage.run("a", recipe="first")
    stage.run("b", recipe="second", baseline=1)
    roll_back(stage.serving_dir, None, "bags are missing")
    shutil.rmtree(stage.serving_dir.parent / "a")
    shutil.copytree(stage.serving_dir.parent / "b", stage.serving_dir.parent / "a")
    (stage.serving_dir.parent / "a" / "Format-Serving" / "more").touch()
    with pytest.raises(PushError, match="compared with version 2, but version 3 is pushed now; nothing was pushed"):
        stage.run("a", recipe="third", baseline=2)


def test_what_was_taken_back_is_pushed_again_only_when_asked(stage) -> None:
    stage.run("a", recipe="first")
    stage.run("b", recipe="second", baseline=1)
    delete(stage.serving_dir, 2)
    for _ in range(2):
        push = stage.run("b", recipe="second", baseline=1)
        assert (push.version, push.newly) == (None, False)
        assert "version 2, of the same recipe, was taken back" in push.withheld
        assert "--accept" in push.withheld
        assert list_versions(stage.serving_dir) == [1]
    assert stage.run("b", recipe="second", baseline=1, accept=1) == Push(version=3, newly=True)
    assert stage.run("b", recipe="second", baseline=1) == Push(version=3), "what was accepted is pushed"


def test_what_was_taken_back_stays_so_when_something_else_was_pushed_since(stage) -> None:
    stage.run("a", recipe="first")
    stage.run("b", recipe="second", baseline=1)
    delete(stage.serving_dir, 2)
    shutil.rmtree(stage.serving_dir.parent / "a")
    shutil.copytree(stage.serving_dir.parent / "b", stage.serving_dir.parent / "a")
    (stage.serving_dir.parent / "a" / "Format-Serving" / "more").touch()
    assert stage.run("a", recipe="third", baseline=1) == Push(version=3, newly=True)
    assert "version 2" in stage.run("b", recipe="second", baseline=3).withheld


def test_an_old_version_that_is_cleared_away_was_not_taken_back(stage) -> None:
    stage.run("a", recipe="first")
    stage.run("b", recipe="second", baseline=1)
    delete(stage.serving_dir, 1)
    assert stage.run("a", recipe="first", baseline=2) == Push(version=3, newly=True)


def test_a_damaged_version_is_not_this_very_model(stage) -> None:
    stage.run("a", recipe="first")
    (stage.serving_dir / "1" / "saved_model.pb").write_bytes(b"damaged")
    assert stage.run("a", recipe="first", baseline=1) == Push(version=2, newly=True)


@pytest.mark.parametrize(("compared", "words"), [(None, "no version, but version 2"), (1, "version 1, but version 2")])
def test_a_model_that_was_compared_with_another_baseline_is_not_pushed(stage, compared: int | None, words: str) -> None:
    """Something else was pushed since the evaluation, which says nothing about that."""
    stage.run("a", recipe="first")
    stage.run("b", recipe="second", baseline=1)
    shutil.rmtree(stage.serving_dir.parent / "a")
    before = list_files(stage.serving_dir)
    with pytest.raises(PushError, match=f"compared with {words} is pushed now; nothing was pushed"):
        stage.run("a", recipe="third", baseline=compared)
    assert list_files(stage.serving_dir) == before
