"""The options of `run` come from one declaration: on the command line, in pipeline.toml, in the README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import run
from pipeline.commands.run_options import read_options, write_file, write_table
from pipeline.config import Keep, RunOptions
from pipeline.declared import ConfigError, list_fields
from pipeline.notify.settings import Notify

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a pipeline.toml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Path | None, dict[str, Any]]:
    """Return what the command line makes of its arguments."""
    seen: list[Any] = []
    monkeypatch.setattr(run, "start_run", lambda file, given, **_: seen.append((file, given)) or 0)
    result = CliRunner().invoke(app, ["run", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_only_what_the_command_line_has_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke(monkeypatch) == (None, {})
    arguments = ["--epochs", "10", "--no-cache", "--beam-arg=--a", "--beam-arg=--b", "--output", "x", "--require-gpu"]
    file, given = invoke(monkeypatch, *arguments, "--config", "other.toml")
    assert file == Path("other.toml")
    values = {"epochs": 10, "cache": False, "require_gpu": True, "beam_arg": ["--a", "--b"], "output": Path("x")}
    assert given == values


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(place: Path) -> None:
    (place / "pipeline.toml").write_text('epochs = 3\nseed = 7\nbeam_arg = ["--a=b"]\noutput = "models"\n')
    options, set_by_file = read_options(None, {"seed": 42})
    assert (options.epochs, options.seed, options.batch_size) == (3, 42, 32)
    assert (options.beam_arg, options.output) == (("--a=b",), Path("models"))
    assert set_by_file == ("epochs", "seed", "beam_arg", "output")


@pytest.mark.parametrize("arguments", [("--output", ""), ("--output=",), ("--config", "", "--quiet"), ("--data", "")])
@pytest.mark.parametrize("command", ["run", "status"])
def test_an_option_with_nothing_is_refused(place: Path, command: str, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [command, *arguments])
    assert result.exit_code == 2
    name = arguments[0].rstrip("=")
    assert result.stderr == f"Error: {name} '': expected a value; leave {name} out for its default.\n"
    assert not list(place.iterdir())


def test_without_a_file_the_defaults_hold() -> None:
    assert read_options(None, {}) == (RunOptions(), ())


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("epoch = 3", {}, "pipeline.toml: unknown key epoch; did you mean epochs?"),
        ('output = ""', {}, "pipeline.toml: output = '': expected a path; leave it out for its default."),
        ("epochs = 0", {}, "pipeline.toml: epochs = 0: expected 1 to 10,000."),
        ("epochs = 0", {"epochs": 3}, "pipeline.toml: epochs = 0: expected 1 to 10,000."),
        ("cache = 'no'", {}, "pipeline.toml: cache = 'no': expected true or false."),
        ("epochs = 3", {"max_loss": 2.0}, "--max-loss 2.0: expected 0 to 1."),
        ("epochs", {}, "pipeline.toml: not TOML"),
    ],
)
def test_a_mistake_is_told_by_where_it_stands(place: Path, text: str, given: dict[str, Any], message: str) -> None:
    (place / "pipeline.toml").write_text(text)
    with pytest.raises(ConfigError) as refusal:
        read_options(None, given)
    assert str(refusal.value).startswith(message)


def test_a_file_that_was_named_has_to_be_there() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.toml: cannot be read"):
        read_options(Path("nowhere.toml"), {})


def test_a_mistake_ends_with_the_exit_code_of_bad_input(place: Path) -> None:
    (place / "pipeline.toml").write_text("epoch = 3")
    result = CliRunner().invoke(app, ["run", "--json"])
    assert result.exit_code == 2
    assert "did you mean epochs?" in result.stderr
    assert '"run_id": null' in result.stdout
    assert not (place / "output").exists()


def test_the_file_of_the_defaults_is_one_that_is_read(place: Path) -> None:
    (place / "pipeline.toml").write_text(write_file())
    options, set_by_file = read_options(None, {})
    assert options == RunOptions()
    assert set(set_by_file) == {field.name for field in list_fields(RunOptions)}


def test_the_tables_in_the_file_of_the_defaults_need_only_be_uncommented(place: Path) -> None:
    _, begin, tables = write_file().partition("# [notify]")
    lines = [line.removeprefix("# ") for line in (begin + tables).splitlines() if line.startswith("# [") or "=" in line]
    values = {'env = ""': 'env = "ALARMS"', "versions = N": "versions = 10", "days = D": "days = 30"}
    (place / "pipeline.toml").write_text("\n".join(values.get(line, line) for line in lines if line != 'file = ""'))
    options, _ = read_options(None, {})
    assert options.notify == Notify(env="ALARMS")
    assert options.keep == Keep(versions=10, days=30)


def test_what_stays_is_a_table_of_the_file_and_no_option(tmp_path: Path) -> None:
    file = tmp_path / "keep.toml"
    file.write_text('[keep]\nversions = 10\ndays = 30\nfree = "20GB"\n')
    options, set_by_file = read_options(file, {})
    assert (options.keep, set_by_file) == (Keep(versions=10, days=30, free="20GB"), ())
    assert options.keep.free_bytes == 20 * 10**9
    assert read_options(None, {})[0].keep == Keep()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("versions = 0", "[keep] versions = 0: expected 1 or more."),
        ('days = "x"', "[keep] days = 'x': expected a whole number."),
        ("days = -1", "[keep] days = -1: expected 0 to 36,500."),
        ('free = "20 apples"', "free = '20 apples': expected a size, such as 20GB"),
        ("version = 1", "[keep] unknown key version; did you mean versions?"),
    ],
)
def test_what_can_not_stay_is_told_in_a_sentence(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(f"[keep]\n{line}\n")
    with pytest.raises(ConfigError) as error:
        read_options(file, {})
    assert complaint in str(error.value)
    assert str(file) in str(error.value)


def test_the_table_in_the_readme_is_the_one_that_the_command_prints() -> None:
    assert write_table() in (ROOT / "README.md").read_text()
