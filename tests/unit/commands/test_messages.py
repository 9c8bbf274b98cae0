"""Every message that a person can cause says what is wrong and where, what was expected or what to do."""

from __future__ import annotations

import ast
import errno
import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from components.images.image_files import ImageFileError
from pipeline.commands.exit_codes import ExitCode
from pipeline.commands.messages import REMEDIES, explain, name_place
from pipeline.declared import ConfigError
from pipeline.store import StoreError

ROOT = Path(__file__).parents[3]
SOURCES = [path for folder in ("components", "pipeline") for path in sorted((ROOT / folder).rglob("*.py"))]
# What the classes of our errors are derived from.
OWN_ERRORS = {
    node.name: [ast.unparse(base) for base in node.bases]
    for path in SOURCES
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
}
# Placeholders of a template; what stands in for them is a path, an option or a value.
PLACE = "{}"
REMEDY = re.compile(
    r"\b(expected|install|remove|correct|give|delete|restore|choose|use|set|name|run|wait|promote|start|see|try|move|push|copy|"
    r"add|submit|nothing to do|mend|write|take|train|ask|check|look|did you mean|wants)\b",
    re.IGNORECASE,
)


class Row(NamedTuple):
    """A message as its source has it: where it is raised, by which error, and its template."""

    place: str
    error: str
    template: str


def write_template(node: ast.expr) -> str | None:
    """Return the text of a string in the source, with `{}` for what is put into it; None for what is no such text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(write_template(part) or PLACE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [write_template(side) or PLACE for side in (node.left, node.right)]
        return "".join(parts)
    return None


def list_messages() -> Iterator[Row]:
    """Yield each message of an error of ours that stands in the sources."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            name = ast.unparse(node.exc.func)
            template = write_template(node.exc.args[0]) if node.exc.args else None
            if name in OWN_ERRORS and name != "DataRejectedError" and template:  # that one lists checks
                yield Row(f"{path.relative_to(ROOT)}:{node.lineno}", name, template)


TABLE = list(list_messages())


def test_the_table_has_what_the_sources_raise() -> None:
    assert len(TABLE) > 40
    assert {row.error for row in TABLE} >= {"ConfigError", "DataError", "OutputError", "PredictError", "StoreError"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.place)
def test_a_message_says_what_where_and_what_to_do(row: Row) -> None:
    assert PLACE in row.template or row.template.startswith(("--", "data ", "no image: ")), f"{row}: where?"
    # What a library or another message of ours says comes last.
    assert REMEDY.search(row.template) or re.search(r"([:;] |^|\{\}){}\.?$", row.template), f"{row}: and now?"
    assert "\n" not in row.template


@pytest.mark.parametrize("name", OWN_ERRORS)
def test_an_error_of_ours_says_by_its_class_whose_fault_it_is(name: str) -> None:
    (base,) = OWN_ERRORS[name]
    assert base in ("ValueError", "RuntimeError") or base in OWN_ERRORS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("epochs = 0: expected 1 to 10,000."), ExitCode.BAD_INPUT),
        (ImageFileError("a.png: no image"), ExitCode.BAD_INPUT),
        (StoreError("metadata.sqlite: locked"), ExitCode.ERROR),
        (type("DataRejectedError", (RuntimeError,), {"__module__": "components.data_gate"})("3 images"), 4),
    ],
)
def test_an_error_of_ours_is_its_own_sentence_and_has_its_exit_code(error: Exception, code: ExitCode) -> None:
    assert explain(error) == (str(error).rstrip("."), code, True)


@pytest.mark.parametrize("number", REMEDIES)
def test_an_error_of_the_system_is_told_with_its_path_and_a_remedy(number: int) -> None:
    explanation = explain(OSError(number, "It Failed", "/data/x"))
    assert explanation.sentence == f"/data/x: it failed; {REMEDIES[number]}"
    assert (explanation.code, explanation.known) == (ExitCode.ERROR, True)


def test_an_error_of_the_system_without_a_path_gets_the_place_that_was_worked_on() -> None:
    with pytest.raises(OSError, match="full") as raised, name_place(Path("/output")):
        raise OSError(errno.ENOSPC, "full")
    assert explain(raised.value).sentence.startswith("/output: full; free some space")


def test_what_beam_makes_of_such_an_error_is_told_the_same() -> None:
    text = "[Errno 28] No space left on device: '/output/shard' [while running 'Write']"
    assert explain(RuntimeError(text)).sentence.startswith("/output/shard: no space left on device; free some space")


@pytest.mark.parametrize(("number", "named"), [(errno.ENOSPC, "to"), (errno.EROFS, "to"), (errno.EACCES, "from")])
@pytest.mark.parametrize("by", ["file", "folder"])
def test_of_a_copy_that_failed_the_disk_that_is_full_or_the_file_that_is_closed_is_named(
    tmp_path: Path, by: str, number: int, named: str
) -> None:
    def copy(source: str, target: str) -> None:
        raise OSError(number, os.strerror(number), source, None, target)

    (tmp_path / "from").mkdir()
    (tmp_path / "from/model.pb").touch()
    of_file = partial(copy, str(tmp_path / "from/model.pb"), str(tmp_path / "to/model.pb"))
    of_folder = partial(shutil.copytree, tmp_path / "from", tmp_path / "to", copy_function=copy)
    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        (of_file if by == "file" else of_folder)()
    expected = f"{tmp_path / named / 'model.pb'}: {os.strerror(number).lower()}; {REMEDIES[number]}"
    assert explain(raised.value) == (expected, ExitCode.ERROR, True)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            RuntimeError('in user code:\n\n    File "a.py", line 3\n\n    ValueError: no such dtype\n'),
            "ValueError: no such dtype",
        ),
        (KeyError("accuracy"), "KeyError: 'accuracy'"),
        (RuntimeError(), "RuntimeError"),
        (ValueError("first\nsecond"), "ValueError: first"),
    ],
)
def test_of_an_unknown_error_the_line_that_tells_most_is_told_and_its_kind(error: Exception, sentence: str) -> None:
    assert explain(error) == (sentence, ExitCode.ERROR, False)


def test_too_little_memory_and_a_missing_package_are_told_with_a_remedy() -> None:
    for error in (MemoryError(), RuntimeError("OOM when allocating tensor with shape[784,65536]")):
        assert "smaller --batch-size" in explain(error).sentence
    missing = ModuleNotFoundError("No module named 'rich.text'", name="rich.text")
    assert "package rich is not installed" in explain(missing).sentence
    assert "make setup" in explain(missing).sentence
