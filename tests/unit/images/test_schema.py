"""The curated schema takes image size and class names of the data at hand, and keeps its reviewed rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format

from components.features import CLASS_NAMES
from components.images.schema import (
    SCHEMA_FILE,
    describe_feature,
    get_class_names,
    get_image_shape,
    make_schema,
    read_schema,
)


def test_the_reviewed_file_is_fashion_mnists_schema() -> None:
    """So that what people review in the repository is what real data is judged by."""
    assert read_schema(str(SCHEMA_FILE)) == make_schema((28, 28), CLASS_NAMES)


@pytest.mark.parametrize("classes", [2, 10, 256])
def test_labels_go_up_to_the_last_class(classes: int) -> None:
    schema = make_schema((28, 28), [f"class {number}" for number in range(classes)])
    (label,) = (feature for feature in schema.feature if feature.name == "label")
    assert (label.int_domain.min, label.int_domain.max) == (0, classes - 1)
    assert describe_feature(schema, "label") == f"one integer from 0 to {classes - 1} in every example"


def test_height_comes_before_width(tmp_path: Path) -> None:
    schema = make_schema((20, 32), CLASS_NAMES)
    assert get_image_shape(schema) == (20, 32)


def test_names_and_size_survive_a_round_trip_through_a_file(tmp_path: Path) -> None:
    names = ("Größe L", 'the "other" one', "T-shirt/top")
    (tmp_path / "schema.pbtxt").write_text(text_format.MessageToString(make_schema((20, 32), names)))
    schema = read_schema(str(tmp_path / "schema.pbtxt"))
    assert get_class_names(schema) == names
    assert get_image_shape(schema) == (20, 32)


def test_both_features_have_to_be_in_every_example() -> None:
    presence = {feature.name: feature.presence for feature in make_schema((28, 28), CLASS_NAMES).feature}
    assert {name: (rule.min_fraction, rule.min_count) for name, rule in presence.items()} == {
        "image": (1.0, 1),
        "label": (1.0, 1),
    }


def test_what_is_expected_of_a_feature_is_said_in_words() -> None:
    schema = make_schema((28, 28), CLASS_NAMES)
    assert describe_feature(schema, "image") == "the bytes of one image in every example"
    assert describe_feature(schema, "weight") == "no such feature"
