"""Files that others may have put there: a pipe in place of one would be waited for, and a device may have no end."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PIECE_BYTES = 1 << 16


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    Raises:
        OSError: It can't be opened, or is something else; `strerror` says which.
    """
    return open(path, "rb", opener=_open_at_once)


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a regular file that is no larger than anything that belongs there.

    Raises:
        OSError: It can't be read, is something else, or has more than `most_bytes` bytes; `strerror` says which.
    """
    with open_regular(path) as stream:
        content = b"".join(_read_pieces(stream, most_bytes + 1))  # all at once would need that much memory
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"more than {most_bytes:,} bytes", str(path))
    return content


def _read_pieces(stream: BinaryIO, left: int) -> Iterator[bytes]:
    while left > 0 and (piece := stream.read(min(left, _PIECE_BYTES))):
        yield piece
        left -= len(piece)


def _open_at_once(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", path)
    return descriptor
