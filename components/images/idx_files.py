"""Finds the four files of an IDX data set under the names that they are handed on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_KINDS = {"images": 3, "labels": 1}  # and their dimensions


def list_files(directory: Path, prefix: str, kind: str) -> list[Path]:
    """List the files that hold the `images` or `labels` of a split, in the order of preference.

    `train-images-idx3-ubyte` as published; `train-images.idx3-ubyte` as Kaggle and some unpackers have it; each plain
    or with `.gz`, in `directory` or in a folder there that has such a name itself.

    Args:
        directory: Where to look.
        prefix: `train` or `t10k`.
        kind: `images` or `labels`.
    """
    names = [name + ending for name in _list_names(prefix, kind) for ending in ("", ".gz")]
    return list(_find(directory, names, deeper=True))


def name_file(prefix: str, kind: str) -> str:
    """Return the name of a file as published, without `.gz`."""
    return next(_list_names(prefix, kind))


def count_dimensions(kind: str) -> int:
    """Return how many dimensions the `images` or `labels` have."""
    return _KINDS[kind]


def _list_names(prefix: str, kind: str) -> Iterator[str]:
    for separator in "-.":
        yield f"{prefix}-{kind}{separator}idx{_KINDS[kind]}-ubyte"


def _find(directory: Path, names: list[str], *, deeper: bool) -> Iterator[Path]:
    for name in names:
        path = directory / name
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a parent is locked
            if os.path.lexists(path):
                yield path
        elif deeper:
            yield from _find(path, names, deeper=False)
