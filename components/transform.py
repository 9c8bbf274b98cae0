"""Transform: from the bytes of an image to what the network reads. One graph, for training and for serving."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.features import IMAGE_KEY, LABEL_KEY

MAX_PIXEL = 255.0


def preprocessing_fn(inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Divide the pixels by 255. TFX calls this.

    Args:
        inputs: `image`, string [N], uint8 grey values row by row; `label`, int64 [N].
        custom_config: `image_shape`, height and width in pixels.

    Returns:
        `image`, float32 [N, height, width], 0.0 to 1.0; `label`, int64 [N], as it was.
    """
    images = inputs[IMAGE_KEY]
    # With -1 for the number of images, two halves would be taken for one image.
    pixels = tf.reshape(tf.io.decode_raw(images, tf.uint8), (tf.size(images), *custom_config["image_shape"]))
    # TensorFlow's graph optimizer multiplies by 1 / 255, which in float32 is not the same for every pixel.
    shares = tf.cast(tf.cast(pixels, tf.float64) / MAX_PIXEL, tf.float32)
    return {IMAGE_KEY: shares, LABEL_KEY: inputs[LABEL_KEY]}
