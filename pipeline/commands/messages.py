"""Errors as sentences: what is wrong and where, what was expected or what to do. Every command's errors end here.

Our own errors carry their sentence. Those of the system and of libraries are given the place and the remedy here.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipeline.commands.exit_codes import ExitCode

# What a person can do about an error of the system.
REMEDIES = {
    errno.ENOSPC: "free some space on that disk, or name a folder on another one, and try again",
    errno.EDQUOT: "free some of your quota, or name a folder on another disk, and try again",
    errno.EROFS: "that file system is read-only; name a folder that can be written",
    errno.EACCES: "give yourself access to it, or name another one",
    errno.EPERM: "give yourself access to it, or name another one",
    errno.ENOENT: "restore it, or name another one",
    errno.ENOTDIR: "a part of that path is a file; name a folder",
    errno.EISDIR: "expected a file there; move that folder away",
    errno.EEXIST: "move what is there away",
    errno.ENAMETOOLONG: "use shorter names of folders",
    errno.ELOOP: "its links lead in a circle; name the folder itself",
    errno.EMFILE: "allow more open files (ulimit -n 4096), and try again",
    errno.ENFILE: "the machine has too many open files; close some programs, and try again",
    errno.ENOMEM: "close some programs, or use a machine with more memory",
    errno.EIO: "the disk fails; check it, and name a folder on another one",
    errno.ESTALE: "the network file system lost it; mount it again",
    errno.ETIMEDOUT: "check the connection, and try again",
    errno.ENOLCK: "that file system has no locks; name a folder on a local disk with --output",
}
OUT_OF_MEMORY = "the memory is not enough; choose a smaller --batch-size, --hidden-units or --sample-size"
# What is copied names two files.
_ERRNO = re.compile(r"\[Errno (\d+)\] ([^:\[]+?)(?:: '([^']*)')?(?: -> '([^']*)')?(?: \[while running.*)?$", re.DOTALL)
# They befall what is written, and not what is read.
_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_OUT_OF_MEMORY = re.compile(r"OOM when allocating|failed to allocate memory|Unable to allocate|Cannot allocate memory")
_LONGEST = 400


class Explanation(NamedTuple):
    """A sentence without its last point, the exit code, and whether the cause is known: else a log has to tell more."""

    sentence: str
    code: ExitCode
    known: bool


def explain(error: BaseException) -> Explanation:
    """Say what an error means to the person at the terminal."""
    name, text = type(error).__name__, str(error).strip()
    if type(error).__module__.partition(".")[0] in ("components", "pipeline"):
        return Explanation(text.rstrip("."), _choose_code(error), known=True)
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return Explanation(OUT_OF_MEMORY, ExitCode.ERROR, known=True)
    if isinstance(error, ModuleNotFoundError) and error.name:
        where = f"the Python package {error.name.partition('.')[0]} is not installed here"
        return Explanation(f"{where}; use .venv/bin/python, which `make setup` makes", ExitCode.ERROR, known=True)
    if isinstance(error, OSError) and error.errno:
        return _explain_system(error.errno, error.strerror or "", error.filename, error.filename2)
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):  # of a folder: from, to and text of each
        text = str(error.args[0][0][2])
    if found := _ERRNO.search(text):  # Beam makes a new error of the text
        return _explain_system(int(found[1]), found[2], found[3], found[4])
    return Explanation(_shorten(name, text), ExitCode.ERROR, known=False)


def _choose_code(error: BaseException) -> ExitCode:
    """Return the exit code of an error of ours: a ValueError says that what was given can't be used."""
    if type(error).__name__ == "DataRejectedError":  # to import the class would import TFX
        return ExitCode.DATA_REJECTED
    return ExitCode.BAD_INPUT if isinstance(error, ValueError) else ExitCode.ERROR


@contextmanager
def name_place(path: Path) -> Iterator[None]:
    """Give an error of the system that names no file this one: a write to a full disk does not say where."""
    try:
        yield
    except OSError as error:
        if error.errno and not error.filename:
            error.filename = str(path)
        raise


def _explain_system(number: int, what: str, path: object, copied_to: object) -> Explanation:
    if copied_to and number in _WRITING:
        path = copied_to
    if isinstance(path, bytes):
        path = path.decode(errors="replace")
    sentence = f"{path}: {what.lower()}" if isinstance(path, str) and path else what.capitalize()
    remedy = REMEDIES.get(number)
    return Explanation(f"{sentence}; {remedy}" if remedy else sentence, ExitCode.ERROR, known=bool(remedy and path))


def _shorten(name: str, text: str) -> str:
    """Find the line that tells most, and name the kind of error where the line alone says little."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return name
    # AutoGraph puts the way through the sources first, and the cause last.
    line = lines[-1] if lines[0].startswith("in user code:") else lines[0]
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return line.rstrip(".") if re.match(r"\w*(Error|Exception)\b", line) else f"{name}: {line.rstrip('.')}"
