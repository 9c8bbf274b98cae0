"""Requests that TensorFlow Serving asks itself before it serves a model, so that the first client need not wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from components.features import IMAGE_KEY, SIGNATURE

# https://www.tensorflow.org/tfx/serving/saved_model_warmup
WARM_UP_FILE = Path("assets.extra", "tf_serving_warmup_requests")


def write_warm_up(model_dir: Path, image_shape: tuple[int, int]) -> None:
    """Write one request for each signature of a SavedModel, as TFRecord of PredictionLog messages."""
    path = model_dir / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in make_requests(image_shape):
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def make_requests(image_shape: tuple[int, int]) -> Iterator[predict_pb2.PredictRequest]:
    """Yield a request for each signature, with one black image of that height and width in pixels."""
    pixels = tf.zeros(image_shape, tf.uint8)
    raw = tf.train.Feature(bytes_list=tf.train.BytesList(value=[pixels.numpy().tobytes()]))
    example = tf.train.Example(features=tf.train.Features(feature={IMAGE_KEY: raw}))
    for signature, name, value in (
        (SIGNATURE, "examples", [example.SerializeToString()]),
        ("serving_images", "images", pixels[tf.newaxis]),
        ("serving_bytes", "image_bytes", [tf.io.encode_png(pixels[..., tf.newaxis]).numpy()]),
    ):
        spec = model_pb2.ModelSpec(signature_name=signature)
        yield predict_pb2.PredictRequest(model_spec=spec, inputs={name: tf.make_tensor_proto(value)})
