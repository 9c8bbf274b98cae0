"""A damaged or locked store is told in one sentence, with its path and the way out."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import store
from pipeline.store import StoreError, check_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of sqlite with ML Metadata's tables, and some rows."""
    path = tmp_path / "metadata.sqlite"
    with sqlite3.connect(path) as connection:
        for table in ("Artifact", "Execution", "Context"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER, text TEXT)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(row, "x" * 500) for row in range(100)])
    connection.close()
    return path


def test_a_sound_store_is_taken_and_left_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    assert check_store(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_no_file_and_an_empty_one_are_stores_with_nothing_in_them(tmp_path: Path) -> None:
    assert not check_store(tmp_path / "none")
    (tmp_path / "empty").touch()
    assert not check_store(tmp_path / "empty")
    assert not (tmp_path / "none").exists()


def write_garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1_000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9_000])


def spoil_a_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8_192:12_288] = b"\xff" * 4_096
    path.write_bytes(content)


def hold_other_tables(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("damage", [write_garbage, cut, spoil_a_page, hold_other_tables, make_a_folder, make_a_pipe])
def test_a_damaged_store_is_told_with_its_path_and_the_way_out(damage: Callable[[Path], None], path: Path) -> None:
    damage(path)
    with pytest.raises(StoreError) as refusal:
        check_store(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "move it away" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_locked_store_is_told_as_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_WAIT_SECONDS", 0.01)
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked by another process; end that one"):
        check_store(path)
    holder.close()
    assert check_store(path)
