"""The process that compares can be started ahead, is asked once, and never outlives the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.serving import model_verifier
from components.serving.model_verifier import VerificationError, end_waiting, start_ahead, verify_copy


def test_the_process_that_waits_is_the_one_that_is_asked(constant_models, tmp_path: Path) -> None:
    shutil.copytree(constant_models.a, tmp_path / "copy")
    start_ahead()
    (process,) = model_verifier._waiting
    assert verify_copy(tmp_path / "copy", constant_models.a, constant_models.examples) == 3
    assert process.returncode == 0
    assert model_verifier._waiting == []


def test_a_copy_without_a_model_is_told_in_one_line(constant_models, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(VerificationError, match="copy") as caught:
        verify_copy(tmp_path / "copy", constant_models.a, constant_models.examples)
    assert "\n" not in str(caught.value)


def test_a_process_that_nobody_asks_is_ended() -> None:
    start_ahead()
    (process,) = model_verifier._waiting
    end_waiting()
    assert process.returncode is not None
    assert model_verifier._waiting == []
