"""The arrows point one way, reading commands need no TensorFlow, and every module is named for what it does."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for folder in ("components", "pipeline")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "__init__.py"
}
# What the modules of a room may know beside their own room and features.py.
ARROWS: dict[str, set[str]] = {
    "components.images": set(),
    "components.training": set(),
    "components.serving": {"components.images"},
    "components.gate": {"components.images"},
    "components.report": {"components.gate", "components.images", "components.serving"},
    # The stages, which stand at the top.
    "components": {
        "components.images", "components.training", "components.serving", "components.gate", "components.report",
    },
}  # fmt: skip
# The picture of the pipeline, and what every room knows.
TOP_OF_COMPONENTS = {
    "example_gen", "schema", "data_validator", "data_gate", "transform", "trainer", "baseline", "evaluator", "pusher",
    "reporter", "features",
}  # fmt: skip
LIGHT_ROOMS = (
    "components.images", "components.gate", "components.report", "pipeline.commands", "pipeline.history",
    "pipeline.kubeflow", "pipeline.notify",
)  # fmt: skip
# They describe the pipeline to a cluster, or run a stage of TFX in a pod.
HEAVY = {
    "components.gate.tfma_metrics", "pipeline.kubeflow.artifacts", "pipeline.kubeflow.compile",
    "pipeline.kubeflow.engine_stage", "pipeline.kubeflow.graph", "pipeline.kubeflow.tfx_stage",
}  # fmt: skip
LIGHT = {
    "components.serving.directory_lock", "components.serving.history", "components.serving.integrity",
    "components.serving.manifest", "components.serving.publishing", "components.serving.rollback",
    "components.serving.versions", "pipeline.addresses", "pipeline.artifact_files", "pipeline.cleaning", "pipeline.cli",
    "pipeline.config", "pipeline.data_sets", "pipeline.declared", "pipeline.disk", "pipeline.engines.engine",
    "pipeline.engines.preparation",
    "pipeline.health", "pipeline.origin",
    "pipeline.output_folder", "pipeline.processes", "pipeline.prometheus", "pipeline.quantities", "pipeline.reasons",
    "pipeline.removal", "pipeline.removed_runs", "pipeline.runs", "pipeline.served", "pipeline.store",
    "pipeline.stored_runs", "pipeline.unchanged",
    *(name for name in SOURCES if name.rpartition(".")[0] in LIGHT_ROOMS),
} - HEAVY  # fmt: skip


def find_room(module: str) -> str:
    return module.rpartition(".")[0]


def list_imports(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield each import of a module, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node


def list_own_imports(path: Path) -> set[str]:
    """Return the modules of this project that a module imports, anywhere in it."""
    found = set()
    for node in list_imports(path):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        else:
            found |= {alias.name for alias in node.names}
    return found & SOURCES.keys()


@pytest.mark.parametrize("module", SOURCES)
def test_arrows_point_from_pipeline_to_components_and_never_to_the_tests(module: str) -> None:
    outward = {"run_pipeline", "tests"} | ({"pipeline"} if module.startswith("components") else set())
    names = {
        name.split(".")[0]
        for node in list_imports(SOURCES[module])
        for name in ([str(node.module)] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert not outward & names


@pytest.mark.parametrize("module", [name for name in SOURCES if name.startswith("components")])
def test_a_room_knows_no_room_but_those_that_it_stands_on(module: str) -> None:
    room = find_room(module)
    known = {find_room(name) for name in list_own_imports(SOURCES[module]) if name != "components.features"}
    assert known <= {room, *ARROWS[room]}


def test_only_the_command_line_knows_the_commands() -> None:
    for module, path in SOURCES.items():
        if find_room(module) == "pipeline" and module != "pipeline.cli":
            assert not [name for name in list_own_imports(path) if name.startswith("pipeline.commands.")], module


def test_nothing_is_imported_in_a_circle() -> None:
    graph = {module: list_own_imports(path) for module, path in SOURCES.items()}
    assert list(TopologicalSorter(graph).static_order())  # CycleError names the circle


def test_at_the_top_of_components_stands_what_the_picture_names() -> None:
    assert {name.partition(".")[2] for name in SOURCES if find_room(name) == "components"} == TOP_OF_COMPONENTS


def test_the_unit_tests_are_in_the_rooms_of_what_they_test() -> None:
    """`components/gate/checks.py` is tested by `tests/unit/gate/test_checks.py`."""
    rooms = {find_room(name).partition(".")[2].replace(".", "/") for name in SOURCES} - {""}
    found = {path.parent.name for path in (ROOT / "tests/unit").rglob("test_*.py")} - {"unit"}
    assert found == rooms
    for room in rooms:
        modules = {name.rpartition(".")[2] for name in SOURCES if find_room(name).endswith(f".{room}")}
        tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests/unit" / room).glob("test_*.py")}
        assert tested <= modules, room


@pytest.mark.parametrize("module", SOURCES)
def test_imports_of_components_are_of_the_kind_that_fingerprints_follow(module: str) -> None:
    """Past another kind of import, an edited source would be taken for the one that made a cached result."""
    for node in list_imports(SOURCES[module]):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
        else:
            assert not [alias.name for alias in node.names if alias.name.split(".")[0] == "components"]


def test_packages_say_what_they_hold_and_nothing_else() -> None:
    """Fingerprints pass over them."""
    for path in (*ROOT.glob("components/**/__init__.py"), *ROOT.glob("pipeline/**/__init__.py")):
        (statement,) = ast.parse(path.read_text()).body
        assert isinstance(statement, ast.Expr), path


def test_modules_that_only_read_import_no_heavy_library() -> None:
    """Importing TensorFlow and TFX takes ten seconds and more; `--help` and `status` answer at once."""
    heavy = {
        "tensorflow", "tfx", "apache_beam", "keras", "tensorflow_model_analysis", "ml_metadata", "matplotlib",
        "apprise",
    }  # fmt: skip
    code = f"import sys, importlib; [importlib.import_module(module) for module in {LIGHT}]; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = result.stdout.split()
    assert set(imported) >= LIGHT
    assert heavy.isdisjoint(imported), heavy.intersection(imported)


def test_a_small_stage_of_a_cluster_starts_at_once() -> None:
    """Its pod does a second's work: what takes as long to import is for those that use it."""
    heavy = {"tensorflow", "tfx", "apache_beam", "ml_metadata", "pyarrow", "kubernetes", "pandas", "kfp"}
    code = "import sys, pipeline.kubeflow.entrypoint; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(result.stdout.split())


def test_no_module_is_named_for_nothing_in_particular() -> None:
    vague = {"utils", "util", "common", "helpers", "helper", "base", "misc", "core", "lib"}
    assert [name for name in SOURCES if vague & {*name.replace("_", ".").split(".")}] == []


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_asks_which_stack_it_runs_on(module: str) -> None:
    """Each stack has to run all lines, or what is tested on one says nothing of the other."""
    nodes = list(ast.walk(ast.parse(SOURCES[module].read_text())))
    assert "version_info" not in {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    caught = {ast.unparse(node.type) for node in nodes if isinstance(node, ast.ExceptHandler) and node.type}
    assert not {"ImportError", "ModuleNotFoundError"} & caught
