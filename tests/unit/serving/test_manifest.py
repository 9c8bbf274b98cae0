"""A manifest says what a version consists of and where it comes from; a model is known by its bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from components.serving.manifest import (
    DATA_SUMMARY,
    MANIFEST,
    FileFacts,
    Manifest,
    ServingError,
    digest_model,
    read_model_manifest,
    write_manifest,
)

A_MANIFEST = Manifest(
    digest="d" * 64, recipe="r" * 64, run_id="20250101-000000-abcd", baseline_version=3, pushed_at="2025-01-01T00:00:00"
)


def make_model(directory: Path) -> Path:
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "variables.index").write_bytes(b"index")
    return directory


def test_the_digest_is_of_contents_and_names_alone(tmp_path: Path) -> None:
    assert digest_model(make_model(tmp_path / "one")) == digest_model(make_model(tmp_path / "two"))


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
def test_the_digest_changes_with_any_byte(tmp_path: Path, name: str) -> None:
    model = make_model(tmp_path / "model")
    before = digest_model(model)
    content = bytearray((model / name).read_bytes())
    for position in range(len(content)):
        content[position] ^= 1
        (model / name).write_bytes(content)
        assert digest_model(model) != before
        content[position] ^= 1


def test_the_digest_changes_with_any_name_and_any_new_file(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    digests = {digest_model(model)}
    (model / "saved_model.pb").rename(model / "saved_model.pbx")
    digests.add(digest_model(model))
    (model / "saved_model.pbx").rename(model / "variables" / "saved_model.pb")
    digests.add(digest_model(model))
    (model / "assets").write_bytes(b"")
    digests.add(digest_model(model))
    assert len(digests) == 4


def test_two_files_are_not_one_file_with_all_their_bytes(tmp_path: Path) -> None:
    for name, contents in (("one", {"x": b"1y2"}), ("two", {"x": b"1", "y": b"2"})):
        (tmp_path / name).mkdir()
        for file, content in contents.items():
            (tmp_path / name / file).write_bytes(content)
    assert digest_model(tmp_path / "one") != digest_model(tmp_path / "two")


def test_the_digest_of_a_pushed_model_is_that_of_the_model(tmp_path: Path) -> None:
    """Its manifest and the summary of its data are left out, so that a push of the same model is known for one."""
    model = make_model(tmp_path / "1")
    before = digest_model(model)
    write_manifest(model, A_MANIFEST)
    (model / DATA_SUMMARY).mkdir()
    (model / DATA_SUMMARY / "checks.json").write_text("[]")
    assert digest_model(model) == before
    (model / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"")
    assert digest_model(model) != before


def test_a_manifest_survives_a_round_trip(tmp_path: Path) -> None:
    write_manifest(make_model(tmp_path / "4"), A_MANIFEST)
    manifest = read_model_manifest(tmp_path / "4")
    assert manifest
    assert replace(manifest, files=None) == A_MANIFEST


def test_a_manifest_lists_every_file_but_itself(tmp_path: Path) -> None:
    model = make_model(tmp_path / "4")
    (model / DATA_SUMMARY).mkdir(parents=True)
    (model / DATA_SUMMARY / "checks.json").write_text("[]")
    for _ in range(2):  # the second time, it is there itself
        write_manifest(model, A_MANIFEST)
    contents = {
        "saved_model.pb": b"graph",
        "variables/variables.index": b"index",
        "assets.extra/data/checks.json": b"[]",
    }
    manifest = read_model_manifest(model)
    assert manifest
    assert manifest.files == {
        name: FileFacts(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    }


@pytest.mark.parametrize(("files", "expected"), [(None, None), ({}, 0)])
def test_in_a_manifest_without_a_list_0_is_no_baseline(
    tmp_path: Path, files: dict | None, expected: int | None
) -> None:
    """Before there was a list, no model was ever compared with a version 0."""
    model = make_model(tmp_path / "1")
    write_manifest(model, replace(A_MANIFEST, baseline_version=0))
    values = json.loads((model / MANIFEST).read_text())
    del values["files"]
    (model / MANIFEST).write_text(json.dumps(values | ({} if files is None else {"files": files})))
    manifest = read_model_manifest(model)
    assert manifest
    assert manifest.baseline_version == expected


def test_a_model_without_manifest_has_none(tmp_path: Path) -> None:
    make_model(tmp_path / "4")
    assert read_model_manifest(tmp_path / "4") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"digest": "d"}', '"digest"', "null", "3"])
def test_a_damaged_manifest_is_named_with_the_remedy(tmp_path: Path, content: str) -> None:
    write_manifest(make_model(tmp_path / "4"), A_MANIFEST)
    (tmp_path / "4" / MANIFEST).write_text(content)
    with pytest.raises(ServingError, match=r"4/assets\.extra/manifest\.json: not a manifest .* delete that version"):
        read_model_manifest(tmp_path / "4")


def test_a_manifest_without_a_reason_is_read_and_one_with_a_reason_keeps_it(tmp_path: Path) -> None:
    """Those that were written before there were reasons have none."""
    model = make_model(tmp_path / "1")
    write_manifest(model, A_MANIFEST)
    values = json.loads((model / MANIFEST).read_text())
    del values["reason"], values["files"]
    (model / MANIFEST).write_text(json.dumps(values))
    assert read_model_manifest(tmp_path / "1") == A_MANIFEST
    write_manifest(model, replace(A_MANIFEST, reason="it has to be"))
    manifest = read_model_manifest(tmp_path / "1")
    assert manifest is not None
    assert manifest.reason == "it has to be"
