"""The names of the classes: as the data set says, or else the labels themselves. None is made up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.images.regular_files import read_regular

FILE = "labels.txt"
_COUNTS = range(2, 257)  # labels are uint8
_MAX_CHARACTERS = 64
_MAX_BYTES = 1 << 20  # sixteen times what the longest names take
# Zero-width joiner and non-joiner: parts of words and signs that people write.
_JOINERS = "\u200c\u200d"


class ClassNameError(ValueError):
    """The names, or the labels that they belong to, cannot be used; one sentence says why and what to do about it."""


def read_class_names(directory: Path) -> tuple[str, ...] | None:
    """Read the class names that lie beside the images, one a line, in UTF-8; None where there are none.

    Raises:
        ClassNameError: They cannot be read, are blank, repeated, too long, too few or too many, or have characters
            that cannot be printed, such as those that control a terminal.
    """
    path = directory / FILE
    if not os.path.lexists(path):
        return None
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")  # Windows editors put a byte order mark at the front
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ClassNameError(f"{path} cannot be read ({reason}); expected a class name a line, in UTF-8") from error
    names = tuple(line.strip() for line in text.rstrip().split("\n"))
    if "" in names or len(set(names)) < len(names) or len(names) not in _COUNTS:
        raise ClassNameError(
            f"{path} has {len(names)} lines, {names.count('')} blank and {len(names) - len(set(names))} repeated; "
            f"expected {_COUNTS[0]} to {_COUNTS[-1]} different class names, one a line"
        )
    for line, name in enumerate(names, 1):
        if problem := _find_problem(name):
            raise ClassNameError(
                f"{path}, line {line}: {problem}; expected at most {_MAX_CHARACTERS} characters that can be printed"
            )
    return names


def name_classes(labels: NDArray[np.uint8], directory: Path) -> tuple[str, ...]:
    """Return names for classes that have none: `0`, `1` and so on, as the labels.

    Args:
        labels: Each label that occurs in one of the splits, in order.
        directory: Where they are from, for the message.

    Raises:
        ClassNameError: Labels are left out, so that nobody can tell how many classes there are.
    """
    count = max(int(labels[-1]) + 1, _COUNTS[0])
    missing = sorted(set(range(int(labels[-1]) + 1)) - set(labels.tolist()))
    if missing:
        raise ClassNameError(
            f"the labels run from {labels[0]} to {labels[-1]}, and {_write_list(missing)}: number the classes from 0, "
            f"or name them all, that of label 0 first, in a {FILE} in {directory}"
        )
    return tuple(map(str, range(count)))


def check_first_label(labels: NDArray[np.uint8], names: Sequence[str], directory: Path) -> None:
    """Check that labels do not count from 1; others that name no class are told by the checks of the data.

    Raises:
        ClassNameError: They do.
    """
    if labels[0] == 1 and labels[-1] == len(names):
        raise ClassNameError(
            f"the labels run from 1 to {labels[-1]} for the {len(names)} names of {FILE}; "
            f"subtract 1 from each in {directory}: the first class has the label 0"
        )


def _find_problem(name: str) -> str:
    if len(name) > _MAX_CHARACTERS:
        return f"a name of {len(name)} characters"
    for character in name:
        if not character.isprintable() and character not in _JOINERS:
            return f"the character U+{ord(character):04X}"
    return ""


def _write_list(labels: Sequence[int]) -> str:
    shown = ", ".join(map(str, labels[:3])) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
    return f"no image has {shown}"
