"""The IDX format of MNIST and its kin, read and written with all checks that a damaged or hostile file calls for.

Source of the format: "THE IDX FILE FORMAT" at the end of http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes, Burges).
Two zero bytes, one byte for the type (0x08 is uint8), one for the number of dimensions, every dimension as a
big-endian uint32, then the values in C order. Only uint8 is read and written here.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.images.file_kinds import describe_start
from components.images.regular_files import open_regular

CHUNK_BYTES = 1 << 20
MAX_DIMENSIONS = 3
_UINT8_MAGIC = 0x0800
_GZIP_MAGIC = b"\x1f\x8b"


class IdxError(ValueError):
    """A file is not the IDX file that was expected; says which file, what was found and what was expected."""


class IdxFile(NamedTuple):
    """A sound file: its shape, each dimension above 0, and the SHA-256 of its uncompressed bytes, header included."""

    path: Path
    shape: tuple[int, ...]
    digest: bytes


def verify_idx(path: Path, dimensions: int) -> IdxFile:
    """Read a whole IDX file once, plain or gzip, in chunks of 1 MiB, and check that it is sound.

    Args:
        path: the file; its first bytes and not its name tell whether it is gzip.
        dimensions: 3 for images, 1 for labels.

    Raises:
        IdxError: the file cannot be read, its gzip layer is damaged or cut short, its magic number is another, a
            dimension is 0, or there are fewer or more values than it declares.
    """
    chunks = _checked_chunks(path, dimensions)
    header = next(chunks)
    digest = hashlib.sha256(header)
    for chunk in chunks:
        digest.update(chunk)
    return IdxFile(path, _declared_shape(header), digest.digest())


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read all images of an IDX file, plain or gzip.

    Returns:
        uint8 [N, H, W], 0 to 255.

    Raises:
        IdxError: as `verify_idx`.
    """
    return _read_idx(path, 3)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read all labels of an IDX file, plain or gzip.

    Returns:
        uint8 [N].

    Raises:
        IdxError: as `verify_idx`.
    """
    return _read_idx(path, 1)


def read_rows(path: Path, start: int, stop: int) -> NDArray[np.uint8]:
    """Read the rows `start` to `stop` (exclusive) of a plain IDX file of 1 to 3 dimensions, and only those.

    Returns:
        uint8 [stop - start, ...]

    Raises:
        IdxError: the file cannot be read, is gzip or no uint8 IDX file, its size is not the declared one, or it has
            no such rows.
    """
    try:
        with open_regular(path) as stream:
            shape = _plain_shape(path, stream)
            if not 0 <= start <= stop <= shape[0]:
                raise IdxError(f"{path.name}: rows {start} to {stop} asked for, expected rows within 0 to {shape[0]}")
            row_bytes = math.prod(shape[1:])
            stream.seek(4 + 4 * len(shape) + start * row_bytes)
            rows = np.fromfile(stream, np.uint8, (stop - start) * row_bytes)
    except OSError as error:
        raise _unreadable(path, error) from error
    return rows.reshape(stop - start, *shape[1:])


def is_packed(path: Path) -> bool:
    """Tell by the first bytes whether a file is gzip.

    Raises:
        IdxError: it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            return stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    except OSError as error:
        raise _unreadable(path, error) from error


