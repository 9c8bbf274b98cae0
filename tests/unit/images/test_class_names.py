"""Names of classes are those of the data or the labels themselves, can be printed, and control nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.images.class_names import ClassNameError, check_first_label, name_classes, read_class_names


def read(tmp_path: Path, *names: str) -> tuple[str, ...] | None:
    (tmp_path / "labels.txt").write_text("\n".join(names), encoding="utf-8")
    return read_class_names(tmp_path)


@pytest.mark.parametrize(
    "name", ["鞋", "T-shirt/top", "[/bold] <b>$x$ :smile:", "\u0645\u06cc\u200c\u062e\u0648", "👩\u200d👧", "x" * 64]
)
def test_what_people_write_is_a_name(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, "other") == (name, "other")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 300, "a name of 300 characters"),
        ("red \x1b[31m", r"the character U\+001B"),
        ("a\x00b", r"the character U\+0000"),
        ("a\tb", r"the character U\+0009"),
        ("a\x9bb", r"the character U\+009B"),
        ("gpj\u202egnp", r"the character U\+202E"),
        ("x\u2028y", r"the character U\+2028"),
    ],
)
def test_what_controls_a_terminal_or_is_a_page_long_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(ClassNameError, match=rf"labels\.txt, line 2: {problem}; expected at most 64 characters"):
        read(tmp_path, "first", name)


def test_without_names_the_classes_are_called_as_their_labels(tmp_path: Path) -> None:
    assert read_class_names(tmp_path) is None
    assert name_classes(np.arange(12, dtype=np.uint8), tmp_path) == tuple(map(str, range(12)))


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (range(1, 11), "the labels run from 1 to 10, and no image has 0"),
        ([0, 1, 2, 255], "the labels run from 0 to 255, and no image has 3, 4, 5 and 249 more"),
    ],
)
def test_without_names_labels_with_gaps_are_refused(tmp_path: Path, labels, complaint: str) -> None:
    """Nobody can tell how many classes there are."""
    with pytest.raises(ClassNameError, match=f"^{complaint}: number the classes from 0, or name them all"):
        name_classes(np.array(labels, np.uint8), tmp_path)


def test_labels_that_begin_with_1_are_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(ClassNameError, match=r"run from 1 to 3 for the 3 names of labels.txt; subtract 1 from each"):
        check_first_label(np.array([1, 2, 3], np.uint8), ("a", "b", "c"), tmp_path)
    check_first_label(np.array([0, 1, 2, 3], np.uint8), ("a", "b", "c"), tmp_path)  # the schema tells of the 3
    check_first_label(np.array([1, 2], np.uint8), ("a", "b", "c"), tmp_path)  # the class balance tells of the 0
