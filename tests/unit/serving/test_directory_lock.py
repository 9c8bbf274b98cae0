"""One push at a time; and where there can be no lock, one sentence."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from components.serving.directory_lock import lock_serving_dir
from components.serving.manifest import ServingError


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    words = r"its file system has no locks .* choose an --output on a local disk"
    with pytest.raises(ServingError, match=words), lock_serving_dir(tmp_path / "serving"):
        pass


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "serving").write_text("")
    words = r"serving: cannot be written .* or name another with --output"
    with pytest.raises(ServingError, match=words), lock_serving_dir(tmp_path / "serving"):
        pass
