"""Records are framed by hand for speed, and are exactly what tf.Example's own parser reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components import example_gen
from components.example_gen import Shard, frame_example, plan_shards, write_shard
from components.images.datasets import Dataset
from components.images.idx import read_rows, write_idx


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
    return Shard(str(tmp_path / "images"), str(tmp_path / "labels"), start, stop, str(tmp_path / "out"))


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
    monkeypatch.setattr(example_gen, "IMAGES_PER_SHARD", per_shard)
    shards = plan_shards(sample_dataset, tmp_path / "scratch", tmp_path / "out")
    for split, count in (("train", train), ("eval", evaluation)):
        cut = [shard for shard in shards if Path(shard.destination).parent.name == f"Split-{split}"]
        assert [row for shard in cut for row in range(shard.start, shard.stop)] == [
            *range(sample_dataset.counts[split])
        ]
        names = [Path(shard.destination).name for shard in cut]
        assert names == [f"data_tfrecord-{index:05d}-of-{count:05d}" for index in range(count)]


def test_shards_are_cut_from_plain_copies(sample_dataset: Dataset, tmp_path: Path) -> None:
    """Each worker reads its own rows; a gzip file would have to be read from the start."""
    shard = plan_shards(sample_dataset, tmp_path / "scratch", tmp_path / "out")[0]
    assert read_rows(Path(shard.images), 590, 600).shape == (10, 28, 28)
    assert read_rows(Path(shard.labels), 590, 600).shape == (10,)
