"""The serving directory: the highest number is served, and no number is used twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.serving.manifest import ServingError
from components.serving.versions import (
    HIGHEST_VERSION,
    find_versions,
    get_next_version,
    get_pushed_version,
    list_versions,
    record_version,
)


def test_versions_are_sorted_as_numbers(tmp_path: Path) -> None:
    for name in ("10", "9", "100"):
        (tmp_path / name).mkdir()
    assert list_versions(tmp_path) == [9, 10, 100]
    assert get_pushed_version(tmp_path) == 100


def test_what_is_no_version_is_ignored(tmp_path: Path) -> None:
    for name in ("2", ".staging", "tmp", "3.old", "-4", "5x", "1e3"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file, not a model")
    assert list_versions(tmp_path) == [2]


def test_an_empty_or_missing_directory_has_no_version(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "nowhere"):
        assert list_versions(directory) == []
        assert get_pushed_version(directory) is None
        assert get_next_version(directory) == 1


def test_a_deleted_version_never_gives_its_number_to_another_model(tmp_path: Path) -> None:
    """A client that holds version 2 for a certain model must not get another one under that number."""
    for version in (1, 2):
        record_version(tmp_path, version)
        (tmp_path / str(version)).mkdir()
    (tmp_path / "2").rmdir()
    assert get_pushed_version(tmp_path) == 1
    assert get_next_version(tmp_path) == 3


def test_a_version_that_something_else_put_there_is_stepped_over(tmp_path: Path) -> None:
    record_version(tmp_path, 1)
    (tmp_path / "1700000000").mkdir()
    assert get_next_version(tmp_path) == 1_700_000_001


def test_version_0_is_one(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    assert (get_pushed_version(tmp_path), list_versions(tmp_path), get_next_version(tmp_path)) == (0, [0], 1)


def test_leading_zeros_are_read_as_tensorflow_serving_reads_them(tmp_path: Path) -> None:
    for name in ("0003", "02", "0000"):
        (tmp_path / name).mkdir()
    assert find_versions(tmp_path) == {0: tmp_path / "0000", 2: tmp_path / "02", 3: tmp_path / "0003"}
    assert get_next_version(tmp_path) == 4
    (tmp_path / "3").mkdir()
    assert find_versions(tmp_path)[3] == tmp_path / "3"


@pytest.mark.parametrize("name", ["٣", "²", "9223372036854775808", "1" * 200])
def test_what_only_looks_like_a_number_is_no_version(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert list_versions(tmp_path) == []
    assert get_next_version(tmp_path) == 1


@pytest.mark.parametrize("name", ["7", "007", " 7"])
def test_a_file_that_tensorflow_serving_takes_for_a_version_is_stepped_over(tmp_path: Path, name: str) -> None:
    """It would go on trying to load 7, and never load a version below."""
    (tmp_path / name).touch()
    assert get_next_version(tmp_path) == 8


@pytest.mark.parametrize("content", ["", "two", "-1", "1.5", "\0", "9" * 30])
def test_a_damaged_record_of_the_highest_version_is_told_with_the_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / HIGHEST_VERSION).write_text(content)
    with pytest.raises(ServingError, match=r"\.highest_version: expected the highest version .* into that file: 3,"):
        get_next_version(tmp_path)


def test_above_the_highest_number_there_is_none(tmp_path: Path) -> None:
    (tmp_path / str(2**63 - 1)).mkdir()
    with pytest.raises(ServingError, match="no number; delete or rename it"):
        get_next_version(tmp_path)
