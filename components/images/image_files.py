"""Images that a person brings: PNG, JPEG or IDX files, read as grey values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from components.images.idx import IdxError, read_images

_IDX_STARTS = (b"\x00\x00", b"\x1f\x8b")  # plain and gzip


class ImageFileError(ValueError):
    """A file is no image that can be read, or one of another size; one sentence says which and what is expected."""


def read_image_file(path: Path, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a PNG or JPEG file, in colour or not, or all images of an IDX file.

    Returns:
        uint8 [N, height, width]; N is 1 but for IDX files.

    Raises:
        ImageFileError: The file is none of these, is damaged, or its images are not of `shape`.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start in _IDX_STARTS:
            images = read_images(path)
        else:
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                images = np.asarray(image.convert("L"))[None]
    except UnidentifiedImageError:
        raise ImageFileError(f"{path}: not an image; expected a PNG, JPEG or IDX file.") from None
    except IdxError as error:
        raise ImageFileError(f"{path.parent / str(error)}.") from error
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise ImageFileError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); restore it."
        ) from error
    if images.shape[1:] != shape:
        found, expected = ("{} x {}".format(*size) for size in (images.shape[1:], shape))
        raise ImageFileError(f"{path}: {found} pixels, expected {expected} (height x width), as the model was trained.")
    return images
