"""Stand-in data for places without a network: ten garment shapes in the class order of Fashion-MNIST.

A garment is a function of `u` (to the right) and `v` (downwards), both float32 [N, H, W] and -1 to 1 over the garment,
that gives the ink, 0 to 1. Where it lies in the picture, its texture, light and noise are the same code for all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.features import CLASS_NAMES
from components.images import class_names
from components.images.idx import write_idx

Floats: TypeAlias = NDArray[np.float32]
Vary: TypeAlias = Callable[[float, float], Floats]  # a random number in a range for each image, [N, 1, 1]
Range: TypeAlias = tuple[float, float]
Garment: TypeAlias = Callable[[Floats, Floats, Vary], Floats]

_BLOCK_IMAGES = 256  # bounds the memory, and keeps a block in the processor's cache
_EDGE = np.float32(11.0)  # garment units to pixels for 28 x 28: edges fade over about one pixel


def draw_samples(
    count: int, seed: int | np.random.SeedSequence, shape: tuple[int, int] = (28, 28)
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw garments at random positions, sizes, slants, textures and brightness on a black ground.

    Args:
        count: how many images; each class gets a tenth of them, give or take one, in random order.
        seed: equal seeds give equal images.
        shape: height and width in pixels.

    Returns:
        Images uint8 [count, H, W], 0 to 255, and labels uint8 [count], 0 to 9.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(_GARMENTS)).astype(np.uint8)
    images = np.empty((count, *shape), np.uint8)
    for label, garment in enumerate(_GARMENTS):
        for rows in _blocks(np.flatnonzero(labels == label)):
            images[rows] = _draw(garment, len(rows), rng, shape)
    return images, labels


def write_samples(directory: Path, train: int, eval: int, seed: int) -> None:  # noqa: A002 - the name of the split
    """Write drawn garments as the files of Fashion-MNIST, with its class names; the folder appears whole or not at all.

    Args:
        directory: the folder to make; its parents are made as well.
        train: number of training images.
        eval: number of evaluation images, drawn from a random stream of their own.
        seed: equal numbers and seeds give equal images.

    Raises:
        OSError: the directory cannot be written, or is there already and not empty.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    streams = np.random.SeedSequence(seed).spawn(2)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".samples-") as workplace:
        unfinished = Path(workplace, directory.name)
        unfinished.mkdir()  # not the workplace itself, which only its owner may read
        for prefix, count, stream in zip(("train", "t10k"), (train, eval), streams, strict=True):
            images, labels = draw_samples(count, stream)
            write_idx(unfinished / f"{prefix}-images-idx3-ubyte.gz", images)
            write_idx(unfinished / f"{prefix}-labels-idx1-ubyte.gz", labels)
        name_samples(unfinished)
        unfinished.rename(directory)


def name_samples(directory: Path) -> None:
    """Write the names of the garments beside the files, if they are not there: earlier releases drew without them."""
    path = directory / class_names.FILE
    if not path.exists():
        path.write_text("\n".join(CLASS_NAMES) + "\n")


def _blocks(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(rows), _BLOCK_IMAGES):
        yield rows[start : start + _BLOCK_IMAGES]


def _draw(garment: Garment, count: int, rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.uint8]:
    def vary(low: float, high: float) -> Floats:
        return rng.uniform(low, high, (count, 1, 1)).astype(np.float32)

    u, v = _place(shape, vary)
    ink = garment(u, v, vary) * _light(u, v, vary)
    ink *= 1 + vary(0.02, 0.18) * rng.standard_normal(ink.shape, np.float32)
    return (255 * ink.clip(0, 1)).astype(np.uint8)


