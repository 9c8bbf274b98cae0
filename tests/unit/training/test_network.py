"""A client gets the same answer however it sends an image, and an error for what is no image of the right size."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.features import CLASS_NAMES
from components.images.idx_folder import read_split
from components.images.image_files import read_image_file
from components.training.network import ImageTransform, ServingModel, build_model, export_model


@pytest.fixture(scope="module")
def served(transform_graph_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The signatures of an exported model, loaded from the disk as a server does, and the network inside."""
    directory = str(tmp_path_factory.mktemp("served"))
    keras.utils.set_random_seed(1)
    network = build_model((28, 28), 10, 16)
    export_model(ServingModel(network, ImageTransform(str(transform_graph_dir)), (28, 28), CLASS_NAMES), directory)
    loaded = tf.saved_model.load(directory)
    return SimpleNamespace(loaded=loaded, network=network, **loaded.signatures)


@pytest.fixture(scope="module")
def images(sample_dataset) -> np.ndarray:
    """Fifty evaluation images and three that are extreme."""
    extreme = np.stack([np.full((28, 28), value, np.uint8) for value in (0, 128, 255)])
    return np.concatenate([read_split(sample_dataset, "eval")[0][:50], extreme])


def serialize(image: bytes) -> bytes:
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.append(image)
    return example.SerializeToString()


def ask_examples(served: SimpleNamespace, images: np.ndarray) -> dict[str, np.ndarray]:
    examples = tf.constant([serialize(image.tobytes()) for image in images], tf.string)
    return to_numpy(served.serving_default(examples=examples))


def ask_images(served: SimpleNamespace, images: np.ndarray) -> dict[str, np.ndarray]:
    return to_numpy(served.serving_images(images=tf.constant(images, tf.uint8)))


def ask_files(served: SimpleNamespace, files: list[bytes]) -> dict[str, np.ndarray]:
    return to_numpy(served.serving_bytes(image_bytes=tf.constant(files, tf.string)))


def to_numpy(answer: dict[str, tf.Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in answer.items()}


def to_png(image: np.ndarray) -> bytes:
    return tf.io.encode_png(image if image.ndim == 3 else image[..., None]).numpy()


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    for name in ("probabilities", "class_ids", "class_names"):
        assert first[name].tobytes() == second[name].tobytes() or first[name].tolist() == second[name].tolist(), name
    assert first["probabilities"].tobytes() == second["probabilities"].tobytes()


def test_the_three_signatures_agree_bit_for_bit(served, images) -> None:
    answer = ask_examples(served, images)
    assert_same(answer, ask_images(served, images))
    assert_same(answer, ask_files(served, [to_png(image) for image in images]))
    assert len(set(answer["class_ids"].tolist())) > 1


def test_the_answer_is_the_networks_on_the_image_by_255(served, images) -> None:
    """What the network was trained on is what it sees when it serves."""
    logits = served.network(images.astype(np.float32) / np.float32(255)).numpy()
    expected = tf.nn.softmax(logits).numpy()
    np.testing.assert_allclose(ask_examples(served, images)["probabilities"], expected, rtol=1e-5)


def test_probabilities_names_and_ids_fit_each_other(served, images) -> None:
    answer = ask_images(served, images)
    assert {
        name: (value.dtype.kind, value.dtype.itemsize) for name, value in answer.items() if name != "class_names"
    } == {
        "probabilities": ("f", 4),
        "class_ids": ("i", 8),
    }
    assert answer["probabilities"].shape == (53, 10)
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1, rtol=1e-5)
    assert answer["class_ids"].tolist() == answer["probabilities"].argmax(axis=1).tolist()
    assert [name.decode() for name in answer["class_names"]] == [CLASS_NAMES[label] for label in answer["class_ids"]]


def test_the_signatures_ask_for_raw_images(served) -> None:
    asked = {name: signature.structured_input_signature[1] for name, signature in served.loaded.signatures.items()}
    found = {
        name: [(key, spec.dtype, spec.shape.as_list()) for key, spec in inputs.items()]
        for name, inputs in asked.items()
    }
    assert found == {
        "serving_default": [("examples", tf.string, [None])],
        "serving_images": [("images", tf.uint8, [None, 28, 28])],
        "serving_bytes": [("image_bytes", tf.string, [None])],
    }  # fmt: skip


@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_may_hold_one_image_or_none(served, images, count: int) -> None:
    chosen = images[:count]
    for answer in (
        ask_examples(served, chosen),
        ask_images(served, chosen),
        ask_files(served, [to_png(image) for image in chosen]),
    ):
        assert answer["probabilities"].shape == (count, 10)
        assert answer["class_ids"].shape == answer["class_names"].shape == (count,)


