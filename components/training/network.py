"""The network, and the SavedModel that serves it: raw images in, named classes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow_transform import TFTransformOutput

from components.features import GREY_WEIGHTS, IMAGE_KEY, LABEL_KEY, SIGNATURE
from components.training.warm_up import write_warm_up

# A multiple of the rows that Eigen multiplies at once: 12 with SSE and NEON, 24 with AVX2, 48 with AVX-512.
_BLOCK_IMAGES = 48


def build_model(image_shape: tuple[int, int], num_classes: int, hidden_units: int) -> keras.Sequential:
    """Build the dense network: float32 [N, height, width] in, logits float32 [N, num_classes] out."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(hidden_units, activation="relu"),
            keras.layers.Dense(num_classes),
        ]
    )


class ImageTransform(tf.Module):
    """The Transform stage's graph, callable on images alone."""

    def __init__(self, transform_graph_dir: str) -> None:
        """Load the graph that a Transform stage wrote to `transform_graph_dir`."""
        super().__init__()
        saved_model_dir = TFTransformOutput(transform_graph_dir).transform_savedmodel_dir
        self._graph = tf.saved_model.load(saved_model_dir)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Turn image bytes, string [N], into float32 [N, height, width]."""
        # The graph wants the label too, which it hands on untouched.
        label = tf.zeros_like(images, dtype=tf.int64)
        return self._graph.transform_fn({IMAGE_KEY: images, LABEL_KEY: label})[IMAGE_KEY]


class ServingModel(tf.Module):
    """Transform and network in one: every signature takes raw images, so no client has to know about the division."""

    def __init__(
        self,
        network: keras.Sequential,
        transform: ImageTransform,
        image_shape: tuple[int, int],
        class_names: Sequence[str],
        ground: int = 0,
    ) -> None:
        """Put them together; `ground` is the grey value that shows where an image file is transparent."""
        super().__init__()
        self._network = network
        self._transform = transform
        self.image_shape = image_shape
        self._ground = ground
        self._class_names = tf.constant(list(class_names))
        self._bytes = tf.constant([bytes([value]) for value in range(256)])

    def make_signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Return the three signatures.

        Each returns `probabilities` float32 [N, classes], `class_ids` int64 [N] and `class_names` string [N]:

        - `serving_default`: `examples`, string [N], serialized tf.Example messages with the feature `image`;
        - `serving_images`: `images`, uint8 [N, height, width];
        - `serving_bytes`: `image_bytes`, string [N], PNG or JPEG files of that height and width, of 8 or 16 bits, grey
          or in colour, with or without transparency: what components/images/image_files.py makes of them, but for an
          orientation in EXIF data, which is ignored.
        """
        strings = tf.TensorSpec([None], tf.string)
        pixels = tf.TensorSpec([None, *self.image_shape], tf.uint8)
        return {
            SIGNATURE: tf.function(self._serve_examples).get_concrete_function(examples=strings),
            "serving_images": tf.function(self._serve_images).get_concrete_function(images=pixels),
            "serving_bytes": tf.function(self._serve_bytes).get_concrete_function(image_bytes=strings),
        }

    def _serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._classify(
            tf.io.parse_example(examples, {IMAGE_KEY: tf.io.FixedLenFeature([], tf.string)})[IMAGE_KEY]
        )

    def _serve_images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._classify(self._encode_raw(images))

    def _serve_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.TensorSpec(self.image_shape, tf.uint8)
        return self._classify(self._encode_raw(tf.map_fn(self._decode_image, image_bytes, fn_output_signature=pixels)))

    def _decode_image(self, image: tf.Tensor) -> tf.Tensor:
        """Decode one file to uint8 [height, width]."""
        colours, opacity = tf.cond(tf.io.is_jpeg(image), lambda: _decode_jpeg(image), lambda: _decode_png(image))
        grey = (tf.reduce_sum(colours * tf.constant(GREY_WEIGHTS), axis=-1) + 0x8000) // 0x10000
        blended = (grey * opacity + self._ground * (255 - opacity) + 127) // 255
        return tf.ensure_shape(tf.cast(blended, tf.uint8), self.image_shape)

    def _encode_raw(self, images: tf.Tensor) -> tf.Tensor:
        """Turn uint8 [N, height, width] into the bytes that the transform graph reads, string [N]."""
        height, width = self.image_shape
        flat = tf.reshape(images, (-1, height * width))
        return tf.strings.reduce_join(tf.gather(self._bytes, tf.cast(flat, tf.int32)), axis=1)

    def _classify(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = self._answer_in_blocks(self._transform(images))
        class_ids = tf.argmax(probabilities, axis=-1)
        return {
            "probabilities": probabilities,
            "class_ids": class_ids,
            "class_names": tf.gather(self._class_names, class_ids),
        }

    def _answer_in_blocks(self, pixels: tf.Tensor) -> tf.Tensor:
        """Answer blocks of equal size, so that an image gets the same answer alone and among many, to the bit.

        The order in which a product of matrices is summed depends on their shape, and on the row: one row alone is
        summed otherwise, and so are those that a processor's registers do not hold at once.
        """
        count, classes = tf.shape(pixels)[0], self._class_names.shape[0]
        padded = tf.pad(pixels, [[0, -count % _BLOCK_IMAGES], [0, 0], [0, 0]])
        probabilities = tf.map_fn(
            lambda block: tf.nn.softmax(self._network(block, training=False)),
            tf.reshape(padded, (-1, _BLOCK_IMAGES, *self.image_shape)),
            fn_output_signature=tf.TensorSpec((_BLOCK_IMAGES, classes), tf.float32),
        )
        return tf.reshape(probabilities, (-1, classes))[:count]


def _decode_jpeg(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode to red, green and blue, int32 [height, width, 3], and opacity, int32 [height, width], all 255."""
    # The method that Pillow takes.
    colours = tf.cast(tf.io.decode_jpeg(image, channels=3, dct_method="INTEGER_ACCURATE"), tf.int32)
    return colours, tf.fill(tf.shape(colours)[:2], 255)


def _decode_png(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode to red, green and blue, int32 [height, width, 3], and opacity, int32 [height, width]."""
    pixels = tf.cast(tf.io.decode_png(image), tf.int32)
    channels = tf.shape(pixels)[-1]
    colours = tf.cond(channels > 2, lambda: pixels[..., :3], lambda: tf.repeat(pixels[..., :1], 3, axis=-1))
    # TensorFlow looks for the one colour that a file may declare transparent only if asked for a fourth channel. Where
    # there is no such colour, what it fills in is not always 255, but never 0.
    by_colour = tf.where(tf.io.decode_png(image, channels=4)[..., 3] == 0, 0, 255)
    return colours, tf.where(channels % 2 == 0, pixels[..., -1], by_colour)


def export_model(model: ServingModel, directory: str) -> None:
    """Write `model` as a SavedModel with its three signatures, and what warms each of them up."""
    tf.saved_model.save(model, directory, signatures=model.make_signatures())
    write_warm_up(Path(directory), model.image_shape)
