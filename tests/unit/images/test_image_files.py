"""Images of people are read as grey values, whatever file they come in, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.images.idx import write_idx
from components.images.image_files import ImageFileError, read_image_file

PIXELS = np.random.default_rng(0).integers(0, 256, (28, 20), dtype=np.uint8)


@pytest.mark.parametrize("name", ["image.png", "image-without-ending"])
def test_a_png_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / name, "PNG")
    assert np.array_equal(read_image_file(tmp_path / name, (28, 20)), PIXELS[None])


def test_a_jpeg_in_colour_becomes_grey(tmp_path: Path) -> None:
    Image.new("RGB", (20, 28), (90, 90, 90)).save(tmp_path / "image.jpg")
    assert np.unique(read_image_file(tmp_path / "image.jpg", (28, 20))).tolist() == [90]


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_all_images_of_an_idx_file_are_read(tmp_path: Path, name: str) -> None:
    write_idx(tmp_path / name, np.stack([PIXELS, 255 - PIXELS]))
    assert np.array_equal(read_image_file(tmp_path / name, (28, 20))[1], 255 - PIXELS)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("text.png", b"hello", "text.png: not an image; expected a PNG, JPEG or IDX file"),
        ("empty", b"", "empty: not an image"),
        ("labels", b"\0\0\x08\x01\0\0\0\x01\0", "labels: magic 0x00000801, expected 0x00000803"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0", "cut.png: not an image"),
        ("missing.png", None, "missing.png: cannot be read .No such file"),
        ("folder", "folder", "folder: cannot be read .Is a directory"),
    ],
)
def test_what_is_no_image_is_refused_with_its_name(tmp_path: Path, name: str, content, complaint: str) -> None:
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageFileError, match=complaint):
        read_image_file(tmp_path / name, (28, 20))


def test_a_png_whose_pixels_are_cut_off_is_refused(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-80])
    with pytest.raises(ImageFileError, match=r"cut\.png: cannot be read"):
        read_image_file(tmp_path / "cut.png", (28, 20))


def test_an_image_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "image.png")
    with pytest.raises(ImageFileError, match=r"28 x 20 pixels, expected 28 x 28 \(height x width\)"):
        read_image_file(tmp_path / "image.png", (28, 28))
