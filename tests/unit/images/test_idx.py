"""IDX files come back as they were written, and nothing that is damaged or hostile gets through."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.images.idx import IdxError, read_images, read_labels, read_rows, unpack, verify_idx, write_idx

IMAGES_MAGIC = 0x0803


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (20, 5, 4), np.uint8)


@pytest.fixture
def plain(tmp_path: Path, images: NDArray[np.uint8]) -> Path:
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, images)
    return path


@pytest.fixture
def packed(tmp_path: Path, images: NDArray[np.uint8]) -> Path:
    path = tmp_path / "packed-images-idx3-ubyte.gz"
    write_idx(path, images)
    return path


def header(*shape: int, magic: int = IMAGES_MAGIC) -> bytes:
    return struct.pack(f">{1 + len(shape)}I", magic, *shape)


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    """Magic, big-endian sizes, values: what any other reader of IDX files expects."""
    write_idx(tmp_path / "labels", np.array([7, 0, 255], np.uint8))
    assert (tmp_path / "labels").read_bytes() == bytes.fromhex("00000801 00000003 0700ff")


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_images_come_back_as_written(tmp_path: Path, images: NDArray[np.uint8], name: str) -> None:
    write_idx(tmp_path / name, images.transpose(0, 2, 1))  # not contiguous
    assert np.array_equal(read_images(tmp_path / name), images.transpose(0, 2, 1))
    assert verify_idx(tmp_path / name, 3).shape == (20, 4, 5)


def test_labels_come_back_as_written(tmp_path: Path) -> None:
    labels = np.arange(256, dtype=np.uint8)
    write_idx(tmp_path / "labels.gz", labels)
    read = read_labels(tmp_path / "labels.gz")
    assert read.dtype == np.uint8
    assert np.array_equal(read, labels)


def test_files_larger_than_a_chunk_come_back_whole(tmp_path: Path) -> None:
    images = np.random.default_rng(2).integers(0, 256, (3, 1000, 1000), np.uint8)
    for name in ("images", "images.gz"):
        write_idx(tmp_path / name, images)
        assert np.array_equal(read_images(tmp_path / name), images)


def test_gzip_is_told_by_content_and_not_by_name(plain: Path, packed: Path, images: NDArray[np.uint8]) -> None:
    """Browsers unpack .gz on the way and keep the name, or the other way round."""
    misnamed_plain, misnamed_packed = plain.with_suffix(".gz"), packed.with_suffix("")
    plain.rename(misnamed_plain)
    packed.rename(misnamed_packed)
    assert np.array_equal(read_images(misnamed_plain), images)
    assert np.array_equal(read_images(misnamed_packed), images)


def test_equal_arrays_give_equal_gzip_bytes(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    write_idx(tmp_path / "one.gz", images)
    write_idx(tmp_path / "two.gz", images.copy())
    content = (tmp_path / "one.gz").read_bytes()
    assert content == (tmp_path / "two.gz").read_bytes()
    assert content[4:8] == bytes(4)  # the time


def test_the_digest_is_over_the_uncompressed_file(plain: Path, packed: Path) -> None:
    expected = hashlib.sha256(plain.read_bytes()).digest()
    for path in (plain, packed):
        assert verify_idx(path, 3).digest == expected


def test_a_wrong_magic_is_named_with_the_expected_one(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros(30, np.uint8))
    with pytest.raises(IdxError) as error:
        verify_idx(tmp_path / "train-images-idx3-ubyte.gz", 3)
    expected = "train-images-idx3-ubyte.gz: magic 0x00000801, expected 0x00000803 (3-D uint8 IDX)"
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty; expected an IDX file of images, plain or gzip"),
        (b"\0\0\x08\x03", "4 bytes, expected a header of 16"),
        (header(2, 2), "12 bytes, expected a header of 16"),
        (header(2, 2, 2) + bytes(7), r"7 bytes of data, expected 8 bytes for shape \[2, 2, 2\]"),
        (header(2, 2, 2) + bytes(9), "trailing bytes after the data, expected 8 bytes"),
        (header(0, 28, 28), "expected every dimension to be above 0"),
        (header(5, 0, 28), "expected every dimension to be above 0"),
        (
            header(2, 2, 2, magic=0x0D03) + bytes(32),
            "an IDX file of float32 in 3 dimensions; expected an IDX file of images",
        ),
        (b"\x01\x02\x03\x80" * 9, "magic 0x01020380, expected 0x00000803"),
        (b"<!DOCTYPE html><title>Not found</title>", "an HTML page: the download failed, repeat it; expected"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_is_no_sound_file_is_refused(
    tmp_path: Path, content: bytes, complaint: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "images"
    path.write_bytes(pack(content))
    with pytest.raises(IdxError, match=f"^images: .*{complaint}"):
        verify_idx(path, 3)
    with pytest.raises(IdxError, match=complaint):
        read_images(path)


def test_a_file_that_was_packed_twice_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(gzip.compress(gzip.compress(header(2, 2, 2) + bytes(8))))
    with pytest.raises(IdxError, match=r"^images: a gzip file inside a gzip file; expected an IDX file of images"):
        verify_idx(tmp_path / "images", 3)


def test_a_truncated_gzip_file_is_refused(packed: Path) -> None:
    """Every cut: within the gzip header, the data, or the checksum at the end."""
    content = packed.read_bytes()
    for size in (3, 12, len(content) // 2, len(content) - 8, len(content) - 1):
        packed.write_bytes(content[:size])
        with pytest.raises(IdxError, match="ends early"):
            verify_idx(packed, 3)


def test_a_damaged_gzip_checksum_is_refused(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    content[-8] ^= 1
    packed.write_bytes(content)
    with pytest.raises(IdxError, match="damaged gzip data"):
        verify_idx(packed, 3)


def test_damaged_gzip_data_is_refused(packed: Path) -> None:
    content = packed.read_bytes()
    packed.write_bytes(content[:10] + bytes([0x07]) + content[11:])  # a block of a type that is not there
    with pytest.raises(IdxError, match="damaged gzip data"):
        verify_idx(packed, 3)


def test_rubbish_after_gzip_data_is_refused(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes() + b"rubbish")
    with pytest.raises(IdxError, match="damaged gzip data"):
        verify_idx(packed, 3)


@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (2**31, 28, 28)])
def test_giant_declared_dimensions_allocate_nothing(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    path = tmp_path / "images"
    path.write_bytes(header(*shape) + bytes(100))
    tracemalloc.start()
    for read in (lambda: verify_idx(path, 3), lambda: read_images(path), lambda: read_rows(path, 0, 2**31)):
        with pytest.raises(IdxError, match="100 bytes of data"):
            read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_decompression_bomb_is_left_at_the_declared_size(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(header(1, 2, 2) + bytes(100 << 20)))
    tracemalloc.start()
    with pytest.raises(IdxError, match="trailing bytes"):
        read_images(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_missing_files_directories_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IdxError, match=r"^nowhere: No such file"):
        verify_idx(tmp_path / "nowhere", 3)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(IdxError, match=f"^{path.name}: no regular file"):
            verify_idx(path, 3)
        with pytest.raises(IdxError, match=f"^{path.name}: no regular file"):
            read_rows(path, 0, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(plain: Path) -> None:
    plain.chmod(0)
    with pytest.raises(IdxError, match="Permission denied"):
        verify_idx(plain, 3)


@pytest.mark.parametrize(("start", "stop"), [(0, 20), (3, 7), (19, 20), (5, 5), (0, 0)])
def test_rows_are_those_of_the_whole_file(plain: Path, images: NDArray[np.uint8], start: int, stop: int) -> None:
    rows = read_rows(plain, start, stop)
    assert rows.dtype == np.uint8
    assert rows.shape == (stop - start, 5, 4)
    assert np.array_equal(rows, images[start:stop])


def test_rows_of_labels(tmp_path: Path) -> None:
    write_idx(tmp_path / "labels", np.arange(9, dtype=np.uint8))
    assert read_rows(tmp_path / "labels", 2, 5).tolist() == [2, 3, 4]


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (0, 21), (5, 4)])
def test_rows_that_are_not_there_are_refused(plain: Path, start: int, stop: int) -> None:
    with pytest.raises(IdxError, match=f"rows {start} to {stop} asked for, expected rows within 0 to 20"):
        read_rows(plain, start, stop)


def test_rows_need_a_plain_and_whole_file(plain: Path, packed: Path) -> None:
    with pytest.raises(IdxError, match="expected a plain uint8 IDX file"):
        read_rows(packed, 0, 1)
    plain.write_bytes(plain.read_bytes()[:-1])
    with pytest.raises(IdxError, match="399 bytes of data, expected 400"):
        read_rows(plain, 0, 1)


def test_unpacking_gives_the_plain_bytes(plain: Path, packed: Path, tmp_path: Path) -> None:
    for path in (plain, packed):
        unpack(path, tmp_path / "unpacked")
        assert (tmp_path / "unpacked").read_bytes() == plain.read_bytes()


def test_unpacking_a_damaged_file_leaves_nothing(packed: Path, tmp_path: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-5])
    with pytest.raises(IdxError):
        unpack(packed, tmp_path / "unpacked")
    assert list(tmp_path.iterdir()) == [packed]


@pytest.mark.parametrize(
    "array",
    [np.zeros((2, 2), np.float32), np.zeros((1, 1, 1, 1), np.uint8), np.zeros((0, 28, 28), np.uint8), np.uint8(3)],
)
def test_only_what_can_be_read_again_is_written(tmp_path: Path, array: NDArray[np.uint8]) -> None:
    with pytest.raises(IdxError, match="expected non-empty uint8"):
        write_idx(tmp_path / "images", array)
    assert not list(tmp_path.iterdir())
