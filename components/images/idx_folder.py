"""A folder of four IDX files, and the class names beside them, read as one data set."""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.features import CLASS_NAMES, EVAL_SPLIT, TRAIN_SPLIT
from components.images.idx import IdxError, verify_idx

CLASS_COUNTS = range(2, 257)  # labels are uint8
_PREFIXES = {TRAIN_SPLIT: "train", EVAL_SPLIT: "t10k"}


class DataError(ValueError):
    """The data cannot be used; one sentence says why and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A verified data set on disk."""

    name: str
    """Identity of the data, [a-z0-9-]+: runs on different data share neither metadata nor serving directory."""
    source: str
    """Where the data comes from, for people."""
    directory: Path
    """The folder with the files."""
    files: dict[str, tuple[Path, Path]]
    """Images and labels of each split, plain or gzip IDX."""
    counts: dict[str, int]
    """Number of images of each split, at least 1."""
    image_shape: tuple[int, int]
    """Height and width in pixels, the same in both splits."""
    class_names: tuple[str, ...]
    """Names in the order of the labels, 2 to 256 of them; the labels themselves are not checked against them here."""
    digest: str
    """SHA-256 in hex over the uncompressed contents of the four files and the class names."""
    note: str = ""
    """Why drawn samples stand in for real data, if they do."""


def load_dataset(directory: Path, *, name: str | None = None, source: str | None = None, note: str = "") -> Dataset:
    """Verify the four IDX files of a folder, read its class names, and take its digest.

    The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, each plain or with `.gz`. An optional `labels.txt` (UTF-8) holds a class name a line;
    without it the names are those of Fashion-MNIST. The files are read once, side by side.

    Args:
        directory: the folder.
        name: identity of the data; by default made from the folder's name and absolute path.
        source: where the data comes from, for people; by default the folder.
        note: passed on.

    Raises:
        DataError: a file is missing, there twice, damaged, or does not fit to another one.
    """
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 - a link to the newest data keeps its name
    files = {split: _find_files(directory, prefix) for split, prefix in _PREFIXES.items()}
    with ThreadPoolExecutor() as pool:  # zlib and hashlib let go of the GIL
        verified = [
            pool.submit(_verify, path, dimensions)
            for pair in files.values()
            for path, dimensions in zip(pair, (3, 1), strict=True)
        ]
    try:
        shapes, digests = zip(*(future.result() for future in verified), strict=True)
    except IdxError as error:
        raise DataError(f"{error}; correct that file in {directory}") from error
    _check_fit(directory, files, shapes)
    class_names = _read_class_names(directory)
    return Dataset(
        name=name or _folder_name(directory),
        source=source or f"IDX files from {directory}",
        directory=directory,
        files=files,
        counts={split: shape[0] for split, shape in zip(files, shapes[::2], strict=True)},
        image_shape=shapes[0][1:],
        class_names=class_names,
        digest=hashlib.sha256(b"".join(digests) + "\n".join(class_names).encode()).hexdigest(),
        note=note,
    )


def _find_files(directory: Path, prefix: str) -> tuple[Path, Path]:
    return _find_file(directory, f"{prefix}-images-idx3-ubyte"), _find_file(directory, f"{prefix}-labels-idx1-ubyte")


def _find_file(directory: Path, stem: str) -> Path:
    candidates = [path for path in (directory / stem, directory / f"{stem}.gz") if os.path.lexists(path)]
    if not candidates:
        raise DataError(f"neither {stem} nor {stem}.gz in {directory}; expected a folder with the four IDX files")
    if len(candidates) > 1:
        raise DataError(f"both {stem} and {stem}.gz in {directory}; remove one of them")
    return candidates[0]


def _verify(path: Path, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    digest = hashlib.sha256()
    return verify_idx(path, dimensions, digest), digest.digest()


def _check_fit(directory: Path, files: dict[str, tuple[Path, Path]], shapes: tuple[tuple[int, ...], ...]) -> None:
    for (images, labels), image_shape, label_shape in zip(files.values(), shapes[::2], shapes[1::2], strict=True):
        if image_shape[0] != label_shape[0]:
            raise DataError(
                f"{image_shape[0]} images in {images.name}, but {label_shape[0]} labels in {labels.name}; "
                f"give each image in {directory} one label"
            )
    train, evaluation = shapes[0][1:], shapes[2][1:]
    if train != evaluation:
        raise DataError(
            f"training images of {train[0]} x {train[1]} pixels, but t10k images of {evaluation[0]} x {evaluation[1]}; "
            f"give all images in {directory} the same size"
        )


def _read_class_names(directory: Path) -> tuple[str, ...]:
    path = directory / "labels.txt"
    if not os.path.lexists(path):
        return CLASS_NAMES
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a byte order mark at the front
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); expected a class name a line, in UTF-8") from error
    names = tuple(line.strip() for line in text.rstrip().split("\n"))
    if "" in names or len(set(names)) < len(names) or len(names) not in CLASS_COUNTS:
        raise DataError(
            f"{path} has {len(names)} lines, {names.count('')} blank and {len(names) - len(set(names))} repeated; "
            f"expected {CLASS_COUNTS[0]} to {CLASS_COUNTS[-1]} different class names, one a line"
        )
    return names


def _folder_name(directory: Path) -> str:
    slug = re.sub("[^a-z0-9]+", "-", directory.name.lower())[:40].strip("-") or "data"
    return f"{slug}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:6]}"


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder of that name; an answer, never an error."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a parent is locked or the name too long
