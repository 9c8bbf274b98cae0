"""DataValidator: judges the data, from the schema's anomalies and from what only the pixels tell."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import TaggedOutput
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx import types
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.features import IMAGE_KEY, LABEL_KEY, SPLITS
from components.gate.checks import DATA_CHECKS_FILE, Check, write_checks
from components.gate.data_checks import DataBounds, check_images, check_splits
from components.images.schema import describe_feature, get_class_names, get_image_shape, read_schema
from components.images.shared import count_shared, deal_out, hash_images
from components.images.statistics import (
    ImageStatistics,
    add_statistics,
    read_statistics,
    summarize_images,
    write_statistics,
)
from components.images.summary import statistics_file, write_description

_STATISTICS, _HASHES = "statistics", "hashes"
_SHARED_FILE = "shared.json"


class DataValidation(types.Artifact):
    """Checks of the data (`checks.json`), and its summary (components/images/summary.py)."""

    TYPE_NAME = "DataValidation"


@component(use_beam=True)
def DataValidator(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    validation: OutputArtifact[DataValidation],
    options: Parameter[dict[str, float]],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Check the data for what would make a bad model, whatever the training does.

    Writes the checks, passed and failed. It is the DataGate that stops the run, so that this stays to be read.

    Args:
        examples: The images.
        schema: Image size and class names.
        anomalies: What does not fit the schema.
        validation: Gets the checks and the summary.
        options: The fields of DataBounds.
        beam_pipeline: Reads the images, in one pass.
    """
    curated = read_schema(f"{schema.uri}/schema.pbtxt")
    image_shape, class_names = get_image_shape(curated), get_class_names(curated)
    directory = Path(validation.uri)

    files = [(split, file) for split in SPLITS for file in tf.io.gfile.glob(f"{examples.uri}/Split-{split}/*")]
    with beam_pipeline as pipeline:
        summaries = (
            pipeline
            | "Files" >> beam.Create(files)
            | "Spread" >> beam.Reshuffle()
            | "Summarize" >> beam.FlatMap(summarize_file, image_shape, len(class_names)).with_outputs()
        )
        _ = (
            summaries[_STATISTICS]
            | "Add" >> beam.CombinePerKey(add_statistics)
            | "Write" >> beam.Map(write_split, str(directory))
        )
        _ = (
            summaries[_HASHES]
            | "Meet" >> beam.GroupByKey()
            | "Count shared" >> beam.MapTuple(lambda _, part: count_shared(part))
            | "Sum" >> beam.CombineGlobally(sum)
            | "Write shared" >> beam.Map(write_shared, str(directory))
        )

    checks: list[Check] = []
    bounds = DataBounds(**options)
    statistics = {split: read_statistics(statistics_file(directory, split)) for split in SPLITS}
    shared = json.loads((directory / _SHARED_FILE).read_text())["images"]
    for split in SPLITS:
        checks += check_schema(split, Path(anomalies.uri, f"Split-{split}", "SchemaDiff.pb"), curated)
        checks += check_images(split, statistics[split], class_names, bounds)
    checks += check_splits(statistics, shared, class_names, bounds)
    write_checks(directory / DATA_CHECKS_FILE, checks)
    write_description(directory, image_shape, class_names)


def summarize_file(
    split_and_file: tuple[str, str], image_shape: tuple[int, int], num_classes: int
) -> Iterator[TaggedOutput]:
    """Summarize the examples of one TFRecord file. A missing image is one of the wrong size.

    Yields:
        The statistics, by split, and the hashes of the images, by part and with their split.
    """
    split, file = split_and_file
    spec = {
        IMAGE_KEY: tf.io.FixedLenFeature([], tf.string, default_value=""),
        LABEL_KEY: tf.io.FixedLenFeature([], tf.int64, default_value=-1),
    }
    for records in tf.data.TFRecordDataset(file).batch(10_000):
        examples = tf.io.parse_example(records, spec)
        images, labels = examples[IMAGE_KEY].numpy(), examples[LABEL_KEY].numpy()
        statistics = summarize_images(images, labels.astype(np.int64), image_shape, num_classes)
        yield TaggedOutput(_STATISTICS, (split, statistics))
        for part, hashes in deal_out(hash_images(images)):
            yield TaggedOutput(_HASHES, (part, (split, hashes)))


def write_split(split_and_statistics: tuple[str, ImageStatistics], directory: str) -> None:
    """Write the statistics of one split."""
    split, statistics = split_and_statistics
    write_statistics(statistics_file(Path(directory), split), statistics)


def write_shared(images: int, directory: str) -> None:
    """Write how many evaluation images are training images as well."""
    Path(directory, _SHARED_FILE).write_text(json.dumps({"images": images}))


def check_schema(split: str, anomalies_file: Path, schema: schema_pb2.Schema) -> Iterable[Check]:
    """Turn the anomalies that ExampleValidator found in a split into checks."""
    anomalies = anomalies_pb2.Anomalies.FromString(anomalies_file.read_bytes())
    if not anomalies.anomaly_info:
        yield Check(name="schema", slice=split, passed=True, reason=f"{split} split: every example fits the schema")
    for feature, info in sorted(anomalies.anomaly_info.items()):
        found = info.description.rstrip(".")
        reason = f"{split} split, feature {feature}: expected {describe_feature(schema, feature)}, found: {found}"
        yield Check(name="schema", slice=split, passed=False, reason=reason)
