"""Records are framed by hand for speed, and are exactly what tf.Example's own parser reads."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components import example_gen
from components.example_gen import Shard, frame_example, plan_shards, write_shard
from components.images.datasets import Dataset
from components.images.idx import read_rows, unpack, write_idx
from components.images.idx_folder import load_dataset


def parse(record: bytes) -> tuple[bytes, int]:
    """Read a record back, and see that it holds one image and one label and nothing else."""
    example = tf.train.Example.FromString(record)
    features = example.features.feature
    assert sorted(features) == ["image", "label"]
    ((image,), (label,)) = features["image"].bytes_list.value, features["label"].int64_list.value
    return image, label


def to_shard(tmp_path: Path, images: np.ndarray, labels: np.ndarray, start: int, stop: int) -> Shard:
    write_idx(tmp_path / "images", images)
    write_idx(tmp_path / "labels", labels)
    return Shard(str(tmp_path / "images"), str(tmp_path / "labels"), start, stop, 7, str(tmp_path / "out"))


def read_records(path: Path) -> list[bytes]:
    return [record.numpy() for record in tf.data.TFRecordDataset(str(path))]


@pytest.mark.parametrize("size", [2, 127, 128, 784, 16_383, 16_384])
def test_every_label_can_be_framed_around_any_image(size: int) -> None:
    """Also around bytes that look like the frame; lengths and labels of 128 and more take another byte."""
    rng = np.random.default_rng(1)
    images = [bytes(size), b"\xff" * size, rng.bytes(size), (b"\n\x05image" * size)[:size]]
    for label in range(256):
        head, tail = frame_example(size, label)
        for image in images:
            assert parse(head + image + tail) == (image, label)


def test_a_shard_holds_its_rows_in_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (40, 4, 5), np.uint8)
    labels = rng.integers(0, 256, 40).astype(np.uint8)
    images[12:15], labels[13] = 255, 255
    write_shard(to_shard(tmp_path, images, labels, 10, 33))
    found = [parse(record) for record in read_records(tmp_path / "out")]
    assert found == [
        (image.tobytes(), label) for image, label in zip(images[10:33], labels[10:33].tolist(), strict=True)
    ]


def test_records_are_those_that_protobuf_writes(tmp_path: Path) -> None:
    """Byte for byte, so that nothing that reads tf.Example records can tell the difference."""
    images = np.full((1, 28, 28), 255, np.uint8)
    write_shard(to_shard(tmp_path, images, np.array([9], np.uint8), 0, 1))
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.append(images.tobytes())
    example.features.feature["label"].int64_list.value.append(9)
    assert read_records(tmp_path / "out") == [example.SerializeToString(deterministic=True)]


@pytest.mark.parametrize(("per_shard", "train", "evaluation"), [(5_000, 1, 1), (600, 1, 1), (599, 2, 1), (7, 86, 29)])
def test_shards_cover_every_row_once(
    sample_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    per_shard: int,
    train: int,
    evaluation: int,
) -> None:
    monkeypatch.setattr(example_gen, "SHARD_BYTES", per_shard * 28 * 28)
    shards = plan_shards(sample_dataset, tmp_path, tmp_path / "out")
    for split, count in (("train", train), ("eval", evaluation)):
        cut = [shard for shard in shards if Path(shard.destination).parent.name == f"Split-{split}"]
        assert [row for shard in cut for row in range(shard.start, shard.stop)] == [
            *range(sample_dataset.counts[split])
        ]
        names = [Path(shard.destination).name for shard in cut]
        assert names == [f"data_tfrecord-{index:05d}-of-{count:05d}" for index in range(count)]


def test_large_data_makes_larger_shards_and_not_more(
    sample_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_gen, "SHARD_BYTES", 10 * 28 * 28)
    monkeypatch.setattr(example_gen, "MOST_SHARDS", 4)
    shards = plan_shards(sample_dataset, tmp_path, tmp_path / "out")
    assert [shard.stop - shard.start for shard in shards] == [150, 150, 150, 150, 50, 50, 50, 50]
    assert {shard.step for shard in shards} == {10}


def test_an_image_larger_than_a_shard_has_one_to_itself(
    sample_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_gen, "SHARD_BYTES", 100)
    shards = plan_shards(sample_dataset, tmp_path, tmp_path / "out")
    assert len(shards) == sum(sample_dataset.counts.values())


def test_shards_are_cut_from_plain_copies(sample_dataset: Dataset, tmp_path: Path) -> None:
    """Each worker reads its own rows; a gzip file would have to be read from the start."""
    shard = plan_shards(sample_dataset, tmp_path, tmp_path / "out")[0]
    assert read_rows(Path(shard.images), 590, 600).shape == (10, 28, 28)
    assert read_rows(Path(shard.labels), 590, 600).shape == (10,)


def test_a_plain_file_is_read_where_it_lies_and_a_gzip_file_is_unpacked_once(
    sample_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_gen, "SHARD_BYTES", 100 * 28 * 28)
    data = tmp_path / "data"
    shutil.copytree(sample_dataset.directory, data)
    plain = data / "train-images-idx3-ubyte"
    unpack(data / f"{plain.name}.gz", plain)
    (data / f"{plain.name}.gz").unlink()
    unpacked = []
    monkeypatch.setattr(example_gen, "unpack", lambda source, _: unpacked.append(source.name))
    shards = plan_shards(load_dataset(data), tmp_path / "scratch", tmp_path / "out")
    assert {shard.images for shard in shards[:6]} == {str(plain)}
    assert {Path(shard.labels).parent for shard in shards} == {tmp_path / "scratch"}
    assert sorted(unpacked) == ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "train-labels-idx1-ubyte.gz"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12), st.integers(1, 12))
def test_any_parts_give_the_records_of_the_one_pair(parts: list[tuple[int, bool]], per_shard: int) -> None:
    """In whatever sizes, plain or gzip, and however many images a shard has."""
    count = sum(size for size, _ in parts)
    rng = np.random.default_rng(count)
    images, labels = rng.integers(0, 256, (count, 3, 2), np.uint8), rng.integers(0, 4, count).astype(np.uint8)
    cuts = np.cumsum([size for size, _ in parts])[:-1]
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_gen, "SHARD_BYTES", per_shard * 6)
        (data := Path(place, "data")).mkdir()
        (data / "labels.txt").write_text("a\nb\nc\nd")
        for prefix in ("train", "t10k"):
            for kind, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
                for number, (part, (_, packed)) in enumerate(zip(np.split(values, cuts), parts, strict=True)):
                    write_idx(data / f"{prefix}-{number:03}-{kind}{'.gz' if packed else ''}", part)
        (scratch := Path(place, "scratch")).mkdir()
        shards = plan_shards(load_dataset(data), scratch, Path(place, "out"))
        for shard in shards:
            write_shard(shard)
        for split in ("train", "eval"):
            files = sorted(Path(place, "out", f"Split-{split}").iterdir())
            assert [path.name for path in files] == [
                f"data_tfrecord-{index:05d}-of-{len(files):05d}" for index in range(len(files))
            ]
            found = [parse(record) for path in files for record in read_records(path)]
            assert found == list(zip(map(np.ndarray.tobytes, images), labels.tolist(), strict=True))
