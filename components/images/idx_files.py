"""Finds the files of an IDX data set under the names that they are handed on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_KINDS = {"images": 3, "labels": 1}  # and their dimensions


def list_stems(directory: Path, prefix: str) -> list[str]:
    """List what the names of a split's pairs of files begin with, in the order of the names of the images.

    That is `train` for `train-images-idx3-ubyte.gz`, and `train-01`, `train-02` and so on for a split in parts,
    `train-01-images-idx3-ubyte.gz` and so on. A pair is listed where one of its files is there.

    Args:
        directory: Where to look.
        prefix: `train` or `t10k`.

    Returns:
        The prefix itself where nothing is found.
    """
    endings = [name for kind in _KINDS for name in _list_names("", kind)]
    try:
        found = os.listdir(directory)  # noqa: PTH208 - names are all that is wanted
    except OSError:
        found = []
    stems = {name.removesuffix(ending) for name in found for ending in endings if name.endswith(ending)}
    stems = {stem for stem in stems if stem == prefix or stem.startswith(f"{prefix}-")}
    return sorted(stems, key=lambda stem: name_file(stem, "images")) or [prefix]


def list_files(directory: Path, stem: str, kind: str) -> list[Path]:
    """List the files that hold the `images` or `labels` of a pair, in the order of preference.

    `train-images-idx3-ubyte` as published; `train-images.idx3-ubyte` as Kaggle and some unpackers have it; each plain
    or with `.gz`, in `directory` or in a folder there that has such a name itself.

    Args:
        directory: Where to look.
        stem: What their names begin with, as `list_stems` gives it.
        kind: `images` or `labels`.
    """
    return list(_find(directory, list(_list_names(stem, kind)), deeper=True))


def name_file(stem: str, kind: str) -> str:
    """Return the name of a file as published, without `.gz`."""
    return next(_list_names(stem, kind))


def count_dimensions(kind: str) -> int:
    """Return how many dimensions the `images` or `labels` have."""
    return _KINDS[kind]


def _list_names(stem: str, kind: str) -> Iterator[str]:
    for separator in "-.":
        for packed in ("", ".gz"):
            yield f"{stem}-{kind}{separator}idx{_KINDS[kind]}-ubyte{packed}"


def _find(directory: Path, names: list[str], *, deeper: bool) -> Iterator[Path]:
    for name in names:
        path = directory / name
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a parent is locked
            if os.path.lexists(path):
                yield path
        elif deeper:
            yield from _find(path, names, deeper=False)
