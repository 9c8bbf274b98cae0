"""The training sees every example, in memory or streamed."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components import example_gen
from components.example_gen import plan_shards, write_shard
from components.images.datasets import Dataset
from components.training import examples
from components.training.examples import ExampleBlocks
from components.training.loop import Block
from components.training.network import ImageTransform

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
    monkeypatch.setattr(examples, "MEMORY_BUDGET_BYTES", 400 * IMAGE_MEMORY)
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
    monkeypatch.setattr(examples, "MEMORY_BUDGET_BYTES", 1 << 20)
    with caplog.at_level(logging.WARNING, "components.trainer"):
        ExampleBlocks(files, transform, 32, 42)
    assert [record.getMessage() for record in caplog.records] == [
        "1 MiB of transformed images are more than the budget of 1 MiB: they are read anew in each epoch"
    ]


def test_a_budget_smaller_than_a_batch_still_gives_whole_batches(files, transform, monkeypatch) -> None:
    monkeypatch.setattr(examples, "MEMORY_BUDGET_BYTES", 1)
    assert [len(block.labels) for block in ExampleBlocks(files, transform, 256, 42)(0)] == [256, 256, 88]
