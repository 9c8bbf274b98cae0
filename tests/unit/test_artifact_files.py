"""An artifact that lost files or has others in their place is never taken for whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import artifact_files
from pipeline.artifact_files import find_damage, list_files


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A folder with two shards."""
    directory = tmp_path / "examples"
    (directory / "Split-eval").mkdir(parents=True)
    for name in ("one", "two"):
        (directory / "Split-eval" / name).write_text(name)
    return directory


def delete(directory: Path) -> None:
    (directory / "Split-eval" / "one").unlink()


def delete_all(directory: Path) -> None:
    shutil.rmtree(directory)


def cut(directory: Path) -> None:
    (directory / "Split-eval" / "one").write_text("on")


def swap(directory: Path) -> None:
    (directory / "Split-eval" / "one").write_text("two")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (delete, "Split-eval/one is gone"),
        (delete_all, "examples is gone"),
        (cut, "Split-eval/one has 2 bytes, expected 3"),
        (swap, "Split-eval/one was changed"),
    ],
)
def test_damage_is_found_and_named(damage: Callable[[Path], None], complaint: str, artifact: Path) -> None:
    listed = list_files(artifact)
    assert find_damage(artifact, listed) == ""
    damage(artifact)
    assert find_damage(artifact, listed).endswith(complaint)


def test_a_copy_with_other_times_is_whole_and_so_is_one_with_more_files(artifact: Path) -> None:
    listed = list_files(artifact)
    os.utime(artifact / "Split-eval" / "one", (1, 1))
    (artifact / "notes").touch()
    assert find_damage(artifact, listed) == ""


def test_a_large_file_is_known_by_its_size(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_files, "LARGEST_DIGESTED", 2)
    listed = list_files(artifact)
    swap(artifact)
    assert find_damage(artifact, listed) == ""
    cut(artifact)
    assert "expected 3" in find_damage(artifact, listed)


def test_of_an_artifact_without_a_list_only_the_folder_is_asked_for(artifact: Path) -> None:
    assert find_damage(artifact, "") == ""
    delete_all(artifact)
    assert find_damage(artifact, "").endswith("is gone")