def _place(shape: tuple[int, int], vary: Vary) -> tuple[Floats, Floats]:
    """Each pixel in the garment's own coordinates: shifted, slanted and scaled."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] - vary(-0.1, 0.1)
    x = np.linspace(-1, 1, shape[1], dtype=np.float32) - vary(-0.1, 0.1)
    slant = vary(-0.08, 0.08)
    return (x - slant * y) / vary(0.76, 1.02), (y + slant * x) / vary(0.76, 1.02)


def _light(u: Floats, v: Floats, vary: Vary) -> Floats:
    """Brightness with a gradient, and stripes that run across, along or slanting."""
    stripes = np.sin(vary(-12, 12) * u + vary(-12, 12) * v + vary(0, 6.3))
    light: Floats = vary(0.4, 0.95) * (1 + vary(-0.15, 0.15) * u + vary(0, 0.3) ** 2 * 3 * stripes)
    return light


def _soft(depth: Floats) -> Floats:
    """Ink of a shape from the depth inside it: 1 inside, 0 outside, fading at the edge."""
    return (depth * _EDGE + np.float32(0.5)).clip(0, 1)


def _profile(along: Floats, knots: dict[float, float]) -> Floats:
    return np.interp(along, list(knots), list(knots.values())).astype(np.float32)


def _body(u: Floats, v: Floats, bottom: Floats, wide: Floats, knots: dict[float, float]) -> Floats:
    """A shape that is symmetric about the middle, its half width given at some heights."""
    return _soft(np.minimum(_profile(v, knots) * wide - abs(u), np.minimum(v + np.float32(0.85), bottom - v)))


def _bar(u: Floats, v: Floats, start: tuple[Floats, Floats], end: tuple[Floats, Floats], radius: Floats) -> Floats:
    """A thick line with round ends."""
    du, dv = end[0] - start[0], end[1] - start[1]
    along = (((u - start[0]) * du + (v - start[1]) * dv) / (du * du + dv * dv)).clip(0, 1)
    return _soft(radius - np.hypot(u - start[0] - along * du, v - start[1] - along * dv))


def _ring(u: Floats, v: Floats, middle: Floats, size: tuple[Floats, Floats], thick: Floats) -> Floats:
    """The outline of an ellipse."""
    wide, high = size
    return _soft(thick - abs(np.hypot(u / wide, (v - middle) / high) - 1) * np.minimum(wide, high))


def _neckline(u: Floats, v: Floats, vary: Vary) -> Floats:
    """What remains of the cloth around the neck: 0 in the opening, 1 elsewhere."""
    distance: Floats = np.hypot(u / vary(0.18, 0.3), (v + 0.9) / vary(0.12, 0.35))
    return 1 - _soft(1 - distance)


_TORSO = {-0.85: 0.34, -0.7: 0.5, -0.3: 0.44, 0.9: 0.48}
_LONG = ((0.68, 0.86), (0.4, 0.75))
_SHORT = ((0.72, 0.9), (-0.35, -0.1))
_SHORT_SLEEVED_SHIRTS = 0.25


def _top(u: Floats, v: Floats, vary: Vary, ends: tuple[Range, Range], bottom: Range) -> Floats:
    """What T-shirt, pullover, coat and shirt have in common, given where their sleeves and their body end."""
    torso = _body(u, v, vary(*bottom), vary(0.85, 1.1), _TORSO)
    cuff = (vary(*ends[0]), vary(*ends[1]))
    return np.maximum(torso, _bar(abs(u), v, (vary(0.42, 0.46), vary(-0.68, -0.62)), cuff, vary(0.11, 0.16)))


def _tshirt(u: Floats, v: Floats, vary: Vary) -> Floats:
    return _top(u, v, vary, _SHORT, (0.6, 0.9)) * _neckline(u, v, vary)


def _trouser(u: Floats, v: Floats, vary: Vary) -> Floats:
    legs = _body(u, v, vary(0.75, 0.95), vary(0.8, 1.2), {-0.85: 0.32, -0.4: 0.44, 0.9: 0.42})
    return legs * (1 - _soft(vary(0.08, 0.2) * (v - vary(-0.45, -0.2)) - abs(u)))


def _pullover(u: Floats, v: Floats, vary: Vary) -> Floats:
    hem = 1 - vary(0.1, 0.5) * _soft(0.04 - abs(v - vary(0.46, 0.56)))
    return _top(u, v, vary, _LONG, (0.58, 0.75)) * _neckline(u, v, vary) * hem


def _dress(u: Floats, v: Floats, vary: Vary) -> Floats:
    knots = {-0.85: 0.22, -0.6: 0.3, -0.2: 0.24, 0.9: 0.5}
    return _body(u, v, vary(0.75, 0.98), vary(0.8, 1.2), knots) * _neckline(u, v, vary)


def _coat(u: Floats, v: Floats, vary: Vary) -> Floats:
    opening = 1 - vary(0.6, 1) * _soft(0.02 + vary(0, 0.06) * (v + 0.9) - abs(u - vary(-0.06, 0.06)))
    return _top(u, v, vary, _LONG, (0.85, 1.05)) * _neckline(u, v, vary) * opening


def _sandal(u: Floats, v: Floats, vary: Vary) -> Floats:
    heel = vary(0.1, 0.5)
    sole = _bar(u, v, (vary(-0.9, -0.8), heel), (vary(0.75, 0.9), heel - vary(0, 0.25)), vary(0.06, 0.1))
    front = _ring(u, v, heel, (vary(0.12, 0.2), vary(0.3, 0.45)), vary(0.04, 0.07)) * _soft(heel - v)
    shifted = u - vary(0.45, 0.6)
    back = _ring(shifted, v, heel - 0.1, (vary(0.2, 0.3), vary(0.4, 0.7)), vary(0.04, 0.07)) * _soft(heel - v)
    toes = _bar(u, v, (vary(-0.75, -0.6), heel), (vary(-0.5, -0.3), heel - vary(0.2, 0.35)), vary(0.04, 0.07))
    shoe: Floats = np.maximum(np.maximum(sole, toes), np.maximum(front, back))
    return shoe


def _shirt(u: Floats, v: Floats, vary: Vary) -> Floats:
    short, long = _top(u, v, vary, _SHORT, (0.7, 0.95)), _top(u, v, vary, _LONG, (0.75, 0.95))
    cloth: Floats = np.where(vary(0, 1) < _SHORT_SLEEVED_SHIRTS, short, long)
    buttons: Floats = _soft(0.05 - abs(u)) * (np.sin(v * vary(16, 20)) > 0)
    collar = _bar(abs(u), v, (vary(0.0, 0.06), vary(-0.5, -0.4)), (vary(0.2, 0.3), vary(-0.8, -0.7)), vary(0.04, 0.07))
    details: Floats = np.maximum(buttons, collar)
    return cloth * (1 - vary(0.55, 0.95) * details)


def _shoe(u: Floats, v: Floats, top: Floats, vary: Vary) -> Floats:
    """All that is below a line, down to the sole, which has a brightness of its own."""
    ground = vary(0.35, 0.55)
    shape = _soft(np.minimum(np.minimum(v - top, ground - v), vary(0.85, 0.95) - abs(u)))
    return shape * (1 - vary(-0.5, 0.6) * _soft(v - ground + vary(0.12, 0.2)))


def _sneaker(u: Floats, v: Floats, vary: Vary) -> Floats:
    top = _profile(u, {-0.95: 0.3, -0.8: 0.08, -0.4: 0.0, 0.1: -0.3, 0.3: -0.34, 0.55: -0.18, 0.9: -0.36}) * vary(
        0.7, 1.3
    )
    return _shoe(u, v, top, vary)


def _bag(u: Floats, v: Floats, vary: Vary) -> Floats:
    top = vary(-0.35, 0.0)
    sack = _soft(np.minimum(np.minimum(v - top, vary(0.6, 0.85) - v), vary(0.7, 0.95) + vary(-0.15, 0.15) * v - abs(u)))
    handle = _ring(u, v, top, (vary(0.3, 0.55), vary(0.3, 0.6)), vary(0.05, 0.09)) * _soft(top - v)
    bag: Floats = np.maximum(sack, handle)
    return bag


def _ankle_boot(u: Floats, v: Floats, vary: Vary) -> Floats:
    top = _profile(u, {-0.95: 0.25, -0.55: 0.0, -0.2: -0.2, 0.0: -0.75, 0.9: -0.8}) * vary(0.75, 1.1)
    heel = _soft(np.minimum(vary(0.4, 0.7) - abs(u + vary(0.0, 0.3)), v - 0.3)) * vary(0, 1)
    return _shoe(u, v, top, vary) * (1 - heel)


_GARMENTS: tuple[Garment, ...] = (
    _tshirt,
    _trouser,
    _pullover,
    _dress,
    _coat,
    _sandal,
    _shirt,
    _sneaker,
    _bag,
    _ankle_boot,
)
