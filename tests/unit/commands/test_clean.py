"""`clean` lists until it is told to remove; everything else goes on as before."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from components.serving.versions import list_versions
from pipeline.cli import app
from pipeline.commands import clean
from pipeline.output_folder import lock_output
from tests.made_outputs import MadeStore, make_run, make_version

OLD, NEW = "20250101-000000-aaaa", "20250601-000000-bbbb"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    store = MadeStore(tmp_path / "clothes")
    made = store.add_run(OLD, made=2)
    store.add_run(NEW, made=1, shared=made[:1])
    for number in (1, 2):
        make_version(tmp_path / "clothes" / "serving", number)
    make_run(tmp_path, OLD, 50, verdict="not_blessed", accuracy=0.875)
    make_run(tmp_path, NEW, 5)
    return tmp_path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def clean_up(output: Path, *arguments: object) -> Result:
    return invoke("clean", "--output", output, *arguments)


def list_files(output: Path) -> list[Path]:
    return [path for path in sorted(output.rglob("*")) if path.name != ".lock"]


def test_without_yes_it_lists_with_sizes_and_a_total(output: Path) -> None:
    before = list_files(output)
    result = clean_up(output, "--keep-versions", 1, "--keep-days", 30)
    assert result.exit_code == 0, result.stderr
    assert f"run {OLD}" in result.stdout
    assert "version 1" in result.stdout
    assert "To be removed: 1 run, 1 version; " in result.stdout
    assert result.stdout.endswith("kB. Add --yes to do so.\n")
    assert list_files(output) == before


def test_with_yes_it_removes_and_the_rest_goes_on_as_before(output: Path) -> None:
    result = clean_up(output, "--keep-versions", 1, "--keep-days", 30, "--yes", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["removed"] is True
    assert {(each["kind"], each["name"]) for each in told["items"]} == {("run", OLD), ("version", "1")}
    assert told["bytes"] == sum(each["bytes"] for each in told["items"]) > 20_000
    assert list_versions(output / "clothes" / "serving") == [2]
    assert "There is nothing to remove." in clean_up(output, "--keep-versions", 1, "--keep-days", 30, "--yes").stdout
    records = json.loads(invoke("status", "--output", output, "--json").stdout)
    assert [(record["run_id"], record["removed"]) for record in records] == [(NEW, False), (OLD, True)]
    assert "removed 20" in invoke("status", "--output", output).stdout
    assert invoke("verify", "--output", output).exit_code == 0
    for arguments in (("report", OLD), ("compare", NEW, OLD), ("promote", OLD, "--reason", "why not")):
        told = invoke(*arguments, "--output", output)
        assert told.exit_code == 2
        assert f"{OLD}: this run was removed on 20" in told.stderr
        assert "; it was not blessed, accuracy 0.8750." in told.stderr
        assert len(told.stderr.strip().splitlines()) == 1


def test_where_a_run_is_at_work_nothing_is_touched_and_the_others_are_cleaned(output: Path) -> None:
    for number in (1, 2):
        make_version(output / "shoes" / "serving", number)
    with lock_output(output / "clothes"):
        result = clean_up(output, "--keep-versions", 1, "--keep-days", 0, "--yes")
    assert result.exit_code == 1
    assert f"{output}/clothes: another run (process " in result.stdout
    assert list_versions(output / "clothes" / "serving") == [1, 2]
    assert (output / "clothes" / "runs" / OLD).exists()
    assert list_versions(output / "shoes" / "serving") == [2]


def test_what_can_not_be_freed_is_told(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    result = clean_up(output, "--free", "9GB")
    assert result.exit_code == 1
    assert f"--free 9GB: with that, the disk of {output} has 1.0 GB free; what is left is needed" in result.stdout
    assert "To be removed: 1 run, 1 version; " in result.stdout
    assert "There is nothing to remove." in clean_up(output, "--free", "1GB").stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--keep-versions, --keep-days, --free: expected one of them or several"),
        (("--keep-versions", 0), "--keep-versions 0: expected 1 or more."),
        (("--keep-days", -1), "--keep-days -1: expected 0 to 36,500."),
        (("--free", "20 apples"), "--free '20 apples': expected a size, such as 20GB"),
        (("--keep-days", 1, "--data", "shoes"), "--data shoes: there is nothing of it in"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(output: Path, arguments: tuple[object, ...], complaint: str) -> None:
    result = clean_up(output, *arguments, "--yes")
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_damaged_store_is_told_and_nothing_is_removed(output: Path) -> None:
    (output / "clothes" / "metadata.sqlite").write_bytes(b"garbage" * 1_000)
    before = list_files(output)
    result = clean_up(output, "--keep-days", 0, "--keep-versions", 1, "--yes")
    assert result.exit_code == 1
    assert "metadata.sqlite: damaged, no store of ML Metadata" in result.stderr
    assert list_files(output) == before


def test_of_no_output_there_is_nothing_to_remove(tmp_path: Path) -> None:
    result = clean_up(tmp_path / "nowhere", "--keep-days", 0, "--free", "1kB")
    assert "There is nothing to remove." in result.stdout
    assert not (tmp_path / "nowhere").exists()
