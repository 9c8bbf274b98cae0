"""The ExampleGen stage: every image of the IDX files becomes an example, once, in order, on any number of workers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components import example_gen
from components.example_gen import IdxExampleGen
from components.images.datasets import DataError, Dataset
from components.images.idx_folder import read_split


def run_stage(tmp_path: Path, data_dir: Path, digest: str = "", beam_args: tuple[str, ...] = ()) -> Any:
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    Path(artifact.uri).mkdir(parents=True)
    pipeline = beam.Pipeline(argv=list(beam_args))
    IdxExampleGen.test_call(examples=artifact, data_dir=str(data_dir), data_digest=digest, beam_pipeline=pipeline)
    return artifact


def read_shards(artifact: Any, split: str) -> dict[str, list[tuple[bytes, int]]]:
    shards = {}
    for path in sorted(Path(artifact.uri, f"Split-{split}").iterdir()):
        examples = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
        features = [example.features.feature for example in examples]
        shards[path.name] = [(f["image"].bytes_list.value[0], f["label"].int64_list.value[0]) for f in features]
    return shards


def test_every_image_is_there_once_in_order_in_the_planned_shards(
    sample_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_gen, "SHARD_BYTES", 250 * 28 * 28)
    artifact = run_stage(tmp_path, sample_dataset.directory, sample_dataset.digest)
    for split, sizes in (("train", [250, 250, 100]), ("eval", [200])):
        shards = read_shards(artifact, split)
        assert [len(shard) for shard in shards.values()] == sizes
        assert list(shards) == [f"data_tfrecord-{index:05d}-of-{len(sizes):05d}" for index in range(len(sizes))]
        images, labels = read_split(sample_dataset, split)
        expected = zip(map(np.ndarray.tobytes, images), labels.tolist(), strict=True)
        assert [example for shard in shards.values() for example in shard] == list(expected)
    assert sorted(path.name for path in Path(artifact.uri).iterdir()) == ["Split-eval", "Split-train"]


def test_the_artifact_says_what_it_holds(sample_dataset: Dataset, examples: Any) -> None:
    """Later stages take splits, class names and origin from there."""
    assert artifact_utils.decode_split_names(examples.split_names) == ["train", "eval"]
    assert tuple(json.loads(examples.get_string_custom_property("class_names"))) == sample_dataset.class_names
    assert examples.get_string_custom_property("data_digest") == sample_dataset.digest


@pytest.mark.slow
def test_two_worker_processes_write_the_same_files(
    sample_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each worker is sent can be sent, and none needs the memory of this process."""
    monkeypatch.setattr(example_gen, "SHARD_BYTES", 100 * 28 * 28)
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    spread = run_stage(tmp_path / "spread", sample_dataset.directory, beam_args=workers)
    alone = run_stage(tmp_path / "alone", sample_dataset.directory)
    contents = [
        {path.relative_to(artifact.uri): path.read_bytes() for path in Path(artifact.uri).rglob("data_tfrecord-*")}
        for artifact in (spread, alone)
    ]
    assert len(contents[0]) == 8
    assert contents[0] == contents[1]


def test_data_that_changed_since_the_run_started_is_refused(sample_dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the files changed while the run was starting; run it again"):
        run_stage(tmp_path, sample_dataset.directory, "0" * 64)
    assert not list((tmp_path / "examples").iterdir())


def test_a_damaged_file_is_refused_and_nothing_is_written(sample_dataset: Dataset, tmp_path: Path) -> None:
    """One byte in the middle of a gzip file has turned over."""
    data_dir = tmp_path / "data"
    shutil.copytree(sample_dataset.directory, data_dir)
    damaged = data_dir / "train-images-idx3-ubyte.gz"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        run_stage(tmp_path, data_dir)
    assert not list((tmp_path / "examples").iterdir())
