"""The command in a report starts the same run again, and the commit is the one that is checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.config import PipelineConfig
from pipeline.origin import describe_command, describe_origin, read_git_commit


def make_config(**fields) -> PipelineConfig:
    known = {"name": "fashion-mnist", "data_dir": "/data/x", "data_digest": "d", "output_dir": Path("out")}
    return PipelineConfig(**(known | fields))


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, "--data fashion-mnist"),
        ({"epochs": 3, "require_gpu": True}, "--data fashion-mnist --epochs 3 --require-gpu"),
        ({"cache": False}, "--data fashion-mnist --no-cache"),
        ({"beam_arg": ("--a=b", "--c")}, "--data fashion-mnist --beam-arg=--a=b --beam-arg=--c"),
        ({"set_by_file": ("epochs", "cache")}, "--data fashion-mnist --epochs 10 --cache"),
        ({"name": "sample", "data_dir": "/o/samples/600-0"}, "--data sample --sample-size 600"),
        ({"name": "shoes-1a2b3c", "data_dir": "/my data"}, "--data '/my data'"),
    ],
)
def test_the_command_has_what_differs_from_the_defaults(fields, options: str) -> None:
    assert describe_command(make_config(**fields)) == f"python run_pipeline.py run {options}"


def test_the_origin_names_recipe_sources_and_releases() -> None:
    origin = describe_origin(make_config(), "recipe")
    assert (origin.data, origin.recipe, len(origin.sources)) == ("fashion-mnist", "recipe", 64)
    assert origin.packages.keys() >= {"python", "tfx", "tensorflow"}


def test_a_commit_is_named_and_what_was_changed_since(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *identity, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert read_git_commit(tmp_path / "nowhere") == ""
    git("init")
    assert read_git_commit(tmp_path) == ""
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "-m", "first")
    git("tag", "-a", "v1", "-m", "a tag is no commit")
    assert read_git_commit(tmp_path) == git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("b")
    assert read_git_commit(tmp_path) == git("rev-parse", "HEAD") + "-dirty"