def test_an_answer_does_not_depend_on_the_rest_of_the_batch(served, images) -> None:
    together = ask_images(served, images)["probabilities"]
    alone = np.concatenate([ask_images(served, image[None])["probabilities"] for image in images])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def make_files() -> dict[str, bytes]:
    """Image files of all kinds, of noise: whatever is taken otherwise shows."""
    rng = np.random.default_rng(0)
    grey, opacity = rng.integers(0, 256, (2, 28, 28), dtype=np.uint8)
    colours = Image.fromarray(rng.integers(0, 256, (28, 28, 3), dtype=np.uint8))
    wide = rng.integers(0, 65_536, (28, 28, 4), dtype=np.uint16)
    files = {
        "grey": to_png(grey),
        "grey of 16 bits": to_png(wide[..., :1]),
        "colour of 16 bits": to_png(wide[..., :3]),
        "transparent, of 16 bits": to_png(wide),
        "transparent grey": save(Image.fromarray(np.dstack([grey, opacity]))),
        "transparent colour": save(Image.fromarray(np.dstack([np.asarray(colours), opacity]))),
        "colour": save(colours),
        "palette": save(colours.quantize(16)),
        "palette with a transparent entry": save(colours.quantize(16), transparency=3),
        "a transparent grey value": save(Image.fromarray(grey), transparency=int(grey[0, 0])),
        "a transparent colour": save(colours, transparency=colours.getpixel((0, 0))),
        "one bit": save(Image.fromarray(grey > 127)),
    }
    modes = {"grey JPEG": "L", "colour JPEG": "RGB", "CMYK JPEG": "CMYK"}
    return files | {name: save(colours.convert(mode), "JPEG") for name, mode in modes.items()}


def save(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", make_files())
def test_a_file_is_served_as_predict_reads_it(tmp_path: Path, name: str) -> None:
    """Bit for bit, on the ground that the training images have."""
    (tmp_path / "image").write_bytes(make_files()[name])
    expected = read_image_file(tmp_path / "image", (28, 28)).flatten(200)
    transform = lambda images: tf.cast(tf.reshape(tf.io.decode_raw(images, tf.uint8), (-1, 28, 28)), tf.float32)  # noqa: E731
    model = ServingModel(build_model((28, 28), 10, 16), transform, (28, 28), CLASS_NAMES, ground=200)
    signatures = model.make_signatures()
    answer = signatures["serving_bytes"](image_bytes=tf.constant([make_files()[name]]))
    assert_same(to_numpy(answer), to_numpy(signatures["serving_images"](images=tf.constant(expected))))


def test_files_of_different_kinds_may_share_a_batch(served) -> None:
    """A grey PNG, the same image as a PNG in colour, and as JPEG, which keeps an image of one grey value as it is."""
    image = np.full((28, 28, 1), 128, np.uint8)
    files = [to_png(image), to_png(np.repeat(image, 3, axis=2)), tf.io.encode_jpeg(image).numpy()]
    one_by_one = ask_images(served, image[None, ..., 0])["probabilities"]
    np.testing.assert_allclose(ask_files(served, files)["probabilities"], np.repeat(one_by_one, 3, axis=0), rtol=1e-5)


@pytest.mark.parametrize("shape", [(27, 28, 1), (28, 29, 1), (14, 56, 1), (56, 56, 3)])
def test_a_file_of_another_size_is_refused(served, shape: tuple[int, ...]) -> None:
    """Also one with as many pixels: it is not reshaped into something that nobody sent."""
    with pytest.raises(tf.errors.InvalidArgumentError):
        ask_files(served, [to_png(np.zeros(shape, np.uint8))])


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_file_is_refused(served, content: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        ask_files(served, [content])


@pytest.mark.parametrize("size", [0, 392, 783, 785, 1568])
def test_an_example_of_another_size_is_refused(served, size: int) -> None:
    """Two halves are not answered as one image, nor a double one as two."""
    with pytest.raises(tf.errors.InvalidArgumentError):
        served.serving_default(examples=tf.constant([serialize(bytes(size))] * 2))


def test_an_example_without_image_is_refused(served) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="image"):
        served.serving_default(examples=tf.constant([tf.train.Example().SerializeToString()]))


def test_images_of_another_size_and_other_classes_can_be_served(tmp_path: Path) -> None:
    """Nothing of Fashion-MNIST's size and names is written into the model."""
    network = build_model((2, 3), 2, 4)
    transform = lambda images: tf.cast(tf.reshape(tf.io.decode_raw(images, tf.uint8), (-1, 2, 3)), tf.float32)  # noqa: E731
    export_model(ServingModel(network, transform, (2, 3), ["yes", "no"]), str(tmp_path))
    answer = tf.saved_model.load(str(tmp_path)).signatures["serving_images"](images=tf.zeros((4, 2, 3), tf.uint8))
    assert answer["probabilities"].shape == (4, 2)
    assert set(answer["class_names"].numpy()) <= {b"yes", b"no"}


@pytest.mark.parametrize("batch", [1, 2, 31, 32, 33, 47, 48, 49, 1_000, 9_999])
def test_ten_thousand_images_are_answered_as_each_is_in_any_other_batch(served, batch: int) -> None:
    """To the bit: a product of matrices is summed in an order that depends on how many rows there are."""
    many = np.random.default_rng(1).integers(0, 256, (10_000, 28, 28), np.uint8)
    expected = ask_images(served, many)["probabilities"]
    for start in {0, 5_000, 10_000 - batch}:
        found = ask_images(served, many[start : start + batch])["probabilities"]
        np.testing.assert_array_equal(found, expected[start : start + batch])
