"""Statistics of shards add up to those of the whole, and count what is wrong with the images."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from components.images.statistics import (
    ImageStatistics,
    add_statistics,
    read_statistics,
    summarize_images,
    write_statistics,
)


def summarize(images: list[bytes], labels: list[int], classes: int = 3) -> ImageStatistics:
    return summarize_images(images, np.array(labels, np.int64), (2, 2), classes)


def assert_equal(first: ImageStatistics, second: ImageStatistics) -> None:
    for field in fields(ImageStatistics):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name), field.name)


def test_images_classes_and_pixels_are_counted() -> None:
    result = summarize([bytes([0, 1, 1, 255]), bytes([9, 0, 0, 1]), bytes([1, 1, 1, 2])], [2, 0, 2])
    assert result.images == 3
    assert result.class_counts.tolist() == [1, 0, 2]
    assert {value: count for value, count in enumerate(result.grey_values.tolist()) if count} == {
        0: 3, 1: 6, 2: 1, 9: 1, 255: 1
    }  # fmt: skip
    assert result.class_sums.tolist() == [[9, 0, 0, 1], [0, 0, 0, 0], [1, 2, 2, 257]]
    assert result.wrong_size == 0
    assert result.constant == 0


def test_shards_add_up_to_the_whole() -> None:
    """With images of wrong sizes, constant ones and unknown labels among them, and an empty shard."""
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 3, size).astype(np.uint8).tobytes() for size in rng.choice([3, 4, 4, 4, 5], 200)]
    labels = rng.integers(-1, 5, 200)
    cuts = [(0, 1), (1, 1), (1, 150), (150, 200)]
    parts = [summarize_images(images[start:stop], labels[start:stop], (2, 2), 3) for start, stop in cuts]
    assert_equal(add_statistics(parts), summarize_images(images, labels, (2, 2), 3))


def test_an_image_of_the_wrong_size_is_counted_and_in_no_pixel_count() -> None:
    result = summarize([b"\1\2\3", b"\1\2\3\4\5", b"", b"\1\2\3\4"], [0, 0, 0, 1])
    assert (result.images, result.wrong_size, result.constant) == (4, 3, 0)
    assert result.class_counts.tolist() == [3, 1, 0]
    assert result.grey_values.sum() == 4
    assert result.class_sums[0].sum() == 0


def test_nothing_but_images_of_the_wrong_size_can_be_summarized() -> None:
    result = summarize([b"\1\2"], [0])
    assert (result.images, result.wrong_size, result.constant, result.grey_values.sum()) == (1, 1, 0, 0)


def test_constant_images_are_counted_whatever_their_grey_value() -> None:
    result = summarize([bytes(4), b"\xff" * 4, b"\7" * 4, bytes([7, 7, 7, 6])], [0, 0, 1, 1])
    assert result.constant == 3


def test_a_label_that_names_no_class_is_in_no_class() -> None:
    result = summarize([b"\1\2\3\4"] * 4, [-1, 3, 255, 2])
    assert result.images == 4
    assert result.class_counts.tolist() == [0, 0, 1]
    assert result.class_sums.sum() == 1 + 2 + 3 + 4


def test_sums_of_bright_images_do_not_overflow() -> None:
    result = summarize([b"\xff" * 4] * 70_000, [1] * 70_000)
    assert result.class_sums[1].tolist() == [255 * 70_000] * 4


def test_statistics_survive_a_round_trip_through_a_file(tmp_path: Path) -> None:
    result = summarize([bytes([0, 1, 1, 255]), b"\1"], [2, 7])
    write_statistics(tmp_path / "Split-train" / "images.npz", result)
    assert_equal(read_statistics(tmp_path / "Split-train" / "images.npz"), result)


def test_the_ground_is_the_most_frequent_grey_around_the_images() -> None:
    image = np.full((4, 4), 7, np.uint8)
    image[1:3, 1:3] = 9
    result = summarize_images([image.tobytes()] * 3, np.zeros(3, np.int64), (4, 4), 1)
    assert result.ground == 7
    assert result.border_values[7] == 36
    assert result.appearance.sum(axis=1).tolist() == [3, 3, 3]


def test_statistics_of_an_older_model_can_be_read(tmp_path: Path) -> None:
    """They had no counts of looks; the ground is then the most frequent grey of all."""
    write_statistics(tmp_path / "new.npz", summarize([bytes([5, 5, 1, 255])], [2]))
    with np.load(tmp_path / "new.npz") as arrays:
        old = {name: each for name, each in arrays.items() if name not in ("appearance", "border_values")}
    np.savez_compressed(tmp_path / "old.npz", **old)
    result = read_statistics(tmp_path / "old.npz")
    assert not result.appearance.any()
    assert result.ground == 5
