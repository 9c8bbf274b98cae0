"""Whatever bytes or values come, readers take what is sound, and refuse the rest by their own errors and no other."""

from __future__ import annotations

import gzip
import json
import math
import string
import tempfile
import unicodedata
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import tomli
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from components.images.class_names import ClassNameError, read_class_names
from components.images.idx import IdxError, read_images, read_labels, verify_idx, write_idx
from components.serving.manifest import (
    MANIFEST,
    FileFacts,
    Manifest,
    ServingError,
    read_model_manifest,
    write_manifest,
)
from pipeline.commands.console import print_status
from pipeline.commands.plain_text import show_line
from pipeline.commands.run_options import write_file
from pipeline.config import RunOptions
from pipeline.declared import ConfigError, build, list_fields, read_toml
from pipeline.runs import RunRecord, read_records, save_record
from tests.faults.tally import TALLY

EXAMPLES = 300
settings.register_profile(
    "torture", max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("torture")

IMAGES = arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3))
# Bytes that begin as an IDX file does are not found by chance.
IDX_BYTES = st.builds(
    lambda magic, sizes, values: magic + b"".join(size.to_bytes(4, "big") for size in sizes) + values,
    st.sampled_from([b"\0\0\x08\3", b"\0\0\x08\1", b"\0\0\x09\3", b"\0\0\x08\0", b"\x1f\x8b\x08\0", b""]),
    st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1)), max_size=4),
    st.binary(max_size=300),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def count():
    yield
    TALLY.examples += EXAMPLES


def write_file_of(content: bytes, name: str = "file") -> Path:
    """Write a file into a new folder, which the end of the process takes along."""
    directory = tempfile.mkdtemp(dir=SCRATCH.name)
    path = Path(directory, name)
    path.write_bytes(content)
    return path


SCRATCH = tempfile.TemporaryDirectory()


def check_error(error: Exception, name: str) -> None:
    assert name in str(error)
    told = show_line(str(error)).replace("\t", " ")  # as the guard tells it
    assert not {unicodedata.category(character) for character in told} & {"Cc", "Zl", "Zp"}, told


@given(IMAGES, st.booleans())
def test_images_come_back_as_they_were_written(images, packed):
    path = write_file_of(b"", "images.gz" if packed else "images")
    write_idx(path, images)
    assert np.array_equal(read_images(path), images)
    assert verify_idx(path, 3).shape == images.shape


@given(IDX_BYTES | st.binary(max_size=400), st.sampled_from([read_images, read_labels]), st.booleans())
def test_any_bytes_are_images_or_labels_or_refused(content, read, packed):
    path = write_file_of(gzip.compress(content, 1) if packed else content)
    try:
        values = read(path)
    except IdxError as error:
        check_error(error, path.name)
    else:
        plain = gzip.decompress(path.read_bytes()) if content[:2] == b"\x1f\x8b" or packed else content
        assert values.tobytes() == plain[4 + 4 * values.ndim :]
        assert values.size == math.prod(values.shape) > 0


@given(IMAGES, st.integers(0, 400), st.integers(1, 255), st.booleans())
def test_a_byte_that_changed_is_refused_or_is_a_pixel(images, place, change, packed):
    path = write_file_of(b"", "images.gz" if packed else "images")
    write_idx(path, images)
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place] ^= change
    path.write_bytes(content)
    try:
        read = read_images(path)
    except IdxError as error:
        check_error(error, path.name)
    else:
        assert read.size == images.size
        assert np.sum(read.ravel() != images.ravel()) <= (0 if packed else 1)


@given(IMAGES, st.integers(0, 400), st.booleans())
def test_a_file_cut_anywhere_is_refused(images, kept, packed):
    path = write_file_of(b"", "images.gz" if packed else "images")
    write_idx(path, images)
    content = path.read_bytes()
    path.write_bytes(content[: kept % len(content)])
    with pytest.raises(IdxError) as refusal:
        read_images(path)
    check_error(refusal.value, path.name)


@given(st.binary(max_size=200) | TEXTS.map(str.encode))
@example(b"\xef\xbb\xbfcat\r\ndog\r\n")
def test_any_bytes_are_class_names_or_refused(content):
    path = write_file_of(content, "labels.txt")
    try:
        names = read_class_names(path.parent)
    except ClassNameError as error:
        check_error(error, "labels.txt")
    else:
        assert 2 <= len(names) <= 256
        assert len(set(names)) == len(names)
        assert all(name == name.strip() != "" for name in names)


NAMES = st.text(string.ascii_letters + string.digits + " -äöü漢字", min_size=1, max_size=64).map(str.strip)


