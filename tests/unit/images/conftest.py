"""A data set to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.images.samples import write_samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound data set of 120 training and 100 evaluation images."""
    write_samples(tmp_path / "My Data", 120, 100, 3)
    return tmp_path / "My Data"
