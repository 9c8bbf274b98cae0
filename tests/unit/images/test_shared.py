"""Evaluation images that are training images are counted, however they are spread over files and workers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from components.images.shared import PARTS, count_shared, deal_out, hash_images


def count(train: list[list[bytes]], evaluation: list[list[bytes]]) -> int:
    """Count as the stage does: by file, by part, all together."""
    parts: dict[int, list] = {}
    for split, files in (("train", train), ("eval", evaluation)):
        for images in files:
            for part, hashes in deal_out(hash_images(images)):
                parts.setdefault(part, []).append((split, hashes))
    return sum(map(count_shared, parts.values()))


def test_images_in_both_splits_are_counted_wherever_they_lie() -> None:
    images = [bytes([first, second]) for first in range(20) for second in range(20)]
    train, evaluation = [images[:100], images[100:300]], [images[250:350], images[:10]]
    assert count(train, evaluation) == 50 + 10


def test_an_image_that_is_there_twice_counts_once_for_each_time_that_it_is_asked() -> None:
    assert count([[b"a", b"a", b"b"]], [[b"a", b"c", b"a"]]) == 2


def test_an_image_twice_in_one_split_is_not_shared() -> None:
    assert count([[b"a", b"a"]], [[b"b", b"b"]]) == 0


def test_one_pixel_makes_another_image() -> None:
    assert count([[bytes(784)]], [[bytes(783) + b"\1"]]) == 0


def test_every_hash_is_in_one_part_and_parts_are_of_about_one_size() -> None:
    hashes = hash_images([index.to_bytes(4, "big") for index in range(16_000)])
    parts = dict(deal_out(hashes))
    assert sorted(np.concatenate(list(parts.values())).tolist()) == sorted(hashes.tolist())
    assert min(map(len, parts.values())) > 0.8 * 16_000 / PARTS


def test_another_process_hashes_alike() -> None:
    """Else the parts of two workers would not meet."""
    code = "from components.images.shared import hash_images; print(hash_images([b'image'])[0])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(answer.stdout) == hash_images([b"image"])[0]
