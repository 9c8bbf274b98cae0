"""A folder of four IDX files, and the class names beside them, read as one data set."""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.features import CLASS_NAMES, EVAL_SPLIT, TRAIN_SPLIT
from components.images import class_names
from components.images.idx import IdxError, IdxFile, read_labels, verify_idx
from components.images.idx_files import count_dimensions, list_files, name_file

# What `load_dataset(folder).digest` gives for a folder with just the files of Fashion-MNIST; CLASS_NAMES are in it.
FASHION_MNIST_DIGEST = "949cf74c72cda9437348e4801d2d93df0c168e051af9d2ed2b016bd027ad6141"
_PREFIXES = {TRAIN_SPLIT: "train", EVAL_SPLIT: "t10k"}
_KINDS = ("images", "labels")


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
    """What a person has to know of it: that drawn samples stand in for real data, or that its classes have no names."""


def load_dataset(directory: Path, *, name: str | None = None, source: str | None = None, note: str = "") -> Dataset:
    """Verify the four IDX files of a folder, read its class names, and take its digest.

    The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, each plain or with `.gz`, or under the other names that idx_files.py knows. An optional
    `labels.txt` (UTF-8) holds a class name a line; without it the classes are called as their labels, unless it is
    Fashion-MNIST. The files are read once, side by side.

    Args:
        directory: the folder.
        name: identity of the data; by default made from the folder's name and absolute path.
        source: where the data comes from, for people; by default the folder.
        note: of the data set, if there is something to be said of it.

    Raises:
        DataError: a file is missing, there twice with different contents, damaged, or does not fit to another one.
    """
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 - a link to the newest data keeps its name
    found = _verify_files(directory)
    files = {split: (found[split, "images"], found[split, "labels"]) for split in _PREFIXES}
    _check_fit(directory, files)
    digests = b"".join(found[split, kind].digest for split in _PREFIXES for kind in _KINDS)
    try:
        names, own_note = _name_classes(directory, files, digests)
    except class_names.ClassNameError as error:
        raise DataError(str(error)) from error
    return Dataset(
        name=name or _folder_name(directory),
        source=source or f"IDX files from {directory}",
        directory=directory,
        files={split: (images.path, labels.path) for split, (images, labels) in files.items()},
        counts={split: images.shape[0] for split, (images, _) in files.items()},
        image_shape=(found[TRAIN_SPLIT, "images"].shape[1], found[TRAIN_SPLIT, "images"].shape[2]),
        class_names=names,
        digest=_take_digest(digests, names),
        note=note or own_note,
    )


def _verify_files(directory: Path) -> dict[tuple[str, str], IdxFile]:
    """Return the file of each split and kind; of several with equal contents the first."""
    candidates = {
        (split, kind): _list_candidates(directory, prefix, kind)
        for split, prefix in _PREFIXES.items()
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
    return {key: files[0] for key, files in found.items()}


def _list_candidates(directory: Path, prefix: str, kind: str) -> list[Path]:
    candidates = list_files(directory, prefix, kind)
    if not candidates:
        stem = name_file(prefix, kind)
        raise DataError(f"neither {stem} nor {stem}.gz in {directory}; expected a folder with the four IDX files")
    return candidates


def _name_classes(
    directory: Path, files: dict[str, tuple[IdxFile, IdxFile]], digests: bytes
) -> tuple[tuple[str, ...], str]:
    """Return the names of the classes, and what is to be said of them."""
    names = class_names.read_class_names(directory)
    if names is None and _take_digest(digests, CLASS_NAMES) == FASHION_MNIST_DIGEST:
        return CLASS_NAMES, ""
    found = np.unique(np.concatenate([np.unique(read_labels(labels.path)) for _, labels in files.values()]))
    if names is None:
        names = class_names.name_classes(found, directory)
        return names, f"No {class_names.FILE} in {directory}: the classes are called {names[0]} to {names[-1]}."
    class_names.check_first_label(found, names, directory)
    return names, ""


def _take_digest(digests: bytes, names: tuple[str, ...]) -> str:
    return hashlib.sha256(digests + "\n".join(names).encode()).hexdigest()


def _check_fit(directory: Path, files: dict[str, tuple[IdxFile, IdxFile]]) -> None:
    for images, labels in files.values():
        if images.shape[0] != labels.shape[0]:
            raise DataError(
                f"{images.shape[0]} images in {images.path.name}, but {labels.shape[0]} labels in {labels.path.name}; "
                f"give each image in {directory} one label"
            )
    train, evaluation = files[TRAIN_SPLIT][0].shape[1:], files[EVAL_SPLIT][0].shape[1:]
    if train != evaluation:
        raise DataError(
            f"training images of {train[0]} x {train[1]} pixels, but t10k images of {evaluation[0]} x {evaluation[1]}; "
            f"give all images in {directory} the same size"
        )


def _folder_name(directory: Path) -> str:
    slug = re.sub("[^a-z0-9]+", "-", directory.name.lower())[:40].strip("-") or "data"
    return f"{slug}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:6]}"


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder of that name; an answer, never an error."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a parent is locked or the name too long
