"""The whole pipeline on Prism: the same answers, and what happens when it is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engines import control, start_engine
from tests.engines.runs import await_stage, compare, complete, start

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(shutil.which("go") is None, reason="Prism is built by Go"),
]


@pytest.fixture
def prism() -> Iterator[list[str]]:
    """The options of a run on it."""
    with start_engine("Prism") as options:
        yield options


def test_a_run_says_what_one_without_an_engine_says(
    prism: list[str], direct: dict[str, Any], sample_dir: Path, tmp_path: Path
) -> None:
    compare(complete(sample_dir, tmp_path, *prism), direct)


def test_losing_it_ends_the_run_in_a_sentence(prism: list[str], sample_dir: Path, tmp_path: Path) -> None:
    process = start(sample_dir, tmp_path, *prism)
    await_stage(process, "ExampleGen")
    control("deploy.prism", "down")
    said = process.communicate()[0]
    assert process.returncode == 1, said
    assert "StatisticsGen failed: the engine prism at" in said
    assert "Traceback" not in said
