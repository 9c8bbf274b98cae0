"""Images are on the page as they are."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from components.report.pictures import encode_png


def decode_png(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_png_holds_the_pixels_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 20), dtype=np.uint8)
    assert np.array_equal(decode_png(encode_png(pixels)), pixels)


def test_a_large_image_is_shrunk_in_proportion() -> None:
    assert decode_png(encode_png(np.zeros((400, 200), np.uint8))).shape == (48, 24)
