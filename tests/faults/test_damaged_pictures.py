"""A picture that can't be used is refused by its name."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.faults.damage import NO_FILES, NOT_THIS_KIND, OTHERWISE_PACKED, append, become, cut, flip, overwrite
from tests.faults.refusals import check_refusal, invoke

pytestmark = pytest.mark.timeout(60, func_only=True)


def encode(size: tuple[int, int] = (28, 28), kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("L", size, 99).save(stream, kind, **options)
    return stream.getvalue()


def make_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def make_png(width: int, height: int, *, depth: int = 8, colour: int = 0, data: bytes = b"") -> bytes:
    """https://www.w3.org/TR/png/#11IHDR"""
    header = make_chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + make_chunk(b"IDAT", zlib.compress(data, 9)) + make_chunk(b"IEND", b"")


def make_idx(*shape: int, magic: int = 0x803) -> bytes:
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + bytes(int(np.prod(shape)))


PICTURES = {
    **{f"PNG of {size[0]} x {size[1]}": become(encode(size)) for size in ((27, 28), (28, 29), (1, 1), (280, 280))},
    **{f"PNG of {kept} bytes": cut(kept) for kept in (1, 7, 8, 16, 24, 33, 40, 60)},
    "PNG without its end": cut(-20),
    "PNG with another checksum": overwrite(29, b"\1\2\3\4"),
    "PNG with a bit turned over": flip(0.7),
    "PNG of 0 x 0": become(make_png(0, 0)),
    "PNG of 3 bits": become(make_png(28, 28, depth=3)),
    "PNG of an unknown colour": become(make_png(28, 28, colour=9)),
    "PNG without pixels": become(make_png(28, 28)),
    "PNG without a chunk of pixels": become(encode()[:33] + make_chunk(b"IEND", b"")),
    "PNG that is a bomb": become(make_png(60_000, 60_000, data=bytes(10**7))),
    "PNG of 2^31 - 1": become(make_png(2**31 - 1, 2**31 - 1)),
    "PNG that moves": become(encode(save_all=True, append_images=[Image.new("L", (28, 28), 1)])),
    "JPEG cut": become(encode(kind="JPEG")[:300]),
    "JPEG of its first bytes": become(b"\xff\xd8\xff\xe0"),
    "JPEG of another size": become(encode((20, 28), "JPEG")),
    **{kind: become(encode(kind=kind)) for kind in ("GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "PDF", "EPS", "TGA")},
    "SVG": become(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "IDX of another size": become(make_idx(2, 27, 28)),
    "IDX of no images": become(make_idx(0, 28, 28)),
    "IDX of labels": become(make_idx(28, magic=0x801)),
    "IDX of 2^32 - 1 images": become(struct.pack(">4I", 0x803, 2**32 - 1, 28, 28)),
    "IDX with more behind it": become(make_idx(1, 28, 28) + b"x"),
    **NO_FILES,
    **NOT_THIS_KIND,
    **OTHERWISE_PACKED,
}


@pytest.mark.parametrize("damage", PICTURES)
def test_a_picture(finished_output, tmp_path, damage):
    picture = tmp_path / "picture.png"
    picture.write_bytes(encode())
    PICTURES[damage](picture)
    check_refusal("predict", picture, "--output", finished_output, culprit="picture.png", untouched=finished_output)


def test_the_sound_picture_is_answered_and_so_is_one_with_more_behind_it(finished_output, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(encode())
    append(b"more")(picture)
    assert invoke("predict", picture, "--output", finished_output, "--json").exit_code == 0


QUESTIONS = {
    "nothing": (),
    "--eval -1": ("--eval", "-1"),
    "--eval 200": ("--eval", "200"),
    "--eval-range backwards": ("--eval-range", "9:1"),
    "--eval-range without end": ("--eval-range", "5:"),
    "--eval-range of words": ("--eval-range", "a:b"),
    "--eval-range, absurd": ("--eval-range", "0:100000000000"),
    "--version 9": ("--eval", "0", "--version", "9"),
    "--version 0": ("--eval", "0", "--version", "0"),
    "--version -1": ("--eval", "0", "--version", "-1"),
    "--data nowhere": ("--eval", "0", "--data", "nowhere"),
    "--plot of no picture": ("--eval", "0", "--plot", "plot.exe"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question(finished_output, question):
    check_refusal("predict", *QUESTIONS[question], "--output", finished_output, culprit="", untouched=finished_output)
