"""Images that a person brings: PNG, JPEG or IDX files, read as grey values."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from components.features import GREY_WEIGHTS
from components.images.file_kinds import describe_start
from components.images.idx import IdxError, read_images
from components.images.regular_files import open_regular

_IDX_STARTS = (b"\x00\x00", b"\x1f\x8b")  # plain and gzip
_FORMATS = ("PNG", "JPEG")
_OPAQUE = 255


class ImageFileError(ValueError):
    """A file is no image that can be read, or one of another size; one sentence says which and what is expected."""


class Picture(NamedTuple):
    """Grey values and opacity of images: uint8 [N, height, width] each, 0 to 255; no opacity where all is opaque."""

    grey: NDArray[np.uint8]
    opacity: NDArray[np.uint8] | None = None

    def flatten(self, ground: int, *, invert: bool = False) -> NDArray[np.uint8]:
        """Lay the images on a ground of that grey value, light turned into dark if asked for: uint8 [N, H, W]."""
        grey = np.uint8(255) - self.grey if invert else self.grey
        return grey if self.opacity is None else blend(grey, self.opacity, ground)


def read_image_file(path: Path, shape: tuple[int, int]) -> Picture:
    """Read a PNG or JPEG file, or all images of an IDX file.

    Of 16 bits the upper 8 are taken, as TensorFlow does; colours become grey; an orientation in the file's EXIF data is
    applied; transparency is kept.

    Returns:
        One image, or as many as an IDX file has.

    Raises:
        ImageFileError: The file is none of these, is damaged or animated, or its images are not of `shape`.
    """
    try:
        with open_regular(path) as file:
            start = file.read(512)
        if start[:2] in _IDX_STARTS:
            picture = Picture(read_images(path))
        else:
            with Image.open(path, formats=_FORMATS) as image:
                if image.tile:
                    image.verify()  # a PNG's checksums, and that it has an end; the file has to be opened again
            with Image.open(path, formats=_FORMATS) as image:
                picture = _read_pixels(image, path)
    except ImageFileError:
        raise
    except UnidentifiedImageError:
        kind = describe_start(start) or "no image"
        if kind in ("a PNG image", "a JPEG image"):
            kind += " that is damaged"
        raise ImageFileError(f"{path}: {kind}; expected a PNG, JPEG or IDX file.") from None
    except IdxError as error:
        raise ImageFileError(f"{path.parent / str(error)}.") from error
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageFileError(f"{path}: cannot be read ({reason}); expected a whole PNG, JPEG or IDX file.") from error
    if picture.grey.shape[1:] != shape:
        found, expected = ("{} x {}".format(*size) for size in (picture.grey.shape[1:], shape))
        raise ImageFileError(f"{path}: {found} pixels, expected {expected} (height x width), as the model was trained.")
    return picture


def _read_pixels(image: Image.Image, path: Path) -> Picture:
    frames = getattr(image, "n_frames", 1)
    if image.format == "PNG" and frames > 1:  # several in a JPEG are one picture and its previews
        raise ImageFileError(f"{path}: an animation of {frames} images, expected one image a file.")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits of grey
        wide = np.asarray(upright).astype(np.uint32)
        opacity = (
            _OPAQUE * (wide != image.info["transparency"]).astype(np.uint8) if "transparency" in image.info else None
        )
        return _make_picture((wide >> 8).astype(np.uint8), opacity)
    if upright.has_transparency_data:
        colours = np.asarray(upright.convert("RGBA"))
        return _make_picture(to_grey(colours[..., :3]), colours[..., 3])
    return _make_picture(to_grey(np.asarray(upright.convert("RGB"))), None)


def _make_picture(grey: NDArray[np.uint8], opacity: NDArray[np.uint8] | None) -> Picture:
    return Picture(grey[None], None if opacity is None else opacity[None])


def to_grey(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn red, green and blue, uint8 [..., 3], into grey values, uint8 [...]."""
    weighted: NDArray[np.int64] = colours.astype(np.int64) @ np.array(GREY_WEIGHTS)
    return (weighted + 0x8000 >> 16).astype(np.uint8)


def blend(grey: NDArray[np.uint8], opacity: NDArray[np.uint8], ground: int) -> NDArray[np.uint8]:
    """Lay grey values on a ground, by their opacity; to the nearest value."""
    wide = opacity.astype(np.int64)
    return ((grey * wide + ground * (_OPAQUE - wide) + 127) // 255).astype(np.uint8)
