"""`verify` says of each version what it is, and its exit code whether anything is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.serving.manifest import MANIFEST, Manifest, digest_model, write_manifest
from pipeline.cli import app


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Versions 1 (older manifest), 2 (pushed) and 3 (foreign) of one data set; version 1 of another."""
    for data, version in (("clothes", "1"), ("clothes", "2"), ("clothes", "0003"), ("[b]", "1")):
        model = tmp_path / data / "serving" / version
        model.mkdir(parents=True)
        (model / "saved_model.pb").write_bytes(b"graph")
        if version != "0003":
            manifest = Manifest(digest=digest_model(model), recipe="", run_id="", baseline_version=None, pushed_at="")
            write_manifest(model, manifest)
    path = tmp_path / "clothes" / "serving" / "1" / MANIFEST
    values = json.loads(path.read_text())
    del values["files"]
    path.write_text(json.dumps(values))
    return tmp_path


def verify(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", *arguments, "--output", str(output)])


def read_states(result: Result) -> dict[tuple[str, int], str]:
    return {(each["data"], each["version"]): each["state"] for each in json.loads(result.stdout)}


def test_each_version_is_told_and_what_is_whole_is_well(output: Path) -> None:
    result = verify(output, "--json")
    assert result.exit_code == 0
    assert read_states(result) == {
        ("[b]", 1): "verified",
        ("clothes", 1): "older_manifest",
        ("clothes", 2): "verified",
        ("clothes", 3): "foreign",
    }
    text = verify(output).stdout
    assert "[b] version 1: verified" in text
    assert "clothes version 3: foreign: it has no manifest" in text


def test_a_damaged_file_is_named_and_fails(output: Path) -> None:
    (output / "clothes" / "serving" / "2" / "saved_model.pb").write_bytes(b"other")
    result = verify(output)
    assert result.exit_code == 1
    assert "clothes version 2: damaged\n  - saved_model.pb: its contents are not" in result.stdout
    assert verify(output, "1").exit_code == 0
    assert verify(output, "2").exit_code == 1
    assert verify(output, "--data", "[b]").exit_code == 0


def test_a_name_is_shown_and_not_obeyed(output: Path) -> None:
    (output / "clothes").rename(output / "red\x1b[31m")
    (output / "red\x1b[31m" / "serving" / "2" / "new\x1b[2J").touch()
    text = verify(output).stdout
    assert "\x1b" not in text
    assert "red\N{SYMBOL FOR ESCAPE}[31m version 2: damaged\n  - new\N{SYMBOL FOR ESCAPE}[2J: was not pushed" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("7",), "version 7: not in"),
        (("3", "--data", "[b]"), "version 3: not in"),
        (("--data", "shoes"), "--data shoes: no model of it is pushed"),
        (("--data", "../clothes"), "--data ../clothes: no model of it is pushed"),
    ],
)
def test_what_is_not_there_is_bad_input(output: Path, arguments, complaint: str) -> None:
    result = verify(output, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_with_nothing_pushed_it_says_so(output: Path) -> None:
    shutil.rmtree(output / "clothes")
    shutil.rmtree(output / "[b]")
    result = verify(output)
    assert (result.exit_code, result.stdout) == (0, f"No model is pushed in {output}.\n")
