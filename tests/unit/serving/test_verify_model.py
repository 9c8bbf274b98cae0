"""A copy that does not answer as the model does is told apart, bit for bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.serving.verify_model import compare_models


def test_a_copy_that_answers_alike_passes(constant_models, tmp_path: Path) -> None:
    shutil.copytree(constant_models.a, tmp_path / "copy")
    assert compare_models(tmp_path / "copy", constant_models.a, constant_models.examples) == 3


def test_another_answer_is_refused_with_the_largest_difference(constant_models) -> None:
    with pytest.raises(
        ValueError, match=r"it answers 3 of 3 evaluation images otherwise than the model, by up to 0\.25"
    ):
        compare_models(constant_models.b, constant_models.a, constant_models.examples)


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_damaged_copy_is_refused(constant_models, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(constant_models.a, copy)
    (copy / name).write_bytes((copy / name).read_bytes()[:-3])
    with pytest.raises(Exception, match=r"."):
        compare_models(copy, constant_models.a, constant_models.examples)
