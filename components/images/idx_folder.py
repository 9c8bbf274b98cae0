"""A folder of IDX files, and the class names beside them, read as one data set."""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.features import CLASS_NAMES, EVAL_SPLIT, TRAIN_SPLIT
from components.images import class_names
from components.images.idx import IdxError, IdxFile, read_images, read_labels, verify_idx
from components.images.idx_files import count_dimensions, list_files, list_stems, name_file

# What `load_dataset(folder).digest` gives for a folder with just the files of Fashion-MNIST; CLASS_NAMES are in it.
FASHION_MNIST_DIGEST = "949cf74c72cda9437348e4801d2d93df0c168e051af9d2ed2b016bd027ad6141"
_PREFIXES = {TRAIN_SPLIT: "train", EVAL_SPLIT: "t10k"}
_KINDS = ("images", "labels")
_Verified = tuple[IdxFile, IdxFile]


class DataError(ValueError):
    """The data cannot be used; one sentence says why and what to do about it."""


class Pair(NamedTuple):
    """A file of images and the file of their labels, each plain or gzip IDX."""

    images: Path
    labels: Path
    rows: int
    """Number of images, and of labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A verified data set on disk."""

    name: str
    """Identity of the data, [a-z0-9-]+: runs on different data share neither metadata nor serving directory."""
    source: str
    """Where the data comes from, for people."""
    directory: Path
    """The folder with the files."""
    pairs: dict[str, tuple[Pair, ...]]
    """The pairs of files of each split, in the order of their images."""
    counts: dict[str, int]
    """Number of images of each split, at least 1."""
    image_shape: tuple[int, int]
    """Height and width in pixels, the same in both splits."""
    class_names: tuple[str, ...]
    """Names in the order of the labels, 2 to 256 of them; the labels themselves are not checked against them here."""
    digest: str
    """SHA-256 in hex over the uncompressed contents of the files and the class names. The same images in more or fewer
    pairs of files have another."""
    note: str = ""
    """What a person has to know of it: that drawn samples stand in for real data, or that its classes have no names."""


def load_dataset(directory: Path, *, name: str | None = None, source: str | None = None, note: str = "") -> Dataset:
    """Verify the IDX files of a folder, read its class names, and take its digest.

    The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, each plain or with `.gz`, or under the other names that idx_files.py knows. A split may
    come in parts, `train-*-images-idx3-ubyte` with `train-*-labels-idx1-ubyte`, in the sorted order of their names.
    An optional `labels.txt` (UTF-8) holds a class name a line; without it the classes are called as their labels,
    unless it is Fashion-MNIST. The files are read once, side by side.

    Args:
        directory: the folder.
        name: identity of the data; by default made from the folder's name and absolute path.
        source: where the data comes from, for people; by default the folder.
        note: of the data set, if there is something to be said of it.

    Raises:
        DataError: a file is missing, there twice with different contents, damaged, or does not fit to another one.
    """
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 - a link to the newest data keeps its name
    files = _verify_files(directory)
    _check_fit(directory, files)
    digests = b"".join(_join_digests(each) for pairs in files.values() for each in zip(*pairs, strict=True))
    try:
        names, own_note = _name_classes(directory, files, digests)
    except class_names.ClassNameError as error:
        raise DataError(str(error)) from error
    return Dataset(
        name=name or _folder_name(directory),
        source=source or f"IDX files from {directory}",
        directory=directory,
        pairs={
            split: tuple(Pair(images.path, labels.path, images.shape[0]) for images, labels in pairs)
            for split, pairs in files.items()
        },
        counts={split: sum(images.shape[0] for images, _ in pairs) for split, pairs in files.items()},
        image_shape=(files[TRAIN_SPLIT][0][0].shape[1], files[TRAIN_SPLIT][0][0].shape[2]),
        class_names=names,
        digest=_take_digest(digests, names),
        note=note or own_note,
    )