def unpack(path: Path, destination: Path) -> None:
    """Write the uncompressed bytes of a plain or gzip file to `destination`, which appears only when complete.

    Raises:
        IdxError: the file cannot be read, or its gzip layer is damaged or cut short.
        OSError: the destination cannot be written.
    """
    unfinished = destination.with_name(f"{destination.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as stream:
            stream.writelines(_plain_chunks(path))
        unfinished.replace(destination)
    finally:
        unfinished.unlink(missing_ok=True)


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array as an IDX file, gzip where the name ends in .gz; equal arrays give equal bytes.

    Args:
        path: the file to write; an old one is overwritten.
        array: uint8 with 1 to 3 dimensions, none of them empty.

    Raises:
        IdxError: the array is another than that.
        OSError: the file cannot be written.
    """
    if array.dtype != np.uint8 or not 1 <= array.ndim <= MAX_DIMENSIONS or not array.size:
        raise IdxError(f"{path.name}: {array.dtype} {list(array.shape)} given, expected non-empty uint8 in 1 to 3-D")
    header = struct.pack(f">{1 + array.ndim}I", _UINT8_MAGIC + array.ndim, *array.shape)
    with path.open("wb") as raw:
        if path.name.endswith(".gz"):
            # No name and no time, so that equal arrays give equal bytes. Level 1: far faster than 9, hardly larger.
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
                packed.write(header)
                packed.write(np.ascontiguousarray(array).data)
        else:
            raw.write(header)
            raw.write(np.ascontiguousarray(array).data)


def _read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    chunks = _checked_chunks(path, dimensions)
    shape = _declared_shape(next(chunks))
    values = bytearray()  # grows with what is really there; the header alone allocates nothing
    for chunk in chunks:
        values += chunk
    return np.frombuffer(values, np.uint8).reshape(shape)


def _checked_chunks(path: Path, dimensions: int) -> Iterator[bytes]:
    """The header, then the values; a complaint as soon as there is reason for one."""
    chunks = _plain_chunks(path)
    first = next(chunks, b"")
    header = first[: 4 + 4 * dimensions]
    _check_kind(path, first, dimensions)
    shape = _checked_shape(path, header, dimensions)
    yield header
    found = 0
    for chunk in chain([first[len(header) :]], chunks):
        found += len(chunk)
        if found > math.prod(shape):
            break
        yield chunk
    _check_size(path, found, shape)


def _plain_chunks(path: Path) -> Iterator[bytes]:
    try:
        with open_regular(path) as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if compressed else raw as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
    except EOFError as error:
        raise IdxError(f"{path.name}: compressed data ends early, expected a complete gzip file") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise IdxError(f"{path.name}: damaged gzip data ({error}), expected a sound gzip file") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _plain_shape(path: Path, stream: BinaryIO) -> tuple[int, ...]:
    header = stream.read(4 + 4 * MAX_DIMENSIONS)
    dimensions = int.from_bytes(header[3:4], "big")
    if header.startswith(_GZIP_MAGIC) or not 1 <= dimensions <= MAX_DIMENSIONS:
        raise IdxError(f"{path.name}: starts with 0x{header[:4].hex()}, expected a plain uint8 IDX file")
    header = header[: 4 + 4 * dimensions]
    shape = _checked_shape(path, header, dimensions)
    _check_size(path, os.fstat(stream.fileno()).st_size - len(header), shape)
    return shape


def _check_kind(path: Path, start: bytes, dimensions: int) -> None:
    """Complain of what is another file altogether; of what is nearly right, its header tells more."""
    kind = describe_start(start[:512])
    if start.startswith(_GZIP_MAGIC):
        kind += " inside a gzip file"
    if kind and not start.startswith(b"\0\0\x08"):
        expected = "images" if dimensions == MAX_DIMENSIONS else "labels"
        raise IdxError(f"{path.name}: {kind}; expected an IDX file of {expected}, plain or gzip")


def _checked_shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    magic, expected = header[:4], struct.pack(">I", _UINT8_MAGIC + dimensions)
    if not expected.startswith(magic):
        raise IdxError(f"{path.name}: magic 0x{magic.hex()}, expected 0x{expected.hex()} ({dimensions}-D uint8 IDX)")
    if len(header) < 4 + 4 * dimensions:
        raise IdxError(f"{path.name}: {len(header)} bytes, expected a header of {4 + 4 * dimensions}")
    shape = _declared_shape(header)
    if 0 in shape:
        raise IdxError(f"{path.name}: shape {list(shape)}, expected every dimension to be above 0")
    return shape


def _declared_shape(header: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(header) // 4 - 1}I", header[4:])


def _check_size(path: Path, found: int, shape: tuple[int, ...]) -> None:
    expected = math.prod(shape)
    if found != expected:
        amount = f"{found} bytes of data" if found < expected else "trailing bytes after the data"
        raise IdxError(f"{path.name}: {amount}, expected {expected} bytes for shape {list(shape)}")


def _unreadable(path: Path, error: OSError) -> IdxError:
    return IdxError(f"{path.name}: {error.strerror or error}, expected a readable IDX file")
