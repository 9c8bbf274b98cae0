"""What a client sends to TensorFlow Serving, and what a model is warmed up with, is what the signatures take.

Requests are the serving API's own messages; a body in JSON becomes tensors as TensorFlow Serving's REST API makes them:
https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.features import CLASS_NAMES
from components.training.network import ImageTransform, ServingModel, build_model, export_model
from components.training.warm_up import WARM_UP_FILE

GUIDE = Path(__file__).parents[3] / "docs" / "serving.md"


@pytest.fixture(scope="module")
def model_dir(transform_graph_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("served")
    keras.utils.set_random_seed(1)
    network = build_model((28, 28), 10, 16)
    model = ServingModel(network, ImageTransform(str(transform_graph_dir)), (28, 28), CLASS_NAMES)
    export_model(model, str(directory))
    return directory


@pytest.fixture(scope="module")
def signatures(model_dir: Path) -> Any:
    return tf.saved_model.load(str(model_dir)).signatures


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (3, 28, 28), np.uint8)


def answer(signatures: Any, request: predict_pb2.PredictRequest) -> dict[str, np.ndarray]:
    """Answer as the server does: each input becomes a tensor of the type that it has, and there is no other input."""
    signature = signatures[request.model_spec.signature_name]
    inputs = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
    taken = signature.structured_input_signature[1]
    assert {name: tensor.dtype for name, tensor in inputs.items()} == {name: spec.dtype for name, spec in taken.items()}
    return {name: tensor.numpy() for name, tensor in signature(**inputs).items()}


def decode_rest(signatures: Any, body: str) -> predict_pb2.PredictRequest:
    """Turn a JSON body into the request that it stands for: `instances` in rows, or `inputs` by column."""
    values = json.loads(body)
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = values.get("signature_name", "serving_default")
    taken = signatures[request.model_spec.signature_name].structured_input_signature[1]
    (name,) = taken  # of one input, the name may be left out
    columns = values["inputs"] if "inputs" in values else values["instances"]
    columns = columns[name] if isinstance(columns, dict) and "b64" not in columns else columns
    columns = [row[name] if isinstance(row, dict) and name in row else row for row in columns]
    decoded = [base64.b64decode(row["b64"]) if isinstance(row, dict) else row for row in columns]
    request.inputs[name].CopyFrom(tf.make_tensor_proto(decoded, taken[name].dtype))
    return request


def serialize(image: np.ndarray) -> bytes:
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.append(image.tobytes())
    return example.SerializeToString()


def to_png(image: np.ndarray) -> bytes:
    return tf.io.encode_png(image[..., None]).numpy()


def to_base64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def test_a_model_is_warmed_up_with_a_request_for_each_signature(model_dir: Path, signatures: Any) -> None:
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(model_dir / WARM_UP_FILE))
    ]
    requests = [log.predict_log.request for log in logs]
    assert {request.model_spec.signature_name for request in requests} == set(signatures)
    answers = [answer(signatures, request) for request in requests]
    for each in answers:
        np.testing.assert_array_equal(each["probabilities"], answers[0]["probabilities"])


@pytest.mark.parametrize(
    ("signature", "name", "encode"),
    [
        ("serving_default", "examples", serialize),
        ("serving_images", "images", None),
        ("serving_bytes", "image_bytes", to_png),
    ],
)
def test_grpc_and_rest_ask_alike_in_every_form(signatures, images, signature, name, encode) -> None:
    expected = signatures["serving_images"](images=tf.constant(images))["probabilities"].numpy()
    values = images if encode is None else [encode(image) for image in images]
    request = predict_pb2.PredictRequest(inputs={name: tf.make_tensor_proto(values)})
    request.model_spec.signature_name = signature
    np.testing.assert_array_equal(answer(signatures, request)["probabilities"], expected)

    rows = images.tolist() if encode is None else [to_base64(value) for value in values]
    for body in ({"instances": rows}, {"instances": [{name: row} for row in rows]}, {"inputs": {name: rows}}):
        request = decode_rest(signatures, json.dumps({"signature_name": signature, **body}))
        np.testing.assert_array_equal(answer(signatures, request)["probabilities"], expected)


def test_the_guides_clients_ask_what_the_signatures_take(signatures: Any, images: np.ndarray, tmp_path: Path) -> None:
    """The code of docs/serving.md, run as it stands but for the server."""
    blocks = [block.split("\n```")[0] for block in GUIDE.read_text().split("```python\n")[1:]]
    assert len(blocks) == 2
    (tmp_path / "shoe.png").write_bytes(to_png(images[0]))
    expected = signatures["serving_images"](images=tf.constant(images[:1]))["probabilities"].numpy()
    for block in blocks:
        lines = [line for line in block.splitlines() if not line.startswith(("stub", "answer", "print"))]
        names: dict[str, Any] = {}
        exec("\n".join(lines).replace("shoe.png", str(tmp_path / "shoe.png")), names)
        request = names["request"] if "request" in names else decode_rest(signatures, json.dumps(names["body"]))
        np.testing.assert_array_equal(answer(signatures, request)["probabilities"], expected)
