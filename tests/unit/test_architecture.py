"""The arrows point one way, reading commands need no TensorFlow, and every module is named for what it does."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("components", "pipeline")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "__init__.py"
)
LIGHT = (
    "components.answer_counts", "components.answers", "components.calibration", "components.data_checks",
    "components.datasets", "components.gate", "components.idx", "components.image_files",
    "components.image_statistics", "components.lineage", "components.model_checks", "components.paired_test",
    "components.prediction_plot", "components.report", "components.report_page", "components.samples",
    "components.serving", "pipeline.cli", "pipeline.comparison", "pipeline.config", "pipeline.kubeflow.client",
    "pipeline.kubeflow.config", "pipeline.kubeflow.data", "pipeline.origin", "pipeline.predict_command",
    "pipeline.promote_command", "pipeline.report_command", "pipeline.report_text", "pipeline.runs",
)  # fmt: skip


def list_imports(path: Path) -> list[str]:
    """Return `import PACKAGE`, `from PACKAGE` or `from .` for each import of a module, anywhere in it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [f"import {alias.name.split('.')[0]}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("from ." if node.level else f"from {str(node.module).split('.')[0]}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_arrows_point_from_pipeline_to_components(path: Path) -> None:
    outward = {"run_pipeline", "tests"} | ({"pipeline"} if path.is_relative_to(ROOT / "components") else set())
    assert not [line for line in list_imports(path) if line.split()[1] in outward]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_imports_of_components_are_of_the_kind_that_fingerprints_follow(path: Path) -> None:
    """Past another kind of import, an edited source would be taken for the one that made a cached result."""
    assert not {"import components", "from ."} & set(list_imports(path))


def test_modules_that_only_read_import_no_heavy_library() -> None:
    """Importing TensorFlow and TFX takes ten seconds and more; `--help` and `status` answer at once."""
    heavy = {"tensorflow", "tfx", "apache_beam", "keras", "tensorflow_model_analysis", "ml_metadata", "matplotlib"}
    code = f"import sys, importlib; [importlib.import_module(module) for module in {LIGHT}]; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = result.stdout.split()
    assert set(LIGHT) <= set(imported)
    assert heavy.isdisjoint(imported), heavy.intersection(imported)


def test_no_module_is_named_for_nothing_in_particular() -> None:
    vague = {"utils", "util", "common", "helpers", "helper", "base", "misc", "core", "lib"}
    assert SOURCES
    assert [path for path in SOURCES if vague & {*path.stem.split("_"), *path.relative_to(ROOT).parts[:-1]}] == []
