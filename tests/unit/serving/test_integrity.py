"""A version is what was pushed, to the byte, or it is told which file is not; nothing outside of it is read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.serving.integrity import check_model, check_pushed, verify_model
from components.serving.manifest import MANIFEST, Manifest, ServingError, digest_model, write_manifest

INDEX = "variables/variables.index"


def make_model(directory: Path) -> Path:
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / INDEX).write_bytes(b"index")
    (directory / "assets.extra" / "data").mkdir(parents=True)
    (directory / "assets.extra" / "data" / "checks.json").write_text("[]")
    return directory


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Version 4, as it was pushed."""
    directory = make_model(tmp_path / "serving" / "4")
    digest = digest_model(directory)
    write_manifest(directory, Manifest(digest=digest, recipe="r", run_id="1", baseline_version=None, pushed_at=""))
    return directory


def edit_manifest(model: Path, **changes: object) -> None:
    values = json.loads((model / MANIFEST).read_text())
    (model / MANIFEST).write_text(json.dumps(values | changes))


def make_older(model: Path) -> None:
    values = json.loads((model / MANIFEST).read_text())
    del values["files"]
    (model / MANIFEST).write_text(json.dumps(values))


def test_a_version_as_it_was_pushed_is_verified(model: Path) -> None:
    assert verify_model(model).state == "verified"
    check_pushed(model.parent)


def test_a_version_without_a_manifest_is_foreign_and_allowed(model: Path) -> None:
    (model / MANIFEST).unlink()
    assert verify_model(model).state == "foreign"
    check_pushed(model.parent)


def test_a_manifest_that_is_a_link_to_nothing_does_not_make_a_version_foreign(model: Path) -> None:
    (model / MANIFEST).unlink()
    (model / MANIFEST).symlink_to("nowhere")
    assert verify_model(model).state == "damaged"


def test_a_damaged_manifest_is_told_with_one_remedy(model: Path) -> None:
    (model / MANIFEST).write_text("[]")
    with pytest.raises(ServingError) as refusal:
        check_model(model)
    assert str(refusal.value).lower().count("restore") == 1
    assert f"{model / MANIFEST}: not a manifest (" in str(refusal.value)


def test_with_nothing_pushed_there_is_nothing_to_check(tmp_path: Path) -> None:
    check_pushed(tmp_path / "nowhere")


def test_a_version_by_an_older_manifest_is_verified_as_a_whole(model: Path) -> None:
    make_older(model)
    assert verify_model(model).state == "older_manifest"
    (model / INDEX).write_bytes(b"other")
    finding = verify_model(model)
    assert finding.state == "damaged"
    assert "an older one" in finding.problems[0]


def empty(model: Path) -> None:
    (model / INDEX).write_bytes(b"")


def flip_a_bit(model: Path) -> None:
    (model / INDEX).write_bytes(b"indey")


def delete(model: Path) -> None:
    (model / INDEX).unlink()


def delete_folder(model: Path) -> None:
    shutil.rmtree(model / "variables")


def replace_by_link(model: Path) -> None:
    outside = model.parent.parent / "outside"
    outside.write_bytes(b"index")
    (model / INDEX).unlink()
    (model / INDEX).symlink_to(outside)


def replace_by_folder(model: Path) -> None:
    (model / INDEX).unlink()
    (model / INDEX).mkdir()


def replace_by_pipe(model: Path) -> None:
    (model / INDEX).unlink()
    os.mkfifo(model / INDEX)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (empty, "has 0 bytes, expected 5"),
        (flip_a_bit, "its contents are not those that were pushed"),
        (delete, "is missing"),
        (delete_folder, "is missing"),
        (replace_by_link, "expected a file, found something else"),
        (replace_by_folder, "is missing"),
        (replace_by_pipe, "expected a file, found something else"),
    ],
)
def test_a_damaged_file_is_named(model: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(model)
    finding = verify_model(model)
    assert finding.state == "damaged"
    assert finding.problems == (f"{INDEX}: {words}" + (" (SHA-256)" if "contents" in words else ""),)


def test_what_was_added_since_is_named(model: Path) -> None:
    (model / "assets.extra" / "more").touch()
    (model / "linked").symlink_to("/", target_is_directory=True)
    assert verify_model(model).problems == (
        "assets.extra/more: was not pushed with it",
        "linked: was not pushed with it",
    )


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "variables/../../../secret", "\0", ""])
def test_a_manifest_names_no_file_outside_of_its_version(model: Path, name: str) -> None:
    """Even where its size and SHA-256 are right."""
    secret = b"secret"
    (model.parent / "secret").write_bytes(secret)
    files = json.loads((model / MANIFEST).read_text())["files"]
    facts = {"size": len(secret), "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}
    edit_manifest(model, files=files | {name: facts})
    assert verify_model(model).problems == (f"{name}: is missing",)


@pytest.mark.parametrize("files", [[], {"saved_model.pb": 5}, {"saved_model.pb": {"size": "5"}}, "all"])
def test_a_list_that_is_none_is_damage(model: Path, files: object) -> None:
    edit_manifest(model, files=files)
    (problem,) = verify_model(model).problems
    assert "manifest.json: not a manifest" in problem


def test_what_is_damaged_is_told_with_the_first_file_and_the_ways_out(model: Path) -> None:
    empty(model)
    delete_folder(model)
    (model / "saved_model.pb").unlink()
    with pytest.raises(
        ServingError, match=r"4 is damaged: saved_model\.pb: is missing, and 1 more\. Restore its files, or"
    ):
        check_pushed(model.parent)
    with pytest.raises(ServingError, match=r"^/elsewhere/4 is damaged"):
        check_model(model, Path("/elsewhere/4"))
