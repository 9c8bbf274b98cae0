"""The Pusher stage pushes what is blessed and still holds, nothing twice, and nothing back that was taken away."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from components import pusher
from components.images.summary import write_description
from components.pusher import AtomicPusher, PushError
from components.report.lineage import read_properties
from components.report.push import Push, read_push
from components.serving.manifest import DATA_SUMMARY, digest_model
from components.serving.model_verifier import VerificationError
from components.serving.rollback import roll_back
from components.serving.versions import list_versions, read_manifest
from tests.files import list_files


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