def read_split(dataset: Dataset, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read all images and labels of a split.

    Returns:
        uint8 [N, H, W], 0 to 255, and uint8 [N].

    Raises:
        IdxError: A file cannot be read, or has changed and is no longer sound.
    """
    pairs = dataset.pairs[split]
    images, labels = [read_images(pair.images) for pair in pairs], [read_labels(pair.labels) for pair in pairs]
    return np.concatenate(images), np.concatenate(labels)


def _verify_files(directory: Path) -> dict[str, list[_Verified]]:
    """Return the pairs of each split; of several files with equal contents the first."""
    stems = {split: _list_stems(directory, prefix) for split, prefix in _PREFIXES.items()}
    candidates = {
        (stem, kind): _list_candidates(directory, stem, kind)
        for split in _PREFIXES
        for stem in stems[split]
        for kind in _KINDS
    }
    with ThreadPoolExecutor() as pool:  # zlib and hashlib let go of the GIL
        verified = {
            key: [pool.submit(verify_idx, path, count_dimensions(key[1])) for path in paths]
            for key, paths in candidates.items()
        }
    try:
        found = {key: [future.result() for future in futures] for key, futures in verified.items()}
    except IdxError as error:
        raise DataError(f"{error}; correct that file in {directory}") from error
    for first, *others in found.values():
        for other in others:
            if other.digest != first.digest:
                names = " and ".join(str(each.path.relative_to(directory)) for each in (first, other))
                raise DataError(f"{names} in {directory} have different contents; remove one of them")
    return {split: [(found[stem, "images"][0], found[stem, "labels"][0]) for stem in stems[split]] for split in stems}


def _list_stems(directory: Path, prefix: str) -> list[str]:
    stems = list_stems(directory, prefix)
    if prefix in stems and len(stems) > 1:
        whole, part = name_file(prefix, "images"), name_file(min(set(stems) - {prefix}), "images")
        raise DataError(
            f"files named like {whole} and like {part} in {directory}; expected all {prefix} images in one pair of "
            f"files, or parts of them in several: remove the others"
        )
    return stems


def _list_candidates(directory: Path, stem: str, kind: str) -> list[Path]:
    candidates = list_files(directory, stem, kind)
    if not candidates:
        name = name_file(stem, kind)
        expected = "a folder with the four IDX files"
        if stem not in _PREFIXES.values():
            expected = f"both the images and the labels of {stem}"
        raise DataError(f"neither {name} nor {name}.gz in {directory}; expected {expected}")
    return candidates


def _name_classes(directory: Path, files: dict[str, list[_Verified]], digests: bytes) -> tuple[tuple[str, ...], str]:
    """Return the names of the classes, and what is to be said of them."""
    names = class_names.read_class_names(directory)
    if names is None and _take_digest(digests, CLASS_NAMES) == FASHION_MNIST_DIGEST:
        return CLASS_NAMES, ""
    found = np.unique(
        np.concatenate([np.unique(read_labels(labels.path)) for pairs in files.values() for _, labels in pairs])
    )
    if names is None:
        names = class_names.name_classes(found, directory)
        return names, f"No {class_names.FILE} in {directory}: the classes are called {names[0]} to {names[-1]}."
    class_names.check_first_label(found, names, directory)
    return names, ""


def _join_digests(files: tuple[IdxFile, ...]) -> bytes:
    """Return 32 bytes for the images, or for the labels, of a split: of a single file its own digest."""
    joined = b"".join(file.digest for file in files)
    return joined if len(files) == 1 else hashlib.sha256(joined).digest()


def _take_digest(digests: bytes, names: tuple[str, ...]) -> str:
    return hashlib.sha256(digests + "\n".join(names).encode()).hexdigest()


def _check_fit(directory: Path, files: dict[str, list[_Verified]]) -> None:
    first, _ = files[TRAIN_SPLIT][0]
    for images, labels in chain.from_iterable(files.values()):
        if images.shape[0] != labels.shape[0]:
            raise DataError(
                f"{images.shape[0]} images in {images.path.name}, but {labels.shape[0]} labels in {labels.path.name}; "
                f"give each image in {directory} one label"
            )
        if images.shape[1:] != first.shape[1:]:
            sizes = ["{} x {}".format(*each.shape[1:]) for each in (first, images)]
            raise DataError(
                f"images of {sizes[0]} pixels in {first.path.name}, but of {sizes[1]} in {images.path.name}; "
                f"give all images in {directory} the same size"
            )


def _folder_name(directory: Path) -> str:
    slug = re.sub("[^a-z0-9]+", "-", directory.name.lower())[:40].strip("-") or "data"
    return f"{slug}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:6]}"


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder of that name; an answer, never an error."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a parent is locked or the name too long
