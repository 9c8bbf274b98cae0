"""The transform divides by 255 exactly, and takes no image of another size for one of the right size."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.transform import preprocessing_fn

EVERY_VALUE = bytes(range(256))


def transform(images: list[bytes], shape: tuple[int, int] = (16, 16)) -> dict[str, np.ndarray]:
    """Run it in a graph, as TFT does."""
    inputs = {"image": tf.constant(images, tf.string), "label": tf.range(len(images), dtype=tf.int64)}
    outputs = tf.function(lambda features: preprocessing_fn(features, {"image_shape": shape}))(inputs)
    return {name: value.numpy() for name, value in outputs.items()}


def test_255_becomes_1_and_0_stays_0() -> None:
    image = transform([EVERY_VALUE])["image"]
    assert image[0, 0, 0] == 0.0
    assert image[0, 15, 15] == 1.0


def test_every_grey_value_is_that_value_by_255_bit_for_bit() -> None:
    image = transform([EVERY_VALUE])["image"]
    assert image.dtype == np.float32
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    assert image.ravel().tobytes() == expected.tobytes()


def test_images_stay_apart_and_rows_come_one_after_the_other() -> None:
    image = transform([EVERY_VALUE[:6], EVERY_VALUE[6:12]], shape=(2, 3))["image"]
    np.testing.assert_array_equal(np.rint(image * 255), np.arange(12).reshape(2, 2, 3))


def test_labels_are_handed_on_untouched() -> None:
    label = transform([EVERY_VALUE] * 3)["label"]
    assert label.dtype == np.int64
    assert label.tolist() == [0, 1, 2]


def test_no_images_are_no_images() -> None:
    assert transform([])["image"].shape == (0, 16, 16)


@pytest.mark.parametrize("size", [0, 128, 255, 257, 512])
def test_images_of_the_wrong_size_are_refused(size: int) -> None:
    """Two halves are no image, and one image of twice the size is not two."""
    with pytest.raises(tf.errors.InvalidArgumentError):
        transform([bytes(size)] * 2)
