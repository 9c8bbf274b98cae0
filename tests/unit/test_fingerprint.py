"""The fingerprint of a stage changes with all that it runs, and with nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline import fingerprint
from pipeline.fingerprint import fingerprint_sources, fingerprint_values


@pytest.fixture
def components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the components that a test may edit, fingerprinted in place of the real ones."""
    copy = tmp_path / "components"
    shutil.copytree(Path(__file__).parents[2] / "components", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    return copy


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


@pytest.mark.parametrize(
    ("stage", "edited"),
    [
        ("components.trainer", "trainer.py"),
        ("components.trainer", "training/loop.py"),
        ("components.trainer", "training/network.py"),
        ("components.trainer", "features.py"),
        ("components.trainer", "images/schema.pbtxt"),
        ("components.example_gen", "images/idx.py"),
        ("components.data_validator", "gate/checks.py"),
        ("components.data_gate", "images/statistics.py"),
        ("components.evaluator", "gate/calibration.py"),
        ("components.pusher", "serving/versions.py"),
        ("components.reporter", "report/page.html.jinja"),
    ],
)
def test_an_edit_of_what_the_stage_runs_changes_it(components: Path, stage: str, edited: str) -> None:
    """The last of these are reached over two imports, and the schema is no module at all."""
    before = fingerprint_sources(stage)
    assert fingerprint_sources(stage) == before
    edit(components / edited)
    assert fingerprint_sources(stage) != before


@pytest.mark.parametrize(
    ("stage", "edited"),
    [
        ("components.trainer", "evaluator.py"),
        ("components.trainer", "example_gen.py"),
        ("components.example_gen", "training/loop.py"),
        ("components.transform", "trainer.py"),
        ("components.schema", "training/network.py"),
        ("components.evaluator", "report/page.css"),
    ],
)
def test_an_edit_elsewhere_does_not(components: Path, stage: str, edited: str) -> None:
    before = fingerprint_sources(stage)
    edit(components / edited)
    assert fingerprint_sources(stage) == before


def test_imports_of_a_name_of_a_module_and_inside_a_function_are_followed(components: Path) -> None:
    (components / "leaf.py").write_text("VALUE = 1\n")
    lines = [
        "from components.leaf import VALUE",
        "from components import leaf",
        "def f():\n    from components import leaf",
    ]
    for number, line in enumerate(lines):
        (components / "stage.py").write_text(line + "\n")
        before = fingerprint_sources("components.stage")
        (components / "leaf.py").write_text(f"VALUE = {number + 2}\n")
        assert fingerprint_sources("components.stage") != before, line


def test_modules_that_import_each_other_come_to_an_end(components: Path) -> None:
    (components / "here.py").write_text("from components.there import x\n")
    (components / "there.py").write_text("from components.here import y\n")
    assert fingerprint_sources("components.here") == fingerprint_sources("components.there")


def test_another_release_of_the_stack_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_sources("components.transform")
    monkeypatch.setattr(fingerprint.metadata, "version", lambda name: "99")
    assert fingerprint_sources("components.transform") != before


def test_values_count_with_their_names_and_not_with_their_order() -> None:
    assert fingerprint_values(a=1, b=2) == fingerprint_values(b=2, a=1)
    assert len({fingerprint_values(a=1, b=2), fingerprint_values(a=2, b=1), fingerprint_values(a=1, b="2")}) == 3
