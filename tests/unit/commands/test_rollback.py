"""`rollback` says what is served now, or in one sentence why it is what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.serving.directory_lock import lock_serving_dir
from components.serving.versions import list_versions
from pipeline.cli import app
from pipeline.output_folder import lock_output
from tests.made_outputs import make_run, make_version


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for number in (1, 2):
        make_version(tmp_path / "clothes" / "serving", number)
    make_run(tmp_path, "last", 1)
    return tmp_path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def roll_back(output: Path, *arguments: object, reason: str = "bags [red]are[/red] missing") -> Result:
    return invoke("rollback", "--reason", reason, "--output", output, *arguments)


def test_what_is_served_now_is_told_and_status_says_why(output: Path) -> None:
    result = roll_back(output)
    assert result.exit_code == 0, result.stderr
    path = output / "clothes" / "serving" / "3"
    assert f"Rolled back: version 3 is served now, which is version 1 again: {path}\n" in result.stdout
    told = invoke("status", "--output", output).stdout
    assert "clothes: served: version 3, which brought back 1 on " in told
    assert ", because: bags [red]are[/red] missing\n" in told


def test_json_is_all_that_is_printed(output: Path) -> None:
    told = json.loads(roll_back(output, "--to", 1, "--json").stdout)
    assert (told["data"], told["version"], told["restores"]) == ("clothes", 3, 1)
    assert told["reason"] == "bags [red]are[/red] missing"


def test_it_does_not_wait_for_a_run_at_work(output: Path) -> None:
    """Whose model is not pushed then: it was compared with another version."""
    with lock_output(output / "clothes"):
        assert roll_back(output).exit_code == 0


def test_it_waits_for_a_push_at_work(output: Path) -> None:
    from threading import Thread

    results = []
    thread = Thread(target=lambda: results.append(roll_back(output)))
    with lock_serving_dir(output / "clothes" / "serving"):
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        make_version(output / "clothes" / "serving", 3)
    thread.join(30)
    assert results[0].exit_code == 0
    assert "version 4 is served now, which is version 2 again" in results[0].stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--to", 9), "--to 9: there is no such version; expected one of 1, 2."),
        (("--to", 2), "--to 2: it is what is pushed now; there is nothing to do."),
        (("--data", "shoes"), "--data shoes: no model of it is pushed in"),
        (("--data", "../clothes"), "--data ../clothes: no model of it is pushed in"),
        (("--output", "/no/such/folder"), "no model is pushed in /no/such/folder"),
        (("--reason", " "), '--reason "": expected a sentence that says why.'),
        (("--reason", "x" * 10_000), "--reason: it has 10,000 characters, expected at most 1,000"),
        (("--reason", "a\x1b[2Jb"), "--reason: it holds the character U+001B"),
    ],
)
def test_what_can_not_be_is_told_in_one_sentence(output: Path, arguments: tuple[object, ...], complaint: str) -> None:
    result = roll_back(output, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list_versions(output / "clothes" / "serving") == [1, 2]


def test_of_several_data_sets_one_has_to_be_named(output: Path) -> None:
    for number in (1, 2):
        make_version(output / "shoes" / "serving", number)
    result = roll_back(output)
    assert result.exit_code == 2
    assert f"models of 2 data sets are pushed in {output}; add --data clothes|shoes" in result.stderr
    assert roll_back(output, "--data", "shoes").exit_code == 0
    assert list_versions(output / "shoes" / "serving") == [1, 2, 3]


def test_a_damaged_version_is_an_error(output: Path) -> None:
    (output / "clothes" / "serving" / "1" / "saved_model.pb").write_text("damaged")
    result = roll_back(output)
    assert result.exit_code == 1
    assert "version 1 is damaged (saved_model.pb: " in result.stderr
    assert list_versions(output / "clothes" / "serving") == [1, 2]
