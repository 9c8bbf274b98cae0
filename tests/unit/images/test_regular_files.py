"""What is no regular file is refused at once, and no more of one is read than can belong there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from components.images.regular_files import open_regular, read_regular


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("/dev/null")]
)
def test_a_pipe_a_folder_and_a_device_are_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "file")
    with pytest.raises(OSError, match="no regular file") as error:
        open_regular(tmp_path / "file")
    assert (error.value.strerror, error.value.filename) == ("no regular file", str(tmp_path / "file"))


def test_a_file_of_as_many_bytes_as_are_allowed_is_read_and_one_of_more_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "link", 4)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "gone", 5)
