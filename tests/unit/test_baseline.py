"""A candidate is compared with what is pushed now, and with what came before it where that is the candidate itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.baseline import PUSHED_NOW, Baseline, choose_baseline
from components.serving.versions import Manifest, write_manifest


def push(serving_dir: Path, version: int, recipe: str, baseline: int) -> None:
    directory = serving_dir / str(version)
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_text(f"model {version}")
    manifest = Manifest(digest="", recipe=recipe, run_id="", baseline_version=baseline, pushed_at="")
    write_manifest(directory, manifest)


@pytest.fixture
def serving_dir(tmp_path: Path) -> Path:
    """Three versions, each compared with the one before it."""
    for version, recipe in ((1, "old"), (2, "middle"), (3, "new")):
        push(tmp_path, version, recipe, version - 1)
    return tmp_path


def test_with_nothing_pushed_there_is_no_baseline(tmp_path: Path) -> None:
    assert choose_baseline(tmp_path / "nowhere", "new") == 0


def test_a_new_recipe_is_compared_with_what_is_pushed_now(serving_dir: Path) -> None:
    assert choose_baseline(serving_dir, "newest") == 3


def test_the_recipe_that_is_pushed_is_compared_with_its_own_baseline(serving_dir: Path) -> None:
    """So that the earlier evaluation can be used again."""
    assert choose_baseline(serving_dir, "new") == 2


def test_the_first_model_again_has_no_baseline_again(tmp_path: Path) -> None:
    push(tmp_path, 1, "only", 0)
    assert choose_baseline(tmp_path, "only") == 0


def test_a_recipe_of_an_older_version_is_compared_with_what_is_pushed_now(serving_dir: Path) -> None:
    assert choose_baseline(serving_dir, "middle") == 3


def test_a_rollback_moves_the_baseline(serving_dir: Path) -> None:
    shutil.rmtree(serving_dir / "3")
    assert choose_baseline(serving_dir, "new") == 2
    assert choose_baseline(serving_dir, "middle") == 1


def test_with_its_baseline_deleted_a_recipe_is_compared_with_itself(serving_dir: Path) -> None:
    """There is no other model to compare with, and no baseline would let anything pass."""
    shutil.rmtree(serving_dir / "2")
    assert choose_baseline(serving_dir, "new") == 3


def test_a_model_of_unknown_origin_is_a_baseline(serving_dir: Path) -> None:
    (serving_dir / "10").mkdir()
    assert choose_baseline(serving_dir, "new") == 10


@pytest.mark.parametrize(("version", "copied"), [(PUSHED_NOW, 3), (2, 2)])
def test_the_stage_copies_the_version(serving_dir: Path, tmp_path_factory, version: int, copied: int) -> None:
    baseline = run_stage(serving_dir, tmp_path_factory.mktemp("baseline"), version)
    assert baseline.get_int_custom_property("version") == copied
    assert Path(baseline.uri, "Format-Serving", "saved_model.pb").read_text() == f"model {copied}"


@pytest.mark.parametrize("version", [PUSHED_NOW, 0])
def test_with_nothing_pushed_the_stage_still_makes_an_artifact(tmp_path: Path, version: int) -> None:
    baseline = run_stage(tmp_path / "nowhere", tmp_path / "baseline", version)
    assert baseline.get_int_custom_property("version") == 0
    assert not Path(baseline.uri, "Format-Serving").exists()


def run_stage(serving_dir: Path, destination: Path, version: int):
    from tfx.types import standard_artifacts

    baseline = standard_artifacts.Model()
    baseline.uri = str(destination)
    executor = Baseline.EXECUTOR_SPEC.executor_class()
    executor.Do({}, {"baseline": [baseline]}, {"serving_dir": str(serving_dir), "version": version})
    return baseline
