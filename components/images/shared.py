"""Images that occur in both splits: what a model is tested with should be nothing that it learnt by heart.

Equal images have equal hashes, so the hashes are counted and no image is held. They are dealt out by their value into
parts of about one size; hashes of equal images meet in one part, which can be counted by itself, wherever that is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from components.features import EVAL_SPLIT, TRAIN_SPLIT

PARTS = 16  # a part of 100 million images is 50 MiB
Hashes = NDArray[np.uint64]
_HASH_BYTES = 8  # that one pair of a million times a million images is taken for equal has a chance of 1 in 18 million


def hash_images(images: Sequence[bytes]) -> Hashes:
    """Return a hash of each image's bytes, the same in every process: uint64 [N]."""
    digests = (hashlib.blake2b(image, digest_size=_HASH_BYTES).digest() for image in images)
    return np.frombuffer(b"".join(digests), np.uint64)


def deal_out(hashes: Hashes) -> Iterator[tuple[int, Hashes]]:
    """Yield the number of each part, 0 to 15, and the hashes that belong there."""
    parts = hashes % np.uint64(PARTS)
    for part in range(PARTS):
        yield part, hashes[parts == part]


def count_shared(part: Iterable[tuple[str, Hashes]]) -> int:
    """Count the evaluation images of a part that are training images as well, from the hashes with their split."""
    found: dict[str, list[Hashes]] = {TRAIN_SPLIT: [], EVAL_SPLIT: []}
    for split, hashes in part:
        found[split].append(hashes)
    train, evaluation = (np.concatenate(each or [np.array([], np.uint64)]) for each in found.values())
    return int(np.isin(evaluation, train).sum())
