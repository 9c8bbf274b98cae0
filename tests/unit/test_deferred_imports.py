"""A deferred module is executed on first use, whole and once; and a run does not execute what it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that says when it is executed, with a submodule of each kind."""
    root = tmp_path / "slow"
    root.mkdir()
    (root / "__init__.py").write_text("print('slow')\nfrom slow.names import NAME\ndef answer(): return 42\n")
    (root / "names.py").write_text("print('slow.names')\nNAME = 'n'\n")
    (root / "leaf.py").write_text("print('slow.leaf')\nVERSION = '3'\n")
    return tmp_path


def run(package: Path, code: str, **options: object) -> list[str]:
    deferral = {"open_packages": (), "leaves": (), "defined_in": {}} | options
    start = f"from pipeline.deferred_imports import defer_imports; defer_imports(('slow',), **{deferral!r})\n"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(package)!r}]\n{start}{code}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_a_module_is_executed_once_and_when_a_name_is_asked_of_it(package: Path) -> None:
    assert run(package, "import slow; print('start'); print(slow.answer()); print(slow.answer())") == [
        "start", "slow", "slow.names", "42", "42",
    ]  # fmt: skip


def test_from_imports_get_the_name(package: Path) -> None:
    assert run(package, "from slow import answer; print(answer())") == ["slow", "slow.names", "42"]


def test_a_submodule_executes_its_package_first(package: Path) -> None:
    assert run(package, "import slow.leaf") == ["slow", "slow.names", "slow.leaf"]


def test_a_submodule_of_an_open_package_is_imported_alone(package: Path) -> None:
    assert run(package, "import slow.leaf; print('then'); slow.answer()", open_packages=("slow",)) == [
        "slow.leaf", "then", "slow", "slow.names",
    ]  # fmt: skip


def test_a_name_is_taken_from_the_leaf_that_defines_it(package: Path) -> None:
    options = {"leaves": ("slow.leaf",), "defined_in": {"slow": "slow.leaf"}}
    assert run(package, "import slow; print(slow.VERSION); slow.NAME", **options) == [
        "slow.leaf", "3", "slow", "slow.names",
    ]  # fmt: skip


def test_a_missing_name_is_an_attribute_error_and_a_failing_import_is_raised_to_its_user(package: Path) -> None:
    assert run(package, "import slow; print(hasattr(slow, 'nothing'))") == ["slow", "slow.names", "False"]
    (package / "slow" / "names.py").write_text("raise ImportError('no')")
    code = "import slow\nfor _ in 'ab':\n    try:\n        slow.answer\n    except ImportError as e:\n        print(e)"
    assert run(package, code) == ["slow", "no", "slow", "no"]


def test_another_thread_waits_until_the_module_is_whole(package: Path) -> None:
    (package / "slow" / "names.py").write_text("import time; time.sleep(0.3); NAME = 'n'")
    code = "import slow, threading\n"
    code += "t = threading.Thread(target=lambda: slow.NAME)\nt.start()\nprint(slow.answer())\nt.join()"
    assert run(package, code) == ["slow", "42"]


def test_a_run_starts_without_what_it_uses_late_or_never() -> None:
    code = (
        "from pipeline.environment import prepare_environment; prepare_environment()\n"
        "import sys, pipeline.local_runner; print(*sys.modules)\n"
        "import keras, tensorflow_model_analysis as tfma, tensorflow as tf, tfx.components\n"
        "from tensorflow.keras import layers\n"
        "assert keras.layers.Dense is layers.Dense is tf.keras.layers.Dense\n"
        "assert tfma.EvalConfig and tfma.extractors.SliceKeyExtractor and tfx.components.Pusher"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    imported = set(result.stdout.split())
    assert "tensorflow" in imported
    unused = {
        "keras.layers",
        "nltk",
        "kubernetes",
        "keras_tuner",
        "sklearn",
        "tensorflow_model_analysis.metrics",
    }
    assert unused & imported == set()
