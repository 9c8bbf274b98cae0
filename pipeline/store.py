"""ML Metadata's sqlite file: whether it can be read, found out by sqlite itself in milliseconds, and a way into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

# As long as a run needs at most to write what it has in hand.
_WAIT_SECONDS = 5.0


class StoreError(RuntimeError):
    """The store can't be used; one sentence says why, and the way out."""


def check_store(path: Path) -> bool:
    """Tell whether there is a store with anything in it.

    Raises:
        StoreError: There is something that can't be read, or no store at all.
    """
    try:
        if not path.exists():
            return False
        if not path.is_file():  # sqlite would wait for a pipe, and can't be interrupted
            raise StoreError(f"{path}: no regular file, expected that of ML Metadata; move it away, and run again.")
        # What a killed run had in hand lies in a journal, and only who may write can undo it.
        mode = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=_WAIT_SECONDS)
        try:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise StoreError(_describe(path, error)) from None
    if answer != "ok":
        raise StoreError(_describe(path, answer))
    if tables and not {"Artifact", "Execution", "Context"} <= tables:
        raise StoreError(_describe(path, "it holds other tables"))
    return bool(tables)


@contextmanager
def open_store(path: Path, *, writable: bool = False) -> Iterator[Any]:
    """Open a store that `check_store` found, as ML Metadata's client.

    Raises:
        StoreError: ML Metadata can't read it.
    """
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    modes = metadata_store_pb2.SqliteMetadataSourceConfig
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = modes.READWRITE if writable else modes.READONLY
    try:
        yield ml_metadata.MetadataStore(config)
    except ml_metadata.errors.StatusError as error:
        reason = next(iter(str(error).splitlines()), "")
        raise StoreError(f"{path}: ML Metadata can't read it ({reason}); restore it, or move it away.") from error


def _describe(path: Path, error: object) -> str:
    text = str(error)
    if "locked" in text:
        return f"{path}: locked by another process; end that one (fuser {path} names it), and try again."
    if "readonly" in text:
        return (
            f"{path}: a run was killed while it wrote there; give yourself the right to write it, so that it is undone."
        )
    if "unable to open" in text or isinstance(error, OSError):
        return f"{path}: can't be opened ({text}); give yourself access to it, and try again."
    reason = text.splitlines()[-1] if text else type(error).__name__
    return (
        f"{path}: damaged, no store of ML Metadata ({reason}); restore it, or move it away and run again: "
        "what is served stays, and only the details of past runs are lost."
    )