@given(st.lists(NAMES.filter(bool), min_size=2, max_size=256, unique=True))
def test_class_names_come_back_as_they_were_written(names):
    path = write_file_of("\n".join(names).encode(), "labels.txt")
    assert read_class_names(path.parent) == tuple(names)


OPTION_NAMES = [field.name for field in list_fields(RunOptions)]


@given(st.dictionaries(st.sampled_from(OPTION_NAMES) | st.text(max_size=10), VALUES, max_size=4))
@example({"epochs": 3, "data": "\ud800"})
@example({"": 1})
@example({"learning_rate": math.nan})
def test_any_values_are_options_or_refused(values):
    try:
        options = build(RunOptions, values, where="pipeline.toml")
    except ConfigError as error:
        check_error(error, "pipeline.toml: ")
    else:
        for name, value in values.items():
            if isinstance(value, (int, float)):
                assert math.isfinite(value)
                assert getattr(options, name) == value


@given(st.binary(max_size=100) | TEXTS.map(str.encode))
def test_any_bytes_are_toml_or_refused(content):
    path = write_file_of(content, "pipeline.toml")
    try:
        assert isinstance(read_toml(path, "write one"), dict)
    except ConfigError as error:
        check_error(error, "pipeline.toml")


def test_the_file_of_defaults_is_taken_as_it_is():
    values = {name: value for name, value in tomli.loads(write_file()).items() if value is not None}
    assert build(RunOptions, values) == RunOptions()


KINDS = {"run_id": TEXTS, "verdict": st.sampled_from(["pushed", "running", "error", "x"]), "started_at": TEXTS}
RECORD_VALUES = st.fixed_dictionaries(
    {}, optional={name: KINDS.get(name, VALUES) for name in RunRecord.__dataclass_fields__}
)


@given(RECORD_VALUES | VALUES | st.binary(max_size=50), st.booleans())
def test_any_record_is_listed_or_told_to_be_damaged(values, named):
    content = values if isinstance(values, bytes) else json.dumps(values).encode()
    if named and isinstance(values, dict):
        content = json.dumps({**values, "run_id": "20250101-000000-0000", "data": "sample"}).encode()
    output = Path(tempfile.mkdtemp(dir=SCRATCH.name))
    run_dir = output / "sample/runs/20250101-000000-0000"
    run_dir.mkdir(parents=True)
    (run_dir / "run.json").write_bytes(content)
    (record,) = read_records(output)
    assert record.run_id == "20250101-000000-0000"
    if record.verdict == "damaged":
        assert "run.json" in record.reasons[0]
    print_status([record])


@given(
    TEXTS,
    st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    st.lists(TEXTS, max_size=3),
    st.integers(0, 2**31),
)
def test_a_record_comes_back_as_it_was_saved(fingerprint, accuracy, reasons, sequence):
    record = RunRecord(
        run_id="20250101-000000-0000",
        data="sample",
        verdict="pushed",
        fingerprint=fingerprint,
        accuracy=accuracy,
        reasons=reasons,
        sequence=sequence,
    )
    output = Path(tempfile.mkdtemp(dir=SCRATCH.name))
    save_record(output / "sample", record)
    assert read_records(output) == [record]


@given(VALUES | st.binary(max_size=60) | st.fixed_dictionaries({}, optional=dict.fromkeys(Manifest.__slots__, VALUES)))
def test_any_manifest_is_read_or_refused(values):
    content = values if isinstance(values, bytes) else json.dumps(values).encode()
    model = Path(tempfile.mkdtemp(dir=SCRATCH.name))
    (model / MANIFEST).parent.mkdir()
    (model / MANIFEST).write_bytes(content)
    try:
        manifest = read_model_manifest(model)
    except ServingError as error:
        check_error(error, str(model / MANIFEST))
    else:
        assert set(asdict(manifest)) == set(Manifest.__slots__)


@given(
    st.dictionaries(
        st.text("abc./ é", min_size=1, max_size=8).filter(lambda name: name.strip("./ ")),
        st.binary(max_size=30),
        max_size=4,
    )
)
def test_a_manifest_comes_back_with_all_files(files):
    model = Path(tempfile.mkdtemp(dir=SCRATCH.name))
    for name, content in files.items():
        (model / name.replace("/", "_")).write_bytes(content)
    manifest = Manifest(digest="d", recipe="r", run_id="i", baseline_version=None, pushed_at="2025-01-01")
    write_manifest(model, manifest)
    read = read_model_manifest(model)
    assert {name: facts.size for name, facts in read.files.items()} == {
        path.name: path.stat().st_size for path in model.iterdir() if path.is_file()
    }
    assert all(isinstance(facts, FileFacts) and len(facts.sha256) == 64 for facts in read.files.values())
