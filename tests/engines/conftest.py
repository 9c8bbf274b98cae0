"""What a run without an engine says, once for all tests of engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engines.runs import complete


@pytest.fixture(scope="session")
def direct(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run without an engine."""
    return complete(sample_dir, tmp_path_factory.mktemp("direct"))
