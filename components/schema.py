"""Schema: the curated schema, for the data at hand."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.features import CLASS_NAMES_PROPERTY
from components.images.schema import write_schema


@component
def CuratedSchemaGen(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: OutputArtifact[standard_artifacts.Schema],
    height: Parameter[int],
    width: Parameter[int],
) -> None:
    """Write the curated schema for images of that size and for the classes that the examples declare."""
    class_names = json.loads(examples.get_string_custom_property(CLASS_NAMES_PROPERTY))
    write_schema(Path(schema.uri), (height, width), class_names)
