"""A message that waits is there whole, is held by one process at a time, and there are not too many."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pipeline.notify import outbox
from pipeline.notify.message import Message
from pipeline.notify.outbox import MOST_WAITING, count_waiting, drop_oldest, put, settle, take


def write(text: str) -> Message:
    return Message(title=text, body="Grüße\n2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".unsent"


def test_what_was_put_is_taken_in_its_order(folder: Path) -> None:
    for name in ("first", "second"):
        put(folder, write(name))
    with take(folder) as taken:
        assert [each.message for each in taken] == [write("first"), write("second")]
        assert all(each.is_for(1) and each.is_for(7) for each in taken)


def test_what_one_holds_nobody_else_takes_and_it_is_let_go(folder: Path) -> None:
    put(folder, write("first"))
    with take(folder) as taken:
        put(folder, write("second"))
        with take(folder) as others:
            assert [each.message.title for each in others] == ["second"]
        assert len(taken) == 1
    with take(folder) as taken:
        assert len(taken) == 2


def test_it_waits_for_the_addresses_that_lack_it_and_is_gone_when_none_does(folder: Path) -> None:
    put(folder, write("first"))
    with take(folder) as (waiting,):
        settle(waiting, (2,))
    with take(folder) as (waiting,):
        assert (waiting.is_for(1), waiting.is_for(2)) == (False, True)
        settle(waiting, ())
    assert count_waiting(folder) == 0


def test_the_oldest_are_dropped_and_named(folder: Path) -> None:
    for number in range(MOST_WAITING + 2):
        put(folder, write(str(number)))
    assert drop_oldest(folder) == ["0", "1"]
    assert count_waiting(folder) == MOST_WAITING


def test_a_file_that_is_no_message_is_passed_over(folder: Path) -> None:
    put(folder, write("first"))
    (folder / "0.json").write_text("{")
    (folder / "1.json").mkdir()
    (folder / "2.json").symlink_to("/dev/zero")
    with take(folder) as taken:
        assert [each.message.title for each in taken] == ["first"]


def test_a_full_disk_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, _: str) -> None:
        path.with_name(f"{path.name}.new").write_text("{")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(outbox, "replace_file", fail)
    with pytest.raises(OSError, match="No space"):
        put(folder, write("first"))
    assert list(folder.iterdir()) == []
