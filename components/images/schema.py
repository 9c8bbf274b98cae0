"""The curated schema: the reviewed rules of schema.pbtxt, with image size and class names of the data at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.features import IMAGE_KEY, LABEL_KEY

SCHEMA_FILE = Path(__file__).with_name("schema.pbtxt")


def make_schema(image_shape: tuple[int, int], class_names: Sequence[str]) -> schema_pb2.Schema:
    """Return the curated schema for images of `image_shape` (height, width) and these classes."""
    schema = text_format.Parse(SCHEMA_FILE.read_text(), schema_pb2.Schema())
    features = {feature.name: feature for feature in schema.feature}
    features[IMAGE_KEY].annotation.tag[:] = ["{}x{}".format(*image_shape)]
    features[LABEL_KEY].annotation.tag[:] = class_names
    features[LABEL_KEY].int_domain.max = len(class_names) - 1
    return schema


def write_schema(directory: Path, image_shape: tuple[int, int], class_names: Sequence[str]) -> None:
    """Write it into the folder of a Schema artifact."""
    (directory / "schema.pbtxt").write_text(text_format.MessageToString(make_schema(image_shape, class_names)))


def read_schema(path: str) -> schema_pb2.Schema:
    """Read a schema in text format."""
    return text_format.Parse(Path(path).read_text(), schema_pb2.Schema())


def get_image_shape(schema: schema_pb2.Schema) -> tuple[int, int]:
    """Return height and width of the images in pixels."""
    height, width = _get_feature(schema, IMAGE_KEY).annotation.tag[0].split("x")
    return int(height), int(width)


def get_class_names(schema: schema_pb2.Schema) -> tuple[str, ...]:
    """Return the names of the classes, in the order of the labels."""
    return tuple(_get_feature(schema, LABEL_KEY).annotation.tag)


def describe_feature(schema: schema_pb2.Schema, name: str) -> str:
    """Say what the schema expects of a feature."""
    for feature in schema.feature:
        if feature.name == name and feature.HasField("int_domain"):
            return f"one integer from {feature.int_domain.min} to {feature.int_domain.max} in every example"
        if feature.name == name:
            return "the bytes of one image in every example"
    return "no such feature"


def _get_feature(schema: schema_pb2.Schema, name: str) -> schema_pb2.Feature:
    return next(feature for feature in schema.feature if feature.name == name)
