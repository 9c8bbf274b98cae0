"""Grey images as data URIs, for the page."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Larger images are shrunk: with hundreds of classes the page stays within its 1.5 MB.
MAX_IMAGE_PIXELS = 48


def encode_png(pixels: NDArray[np.uint8]) -> str:
    """Return a grey image, uint8 [H, W], as the data URI of a PNG file; at most 48 pixels high and wide."""
    image = Image.fromarray(pixels)
    image.thumbnail((MAX_IMAGE_PIXELS, MAX_IMAGE_PIXELS))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
