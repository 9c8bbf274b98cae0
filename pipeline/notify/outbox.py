"""Messages that wait to be sent: a folder with a small file for each, which is there whole or not at all.

Who sends one holds its file. What a process held is let go when it ends, however it ends, so that no message is lost;
and two processes never send the same one at once. Addresses are known by their numbers, for they are secrets.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from components.images.regular_files import open_regular
from components.serving.versions import replace_file
from pipeline.notify.message import Message

FOLDER = ".unsent"
MOST_WAITING = 20
_MOST_BYTES = 1 << 16
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that is not yet everywhere.

    Attributes:
        message: What is to be sent.
        missing: The numbers of the addresses that it has not reached, from 1; None for all, whatever they are.
        path: Its file, None where it could not be kept.
    """

    message: Message
    missing: tuple[int, ...] | None = None
    path: Path | None = None

    def is_for(self, number: int) -> bool:
        """Tell whether an address lacks it."""
        return self.missing is None or number in self.missing


def put(folder: Path, message: Message) -> Path:
    """Keep a message until it is sent, and return its file.

    Raises:
        OSError: It can't be kept.
    """
    folder.mkdir(exist_ok=True)  # in an output folder that is there; a wrong name makes none
    path = folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}{_SUFFIX}"
    try:
        _write(path, Waiting(message=message))
    except OSError:
        path.with_name(f"{path.name}.new").unlink(missing_ok=True)
        raise
    return path


@contextmanager
def take(folder: Path) -> Iterator[list[Waiting]]:
    """Hold all messages that wait and that no other process holds, oldest first.

    A file that can't be read is passed over.
    """
    with ExitStack() as held:
        taken = []
        for path in _list_files(folder):
            with suppress(OSError, ValueError):
                stream = held.enter_context(open_regular(path))
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(stream.fileno()), path.stat()):  # else it was sent, or written, meanwhile
                    taken.append(_read(path, stream.read(_MOST_BYTES)))
        yield taken


def settle(waiting: Waiting, missing: tuple[int, ...]) -> None:
    """Keep a message that is held for the addresses that still lack it, or delete it where none does.

    Raises:
        OSError: Neither can be done.
    """
    if waiting.path is None:
        return
    if missing:
        _write(waiting.path, Waiting(message=waiting.message, missing=missing))
    else:
        waiting.path.unlink(missing_ok=True)


def drop_oldest(folder: Path) -> list[str]:
    """Delete what is more than may wait, oldest first, and return the titles of that."""
    dropped = []
    with take(folder) as taken:
        for waiting in taken[: max(0, len(taken) - MOST_WAITING)]:
            with suppress(OSError):
                settle(waiting, ())
                dropped.append(waiting.message.title)
    return dropped


def count_waiting(folder: Path) -> int:
    """Return how many messages wait."""
    return len(_list_files(folder))


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    except OSError:
        return []


def _write(path: Path, waiting: Waiting) -> None:
    replace_file(path, json.dumps({"message": asdict(waiting.message), "missing": waiting.missing}))


def _read(path: Path, content: bytes) -> Waiting:
    kept = msgspec.json.decode(content, type=Waiting)
    return Waiting(message=kept.message, missing=kept.missing, path=path)
