"""The examples that a Transform stage has made a graph for, as blocks for the training loop."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from components.features import IMAGE_KEY, LABEL_KEY
from components.training.loop import Block
from components.training.network import ImageTransform

logger = logging.getLogger("components.trainer")  # which the console listens to

# Transformed training images that are held in memory; past it, the Trainer reads them anew in each epoch.
MEMORY_BUDGET_BYTES = 1 << 30
_PARSE_BATCH = 1_024


class ExampleBlocks:
    """The examples of some TFRecord files, transformed, as blocks for the training loop.

    Held in memory as one block where the budget allows it, on the GPU if there is one; else streamed block by block.
    """

    def __init__(
        self, patterns: list[str], transform: ImageTransform, batch_size: int, seed: int, part: tuple[int, int] = (0, 1)
    ) -> None:
        """Find the files; where they are streamed, worker `part[0]` of `part[1]` reads its own of them alone."""
        self._files = sorted(tf.io.gfile.glob(patterns))
        self._transform = transform
        self._seed = seed
        self._held: list[Block] = []
        # A uint8 pixel on disk is a float32 in memory.
        size = 4 * sum(tf.io.gfile.stat(file).length for file in self._files)
        self.streams = size > MEMORY_BUDGET_BYTES
        if self.streams:
            logger.warning(
                "%d MiB of transformed images are more than the budget of %d MiB: they are read anew in each epoch",
                size >> 20,
                MEMORY_BUDGET_BYTES >> 20,
            )
            worker, workers = part
            self._files = self._files[worker::workers]
        self._batch_size = batch_size

    def __call__(self, epoch: int) -> Iterator[Block]:
        """Give the blocks of an epoch; streamed ones come in another order of files in each epoch."""
        if self.streams:
            order = np.random.default_rng((self._seed, epoch)).permutation(len(self._files))
            yield from self._read([self._files[index] for index in order])
            return
        self._held = self._held or list(self._read(self._files))
        yield from self._held

    def _read(self, files: list[str]) -> Iterator[Block]:
        batches = (
            tf.data.TFRecordDataset(files)
            .batch(_PARSE_BATCH)
            .map(self._parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        )
        first = next(iter(batches.take(1)), None)
        if first is None:
            return
        image_bytes = first[0][0].numpy().nbytes
        # A quarter of the budget: blocks are joined from batches, and the next is read while one is trained on.
        limit = MEMORY_BUDGET_BYTES // (4 if self.streams else 1) // image_bytes
        limit = max(limit - limit % self._batch_size, self._batch_size)
        for images, labels in batches.rebatch(limit):
            # On a GPU, identity copies to it.
            yield Block(tf.identity(images), tf.identity(labels))

    def _parse(self, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        spec = {IMAGE_KEY: tf.io.FixedLenFeature([], tf.string), LABEL_KEY: tf.io.FixedLenFeature([], tf.int64)}
        examples = tf.io.parse_example(records, spec)
        return self._transform(examples[IMAGE_KEY]), tf.cast(examples[LABEL_KEY], tf.int32)
