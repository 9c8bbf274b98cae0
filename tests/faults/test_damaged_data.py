"""Damaged data is refused before anything is written: each field of the headers, the packing, files, links, names."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
from pathlib import Path

import pytest

from tests.faults.damage import (
    NO_FILES,
    NOT_THIS_KIND,
    OTHERWISE_PACKED,
    append,
    become,
    cut,
    flip,
    lead_to,
    overwrite,
    repack,
)
from tests.faults.refusals import check_refusal

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
EVAL_IMAGES, EVAL_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
HUGE = struct.pack(">I", 2**32 - 1)
pytestmark = pytest.mark.timeout(60, func_only=True)


@pytest.fixture(scope="module")
def plain_dir(sample_dir, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("plain")
    for path in sample_dir.glob("*.gz"):
        (directory / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return directory


@pytest.fixture
def data(plain_dir, tmp_path) -> Path:
    return shutil.copytree(plain_dir, tmp_path / "data")


def refuse(data: Path, culprit: str) -> str:
    output = data.parent / "output"
    sentence = check_refusal("run", "--data", data, "--output", output, culprit=culprit, untouched=data)
    assert not output.exists()
    return sentence


FIELDS = [("magic", 0)] + [(name, 4 + 4 * index) for index, name in enumerate(("images", "rows", "columns"))]
HEADERS = {
    **{f"{kept} bytes": cut(kept) for kept in range(1, 16)},
    "no pixels": cut(16),
    "half of the pixels": cut(200_000),
    "a byte less": cut(-1),
    "a byte more": append(b"\0"),
    "a second file behind it": repack(lambda content: content * 2),
    **{f"byte {index} of the magic": overwrite(index, b"\x07") for index in range(4)},
    "signed bytes": overwrite(2, b"\x09"),
    "floats": overwrite(2, b"\x0d"),
    "little-endian": repack(lambda content: struct.pack("<4I", *struct.unpack(">4I", content[:16])) + content[16:]),
    "four dimensions": overwrite(3, b"\x04"),
    "255 dimensions": overwrite(3, b"\xff"),
    **{f"0 {name}": overwrite(offset, bytes(4)) for name, offset in FIELDS[1:]},
    **{f"2^32 - 1 {name}": overwrite(offset, HUGE) for name, offset in FIELDS[1:]},
    **{f"1 {name}": overwrite(offset, struct.pack(">I", 1)) for name, offset in FIELDS[1:]},
    "2^32 - 1 everything": overwrite(4, HUGE * 3),
    "a size that is 0 in 64 bits": overwrite(4, struct.pack(">3I", 2**31, 2**31, 4)),
}


@pytest.mark.parametrize("damage", HEADERS)
def test_images(data, damage):
    HEADERS[damage](data / IMAGES)
    refuse(data, IMAGES)


LABEL_HEADERS = {
    **{f"{kept} bytes": cut(kept) for kept in range(1, 8)},
    "no labels": cut(8),
    "a byte less": cut(-1),
    "a byte more": append(b"\0"),
    **{f"byte {index} of the magic": overwrite(index, b"\x07") for index in range(4)},
    "0 labels": overwrite(4, bytes(4)),
    "2^32 - 1 labels": overwrite(4, HUGE),
    "of images": overwrite(3, b"\x03"),
}


@pytest.mark.parametrize("name", [LABELS, EVAL_LABELS])
@pytest.mark.parametrize("damage", LABEL_HEADERS)
def test_labels(data, damage, name):
    LABEL_HEADERS[damage](data / name)
    refuse(data, name)


def cut_share(share: float):
    return lambda path: cut(int(share * path.stat().st_size))(path)


def make_bomb(path: Path) -> None:
    """Half a gigabyte of zeros in half a megabyte, as 20 million images of 5 x 5, all there."""
    with gzip.open(path, "wb", 6) as stream:
        stream.write(struct.pack(">4I", 0x803, 20 << 20, 5, 5))
        for _ in range(500):
            stream.write(bytes(1 << 20))


def make_bomb_behind(path: Path) -> None:
    """Half a gigabyte of zeros behind the images."""
    with gzip.open(path, "ab", 6) as stream:
        for _ in range(500):
            stream.write(bytes(1 << 20))


PACKINGS = {
    "a bomb as declared": make_bomb,
    "a bomb behind the images": make_bomb_behind,
    **{f"{kept} bytes": cut(kept) for kept in (2, 3, 9, 10, 11)},
    **{f"cut at {share:.0%}": cut_share(share) for share in (0.01, 0.5, 0.99)},
    "a byte less": cut(-1),
    "without its trailer": cut(-8),
    "another checksum": overwrite(-8, b"\1\2\3\4"),
    "unknown compression": overwrite(2, b"\x07"),
    **{f"a bit at {share:.0%}": flip(share) for share in (0.1, 0.3, 0.5, 0.7, 0.9)},
    "trash behind it": append(b"trash" * 100),
    "a second member": repack(lambda packed: packed + gzip.compress(b"\0")),
    "nothing in it": become(gzip.compress(b"")),
    "a web page in it": become(gzip.compress(b"<html></html>")),
}


@pytest.mark.parametrize("damage", PACKINGS)
def test_gzip(data, damage):
    path = data / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress((data / IMAGES).read_bytes(), 1, mtime=0))
    (data / IMAGES).unlink()
    PACKINGS[damage](path)
    refuse(data, IMAGES)


ANY_FILE = NO_FILES | NOT_THIS_KIND | OTHERWISE_PACKED


@pytest.mark.parametrize("name", [IMAGES, EVAL_LABELS])
@pytest.mark.parametrize("damage", ANY_FILE)
def test_something_else(data, damage, name):
    ANY_FILE[damage](data / name)
    refuse(data, name)


def swap(data: Path, one: str, other: str) -> None:
    (data / one).rename(data / "aside")
    (data / other).rename(data / one)
    (data / "aside").rename(data / other)


@pytest.mark.parametrize(
    "names", [(IMAGES, LABELS), (IMAGES, EVAL_IMAGES), (LABELS, EVAL_LABELS), (IMAGES, EVAL_LABELS)]
)
def test_swapped_files(data, names):
    swap(data, *names)
    refuse(data, "-ubyte")


@pytest.mark.parametrize("name", [IMAGES, LABELS, EVAL_IMAGES, EVAL_LABELS])
def test_a_missing_file(data, name):
    (data / name).unlink()
    refuse(data, name)


def test_splits_of_other_sizes(data):
    overwrite(8, struct.pack(">2I", 14, 56))(data / EVAL_IMAGES)
    refuse(data, "14 x 56")


def test_two_that_differ(data):
    (data / f"{LABELS}.gz").write_bytes(gzip.compress(b"other"))
    refuse(data, LABELS)


CLASS_NAMES = {
    "a name of a million characters": become(b"a" * 10**6 + b"\nb\n"),
    "an escape": become(b"a\x1b[31m\nb\n"),
    "a name with NUL": become(b"a\0\nb\n"),
    "a gigabyte of nothing": lambda path: os.truncate(path, 2**30),
    "empty": become(b""),
    "blank lines": become(b"a\n\nb\n"),
    "one name": become(b"a\n"),
    "257 names": become("\n".join(map(str, range(257))).encode()),
    "repeated names": become(b"a\nb\na\n"),
    "names that differ in spaces": become(b"a\n a\n"),
    "Latin-1": become("Schön\nHäßlich\n".encode("latin-1")),
    "UTF-16": become("a\nb\n".encode("utf-16")),
    "UTF-8 cut in a letter": become("aé".encode()[:-1] + b"\nb\n"),
    "a surrogate": become(b"\xed\xa0\x80\nb\n"),
    **NO_FILES,
}


@pytest.mark.parametrize("damage", CLASS_NAMES)
def test_class_names(data, damage):
    (data / "labels.txt").write_text("a\nb\n")
    CLASS_NAMES[damage](data / "labels.txt")
    refuse(data, "labels.txt")


PLACES = {
    "nothing there": lambda data: data / "nowhere",
    "a file": lambda data: data / IMAGES,
    "an empty folder": lambda data: data.parent,
    "a folder of folders": lambda data: data.parent.parent,
    "a name of 300 characters": lambda data: data / ("x" * 300),
    "a path of 5000 characters": lambda data: data / ("x/" * 2500),
    "a device": lambda data: Path("/dev/null"),
    "an escape": lambda data: data / "\x1b[31mred",
    "two lines": lambda data: data / "one\ntwo",
    "markup": lambda data: data / "[/bold]",
    "no UTF-8": lambda data: os.fsdecode(b"\xff\xfe"),
    "a web address": lambda data: "https://example.com/data",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_folder_that_is_none(data, place):
    output = data.parent / "output"
    check_refusal("run", "--data", PLACES[place](data), "--output", output, culprit="Error: ", untouched=data)
    assert not output.exists()


def test_a_folder_that_is_a_link_in_a_circle(data):
    link = data.parent / "link"
    link.write_bytes(b"")
    lead_to("{name}")(link)
    check_refusal("run", "--data", link, "--output", data.parent / "output", culprit="link", untouched=data)
