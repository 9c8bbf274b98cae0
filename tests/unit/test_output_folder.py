"""A folder that some stage would fail on is refused before anything is written; one run at a time holds it."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import re
from pathlib import Path

import pytest

from pipeline.output_folder import OutputError, RunInProgressError, check_output, lock_output


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("run [1]", r"\[ in .*TFX takes it for a pattern"),
        ("what?", r"\? in "),
        ("a*b", r"\* in "),
        ("two\nlines", "printable characters in UTF-8"),
        ("\x1b[2J", "printable|pattern"),
        (os.fsdecode(b"\xff"), "printable characters in UTF-8"),
        ("x" * 256, "too long; expected at most"),
        ("/".join(["x" * 200] * 20), "too long; expected at most"),
        ("file", "is a file; name a folder"),
        ("file/below", "is a file; name a folder"),
    ],
    ids=ascii,
)
def test_a_folder_that_cannot_be_used_is_refused(name: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=complaint) as refusal:
        check_output(tmp_path / name)
    assert str(refusal.value).startswith("--output ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_address_is_no_folder() -> None:
    with pytest.raises(OutputError, match="expected a folder on this machine"):
        check_output(Path("gs://bucket/models"))


@pytest.mark.parametrize(
    ("read_only", "complaint"), [(0, "Permission denied"), (os.ST_RDONLY, "Read-only file system")]
)
def test_a_folder_without_access_is_refused(
    read_only: int, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root every folder can be written, so the answers of the system are made."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((0,) * 8 + (read_only, 255)))
    with pytest.raises(OutputError, match=rf"nothing can be written there \({complaint}\); name a folder"):
        check_output(tmp_path / "deep" / "below")


def test_other_names_are_taken(tmp_path: Path) -> None:
    for name in ("größe", "a b", "鞋", "it's", "a,b;c", "new/and/deep"):
        check_output(tmp_path / name)
    check_output(tmp_path)
    assert list(tmp_path.iterdir()) == []


def hold(directory: Path, held: multiprocessing.Event, done: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    with lock_output(directory):
        held.set()
        done.wait()


def test_a_second_run_is_told_who_is_at_work(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, held, done))
    other.start()
    held.wait()
    with (
        pytest.raises(RunInProgressError, match=rf"another run \(process {other.pid}\) is at work here"),
        lock_output(tmp_path),
    ):
        pass
    done.set()
    other.join()
    with lock_output(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    expected = re.escape(f"{tmp_path}: its file system has no locks (No locks available)")
    with pytest.raises(OutputError, match=expected), lock_output(tmp_path):
        pass
