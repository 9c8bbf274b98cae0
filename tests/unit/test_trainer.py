"""The Trainer trains on every example, in memory or streamed, and refuses to go on without a GPU that is required."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components import example_gen, trainer
from components.example_gen import plan_shards, write_shard
from components.images.datasets import Dataset
from components.trainer import ExampleBlocks, choose_device, run_fn
from components.training.loop import Block
from components.training.network import ImageTransform

OPTIONS = {
    "epochs": 2,
    "batch_size": 32,
    "learning_rate": 0.001,
    "averaging": True,
    "hidden_units": 8,
    "seed": 42,
    "require_gpu": False,
}
IMAGE_MEMORY = 4 * 28 * 28


@pytest.fixture(scope="module")
def files(sample_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The patterns of the training examples in seven shards."""
    directory = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_gen, "SHARD_BYTES", 90 * 28 * 28)
        for shard in plan_shards(sample_dataset, directory, directory):
            write_shard(shard)
    return [f"{directory}/Split-train/*"]


@pytest.fixture(scope="module")
def transform(transform_graph_dir: Path) -> ImageTransform:
    return ImageTransform(str(transform_graph_dir))


def list_examples(blocks: list[Block]) -> list[tuple[bytes, int]]:
    return [
        (image.tobytes(), int(label))
        for block in blocks
        for image, label in zip(block.images.numpy(), block.labels.numpy(), strict=True)
    ]


def test_in_memory_all_examples_are_one_block_in_the_order_of_the_files(files, transform, sample_dataset) -> None:
    from components.images.idx_folder import read_split

    (block,) = ExampleBlocks(files, transform, 32, 42)(0)
    images, labels = read_split(sample_dataset, "train")
    np.testing.assert_array_equal(block.images.numpy(), images.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(block.labels.numpy(), labels)
    assert block.labels.dtype == tf.int32


def test_in_memory_the_files_are_read_once(files, transform) -> None:
    blocks = ExampleBlocks(files, transform, 32, 42)
    (first,), (second,) = blocks(0), blocks(1)
    assert first.images is second.images


@pytest.mark.parametrize("batch_size", [32, 7])
def test_past_the_budget_the_same_examples_are_streamed_in_each_epoch(
    files, transform, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    in_memory = Counter(list_examples(list(ExampleBlocks(files, transform, batch_size, 42)(0))))
    monkeypatch.setattr(trainer, "MEMORY_BUDGET_BYTES", 400 * IMAGE_MEMORY)
    streamed = ExampleBlocks(files, transform, batch_size, 42)
    orders = []
    for epoch in range(2):
        blocks = list(streamed(epoch))
        assert len(blocks) > 1
        assert all(len(block.labels) % batch_size == 0 for block in blocks[:-1])
        assert max(len(block.labels) for block in blocks) <= 100
        orders.append(list_examples(blocks))
        assert Counter(orders[-1]) == in_memory
    assert orders[0] != orders[1]
    assert list_examples(list(streamed(0))) == orders[0]


def test_streaming_is_said_in_a_sentence_with_both_sizes(
    files, transform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trainer, "MEMORY_BUDGET_BYTES", 1 << 20)
    with caplog.at_level(logging.WARNING, "components.trainer"):
        ExampleBlocks(files, transform, 32, 42)
    assert [record.getMessage() for record in caplog.records] == [
        "1 MiB of transformed images are more than the budget of 1 MiB: they are read anew in each epoch"
    ]


def test_a_budget_smaller_than_a_batch_still_gives_whole_batches(files, transform, monkeypatch) -> None:
    monkeypatch.setattr(trainer, "MEMORY_BUDGET_BYTES", 1)
    assert [len(block.labels) for block in ExampleBlocks(files, transform, 256, 42)(0)] == [256, 256, 88]


def test_without_a_gpu_the_cpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert choose_device(require_gpu=False) == "CPU"


def test_a_gpu_that_is_required_and_missing_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    # TFX reloads the module for each Trainer, and its classes are others then.
    with pytest.raises(trainer.NoGpuError, match=r"--require-gpu: .* no GPU .* nvidia-smi .*make setup GPU=1"):
        trainer.choose_device(require_gpu=True)


def make_fn_args(directory: Path, files: list[str], schema: Any, transform_graph_dir: Path, **options: Any) -> Any:
    return SimpleNamespace(
        custom_config=OPTIONS | options,
        schema_path=str(Path(schema.uri, "schema.pbtxt")),
        transform_graph_path=str(transform_graph_dir),
        train_files=files,
        eval_files=[pattern.replace("Split-train", "Split-eval") for pattern in files],
        model_run_dir=str(directory / "run"),
        serving_model_dir=str(directory / "model"),
    )


def read_weights(directory: Path) -> list[bytes]:
    reader = tf.train.load_checkpoint(str(directory / "model" / "variables" / "variables"))
    names = sorted(name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name)
    return [reader.get_tensor(name).tobytes() for name in names]


def test_a_run_exports_a_model_and_records_how_it_was_trained(
    tmp_path, files, schema, transform_graph_dir, caplog
) -> None:
    with caplog.at_level(logging.INFO, "components.trainer"):
        run_fn(make_fn_args(tmp_path, files, schema, transform_graph_dir))
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert sorted(signatures) == ["serving_bytes", "serving_default", "serving_images"]
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["options"] == OPTIONS
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2]
    assert record["history"][1]["loss"] < record["history"][0]["loss"]
    assert record["seconds"] > 0
    assert record["device"]
    told = [(entry.epoch.epoch, entry.total_epochs) for entry in caplog.records if hasattr(entry, "epoch")]
    assert told == [(1, 2), (2, 2)]
    for split in ("train", "eval"):
        assert list((tmp_path / "run" / "tensorboard" / split).iterdir()), "TensorBoard would show nothing"


def test_the_same_seed_gives_the_same_model_and_another_seed_does_not(
    tmp_path, files, schema, transform_graph_dir
) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        run_fn(make_fn_args(tmp_path / name, files, schema, transform_graph_dir, seed=seed, epochs=1))
    weights = {name: read_weights(tmp_path / name) for name in ("one", "again", "other")}
    assert len(weights["one"]) == 4
    assert weights["one"] == weights["again"]
    assert weights["one"] != weights["other"]
