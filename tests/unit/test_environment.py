"""What a person has set up for other work does not decide how a model is trained."""

from __future__ import annotations

import os

import pytest

from pipeline.environment import prepare_environment


def test_settings_of_keras_and_matplotlib_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KERAS_BACKEND", "KERAS_MAX_EPOCHS", "TF_USE_LEGACY_KERAS", "MPLBACKEND"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("KERAS_HOME", "/home/somebody/.keras")  # where keras.json may say float16
    prepare_environment()
    found = {name: value for name, value in os.environ.items() if name.startswith(("KERAS_", "TF_USE", "MPL"))}
    assert found == {
        "KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull, "TF_USE_LEGACY_KERAS": "0", "MPLBACKEND": "agg",
    }  # fmt: skip
