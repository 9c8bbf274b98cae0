"""The serving directory remembers what a person took back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.serving.history import HISTORY, Push, find_taken_back, read_history, write_history
from components.serving.manifest import Manifest, ServingError, write_manifest


def make_push(version: int, *, taken_back: bool = False) -> Push:
    return Push(version=version, digest=f"d{version}", recipe=f"r{version}", taken_back=taken_back)


@pytest.fixture
def serving_dir(tmp_path: Path) -> Path:
    """Three pushes, of which only version 2 is left: 1 was cleared away, 3 was taken back."""
    write_history(tmp_path, [make_push(version) for version in (1, 2, 3)])
    (tmp_path / "2").mkdir()
    return tmp_path


def test_what_was_deleted_while_it_was_the_highest_was_taken_back(serving_dir: Path) -> None:
    history = read_history(serving_dir)
    assert history == [make_push(1), make_push(2), make_push(3, taken_back=True)]
    assert [find_taken_back(history, f"d{version}", "other") for version in (1, 2, 3)] == [None, None, 3]
    assert [find_taken_back(history, "other", f"r{version}") for version in (1, 2, 3)] == [None, None, 3]


def test_it_stays_so_once_something_else_is_pushed(serving_dir: Path) -> None:
    write_history(serving_dir, [*read_history(serving_dir), make_push(4)])
    (serving_dir / "4").mkdir()
    assert find_taken_back(read_history(serving_dir), "d3", "") == 3


def test_what_was_pushed_again_is_no_longer_taken_back(serving_dir: Path) -> None:
    write_history(serving_dir, [*read_history(serving_dir), Push(version=4, digest="d3", recipe="r3")])
    (serving_dir / "4").mkdir()
    assert find_taken_back(read_history(serving_dir), "d3", "r3") is None


def test_an_unknown_recipe_is_like_no_other(tmp_path: Path) -> None:
    write_history(tmp_path, [Push(version=1, digest="d", recipe="")])
    assert find_taken_back(read_history(tmp_path), "other", "") is None


def test_versions_of_before_there_was_a_record_are_known_by_their_manifests(tmp_path: Path) -> None:
    for version, recipe in ((0, "flour"), (1, "rye")):
        (tmp_path / str(version)).mkdir()
        manifest = Manifest(digest="d", recipe=recipe, run_id="", baseline_version=None, pushed_at="")
        write_manifest(tmp_path / str(version), manifest)
    (tmp_path / "2").mkdir()
    (tmp_path / "1" / "assets.extra" / "manifest.json").write_text("damaged")
    assert read_history(tmp_path) == [Push(version=0, digest="d", recipe="flour")]


def test_a_record_that_is_a_pipe_is_told_as_such(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / HISTORY)
    with pytest.raises(ServingError, match=r"\.pushed\.json: not a list of what was pushed \(no regular file\)"):
        read_history(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "{}", '[{"version": 1}]', "[1]", "null"])
def test_a_damaged_record_is_told_with_the_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / HISTORY).write_text(content)
    with pytest.raises(ServingError, match=r"\.pushed\.json: not a list of what was pushed .* or delete it"):
        read_history(tmp_path)
