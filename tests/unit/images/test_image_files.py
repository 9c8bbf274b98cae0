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
    assert np.array_equal(read_image_file(tmp_path / name, (28, 20)).grey, PIXELS[None])


def test_a_jpeg_in_colour_becomes_grey(tmp_path: Path) -> None:
    Image.new("RGB", (20, 28), (90, 90, 90)).save(tmp_path / "image.jpg")
    assert np.unique(read_image_file(tmp_path / "image.jpg", (28, 20)).grey).tolist() == [90]


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_all_images_of_an_idx_file_are_read(tmp_path: Path, name: str) -> None:
    write_idx(tmp_path / name, np.stack([PIXELS, 255 - PIXELS]))
    assert np.array_equal(read_image_file(tmp_path / name, (28, 20)).grey[1], 255 - PIXELS)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("text.png", b"hello", "text.png: a text file; expected a PNG, JPEG or IDX file"),
        ("empty", b"", "empty: empty; expected a PNG"),
        ("labels", b"\0\0\x08\x01\0\0\0\x01\0", "labels: magic 0x00000801, expected 0x00000803"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0", "cut.png: a PNG image that is damaged"),
        ("shoe.webp", b"RIFF\0\0\0\0WEBPVP8 ", "shoe.webp: a WebP image; expected a PNG"),
        ("missing.png", None, "missing.png: cannot be read .No such file"),
        ("folder", "folder", "folder: cannot be read .no regular file.; expected a whole PNG"),
    ],
)
def test_what_is_no_image_is_refused_with_its_name(tmp_path: Path, name: str, content, complaint: str) -> None:
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageFileError, match=complaint):
        read_image_file(tmp_path / name, (28, 20))


@pytest.mark.parametrize("lost", [80, 20])
def test_a_png_that_was_cut_is_refused_even_with_all_pixels_there(tmp_path: Path, lost: int) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-lost])
    with pytest.raises(ImageFileError, match=r"cut\.png: cannot be read"):
        read_image_file(tmp_path / "cut.png", (28, 20))


def test_an_image_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "image.png")
    with pytest.raises(ImageFileError, match=r"28 x 20 pixels, expected 28 x 28 \(height x width\)"):
        read_image_file(tmp_path / "image.png", (28, 28))


def read(path: Path, ground: int = 0, *, invert: bool = False) -> np.ndarray:
    return read_image_file(path, (28, 20)).flatten(ground, invert=invert)[0]


@pytest.mark.parametrize("factor", [256, 257])
def test_16_bits_are_scaled_to_8(tmp_path: Path, factor: int) -> None:
    Image.fromarray(PIXELS.astype(np.uint16) * np.uint16(factor)).save(tmp_path / "grey.png")
    assert np.array_equal(read(tmp_path / "grey.png"), PIXELS)


def test_one_bit_and_a_palette_are_grey_values(tmp_path: Path) -> None:
    Image.fromarray(PIXELS > 127).save(tmp_path / "bit.png")
    assert np.array_equal(read(tmp_path / "bit.png"), np.where(PIXELS > 127, 255, 0))
    Image.fromarray(PIXELS).convert("P").save(tmp_path / "palette.png")
    assert np.array_equal(read(tmp_path / "palette.png"), PIXELS)


def test_cmyk_is_seen_as_the_colours_that_it_shows(tmp_path: Path) -> None:
    Image.new("RGB", (20, 28), (200, 200, 200)).convert("CMYK").save(tmp_path / "image.jpg")
    assert abs(int(read(tmp_path / "image.jpg")[0, 0]) - 200) <= 2


@pytest.mark.parametrize("ground", [0, 100, 255])
def test_what_is_transparent_shows_the_ground(tmp_path: Path, ground: int) -> None:
    opacity = np.zeros_like(PIXELS)
    opacity[5:20, 5:15] = 255
    opacity[0, 0] = 51
    Image.fromarray(np.dstack([PIXELS, opacity])).save(tmp_path / "image.png")
    pixels = read(tmp_path / "image.png", ground)
    assert np.array_equal(pixels[5:20, 5:15], PIXELS[5:20, 5:15])
    assert np.unique(pixels[opacity == 0]).tolist() == [ground]
    assert pixels[0, 0] == round(0.2 * PIXELS[0, 0] + 0.8 * ground)


def test_one_colour_or_entry_of_a_palette_may_be_transparent(tmp_path: Path) -> None:
    grey = np.full((28, 20), 90, np.uint8)
    grey[3, 4] = 7
    Image.fromarray(grey).save(tmp_path / "grey.png", transparency=7)
    wide = Image.fromarray(grey.astype(np.uint16) * np.uint16(257))
    wide.save(tmp_path / "wide.png", transparency=7 * 257)
    Image.fromarray(grey).convert("P").save(tmp_path / "palette.png", transparency=7)
    for name in ("grey.png", "wide.png", "palette.png"):
        pixels = read(tmp_path / name, 200)
        assert pixels[3, 4] == 200
        assert np.unique(pixels).tolist() == [90, 200], name


def test_inverting_turns_the_image_and_not_the_ground(tmp_path: Path) -> None:
    """A dark drawing on nothing becomes a light one on the ground of the training images."""
    opacity = np.where(PIXELS > 127, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([np.zeros_like(PIXELS), opacity])).save(tmp_path / "image.png")
    assert np.array_equal(read(tmp_path / "image.png", 0, invert=True), opacity)


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("name", ["photo.jpg", "photo.png"])
def test_a_photo_is_turned_upright(tmp_path: Path, name: str, orientation: int, turn: int) -> None:
    upright = np.zeros((28, 20), np.uint8)
    upright[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.rot90(upright, -turn)).save(tmp_path / name, exif=exif, quality=95)
    assert np.abs(read(tmp_path / name).astype(int) - upright).max() < 20


def test_an_animation_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageFileError, match=r"moving\.png: an animation of 2 images, expected one image a file"):
        read(tmp_path / "moving.png")
