"""A candidate is compared with what is pushed now, and with what came before it where that is the candidate itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.baseline import Baseline, get_version
from components.serving.baseline_choice import choose_baseline
from components.serving.manifest import Manifest, ServingError, digest_model, write_manifest


def write_model(directory: Path, content: str) -> Path:
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_text(content)
    return directory


def push(serving_dir: Path, version: int, baseline: int | None) -> None:
    """Push a model of its own, by one and the same recipe."""
    directory = write_model(serving_dir / str(version), f"model {version}")
    digest = digest_model(directory)
    write_manifest(directory, Manifest(digest=digest, recipe="r", run_id="", baseline_version=baseline, pushed_at=""))


@pytest.fixture
def serving_dir(tmp_path: Path) -> Path:
    """Three versions, each compared with the one before it."""
    for version in (0, 1, 2):
        push(tmp_path / "serving", version, version - 1 if version else None)
    return tmp_path / "serving"


def digest(serving_dir: Path, version: int) -> str:
    return digest_model(serving_dir / str(version))


def test_a_new_model_is_compared_with_what_is_pushed_now_even_by_the_same_recipe(serving_dir: Path) -> None:
    assert choose_baseline(serving_dir, 2, "new") == 2


@pytest.mark.parametrize(("version", "baseline"), [(2, 1), (1, 0), (0, None)])
def test_the_model_that_is_pushed_is_compared_with_its_own_baseline(
    serving_dir: Path, version: int, baseline: int | None
) -> None:
    assert choose_baseline(serving_dir, version, digest(serving_dir, version)) == baseline


def test_the_model_of_an_older_version_is_compared_with_what_is_pushed_now(serving_dir: Path) -> None:
    assert choose_baseline(serving_dir, 2, digest(serving_dir, 1)) == 2


def test_with_its_baseline_deleted_a_model_is_compared_with_itself(serving_dir: Path) -> None:
    """There is no other model to compare with, and no baseline would let anything pass."""
    shutil.rmtree(serving_dir / "1")
    assert choose_baseline(serving_dir, 2, digest(serving_dir, 2)) == 2


def test_a_model_of_unknown_origin_is_a_baseline(serving_dir: Path) -> None:
    (serving_dir / "0010").mkdir()
    assert choose_baseline(serving_dir, 10, "new") == 10


def test_a_version_that_is_gone_is_told(serving_dir: Path) -> None:
    with pytest.raises(ServingError, match="version 3 was deleted since the run began; run it again"):
        choose_baseline(serving_dir, 3, "new")


@pytest.mark.parametrize("version", [2, 0])
def test_the_stage_copies_the_version(serving_dir: Path, tmp_path: Path, version: int) -> None:
    baseline = run_stage(serving_dir, tmp_path, version)
    assert get_version(baseline, "version") == version
    assert Path(baseline.uri, "Format-Serving", "saved_model.pb").read_text() == f"model {version}"


def test_a_foreign_version_is_copied_and_said_to_be_one(
    serving_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_stage(serving_dir, tmp_path / "own", 2)
    assert "foreign" not in caplog.text
    write_model(serving_dir / "7", "of somebody")
    assert get_version(run_stage(serving_dir, tmp_path / "foreign", 7), "version") == 7
    assert "serving/7 is foreign: it has no manifest, so nothing is known of it." in caplog.text


def test_with_nothing_pushed_the_stage_still_makes_an_artifact(tmp_path: Path) -> None:
    baseline = run_stage(tmp_path / "nowhere", tmp_path, None)
    assert get_version(baseline, "version") is None
    assert not Path(baseline.uri, "Format-Serving").exists()


def test_a_damaged_version_ends_the_run_and_is_named_with_the_ways_out(serving_dir: Path, tmp_path: Path) -> None:
    (serving_dir / "2" / "saved_model.pb").write_text("modem 2")
    with pytest.raises(ServingError, match=r"serving/2 is damaged: saved_model\.pb: .* Restore its files, or delete"):
        run_stage(serving_dir, tmp_path, 2)


def run_stage(serving_dir: Path, directory: Path, version: int | None) -> standard_artifacts.Model:
    model, baseline = standard_artifacts.Model(), standard_artifacts.Model()
    model.uri, baseline.uri = str(directory / "model"), str(directory / "baseline")
    write_model(directory / "model" / "Format-Serving", "candidate")
    Baseline.test_call(model=model, baseline=baseline, serving_dir=str(serving_dir), version=version)
    return baseline
