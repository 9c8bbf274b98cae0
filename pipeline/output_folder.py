"""The folder of a pipeline's runs: whether it can be used at all, and one run in it at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The deepest file that a stage writes, below the folder of its pipeline, is about that long.
_ROOM_BELOW = 300
_LONGEST_PATH = 4096 - _ROOM_BELOW
_LONGEST_NAME = 255
_WAIT_SECONDS = 10.0
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class OutputError(ValueError):
    """The folder can't be used; one sentence says why, and what to do."""


class RunInProgressError(RuntimeError):
    """Another run holds the folder."""


class BusyError(RuntimeError):
    """Another process holds a file for longer than one could wait."""


def check_output(output: Path) -> None:
    """Refuse a folder that some stage would fail on, before anything is written.

    Raises:
        OutputError: Its name can't be used, or nothing can be written there.
    """
    path = str(output.absolute())
    if re.match("[a-z][a-z0-9+.-]*:/", str(output)):
        raise OutputError(f"--output {output}: expected a folder on this machine; models go to a bucket by copying.")
    if found := re.search(r"[][*?]", path):
        raise OutputError(
            f"--output {output}: {found[0]} in {path}; TFX takes it for a pattern of names. Name a folder without []*?."
        )
    if not path.isprintable():  # newlines, escapes, and bytes that are no UTF-8
        raise OutputError(f"--output {path!a}: expected a path of printable characters in UTF-8.")
    if (
        len(os.fsencode(path)) > _LONGEST_PATH
        or max(len(os.fsencode(part)) for part in output.absolute().parts) > _LONGEST_NAME
    ):
        limits = f"{_LONGEST_PATH:,} bytes, and {_LONGEST_NAME} in the name of a folder"
        raise OutputError(f"--output {path[:60]}…: too long; expected at most {limits}.")
    try:
        _probe(output)
    except FileExistsError as error:
        raise OutputError(f"--output {output}: {error.filename or output} is a file; name a folder.") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = f"nothing can be written there ({error.strerror})"
        raise OutputError(f"--output {output}: {reason}; name a folder that you may write in.") from None


def _probe(output: Path) -> None:
    """Look whether the folder, or the nearest above it that exists, can be written in; write nothing."""
    nearest = output.absolute()
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    if not nearest.is_dir():
        raise FileExistsError(errno.EEXIST, "File exists", str(nearest))
    if not os.access(nearest, os.W_OK | os.X_OK):
        read_only = os.statvfs(nearest).f_flag & os.ST_RDONLY
        raise OSError(number := errno.EROFS if read_only else errno.EACCES, os.strerror(number), str(nearest))


@contextmanager
def lock_output(output_dir: Path) -> Iterator[None]:
    """Hold the folder of a pipeline: ML Metadata's sqlite file takes one run at a time. Let go when the process ends.

    Raises:
        RunInProgressError: Another process holds it.
        OutputError: Its file system has no locks.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    with (output_dir / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise RunInProgressError(
                f"{output_dir}: another run (process {lock.read(20)}) is at work here; "
                "wait for its end, or name another folder with --output."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise OutputError(
                f"{output_dir}: its file system has no locks ({error.strerror}); "
                "name a folder on a local disk with --output."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Hold a lock for what takes a moment, and wait that long for another process.

    Raises:
        BusyError: It took that one ten seconds and more.
        OSError: The file can't be made, or its file system has no locks.
    """
    with path.open("a") as lock:
        end = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise BusyError(
                        f"{path}: another process holds it; fuser {path} names it: wait for its end."
                    ) from None
                time.sleep(0.02)
        yield
