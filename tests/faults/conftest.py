"""Output folders to damage, and the tally at the end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.processes import complete_run
from tests.faults.tally import TALLY, Tally


@pytest.fixture
def tally() -> Tally:
    """What is counted."""
    return TALLY


@pytest.fixture(scope="session")
def finished_output(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one whole run, with version 1 pushed. Nobody changes it."""
    output = tmp_path_factory.mktemp("finished") / "output"
    complete_run("--data", sample_dir, "--output", output)
    return output


@pytest.fixture
def output(finished_output: Path) -> Path:
    """That output, to be damaged by one test and mended after it: ML Metadata names its folders by their full paths."""
    kept = finished_output.with_name("kept")
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(finished_output, kept, symlinks=True)
    yield finished_output
    shutil.rmtree(finished_output)
    kept.rename(finished_output)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave all that is in this folder to `make torture`."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker("torture")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tally, if anything was counted."""
    if not (TALLY.inputs or TALLY.kills_of_runs or TALLY.kills_in_pushes or TALLY.power_cuts or TALLY.faults):
        return
    terminalreporter.section("torture")
    terminalreporter.write_line(TALLY.describe())
