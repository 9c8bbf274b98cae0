"""ExampleGen: IDX files to tf.Example records, in shards that Beam writes in parallel."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import apache_beam as beam
import tensorflow as tf
from tfx import types
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.features import CLASS_NAMES_PROPERTY, COUNTS_PROPERTY, IMAGE_KEY, LABEL_KEY, NOTE_PROPERTY, SPLITS
from components.images.idx import read_rows, unpack
from components.images.idx_folder import DataError, Dataset, load_dataset

IMAGES_PER_SHARD = 5_000


class Shard(NamedTuple):
    """Rows `start` to `stop` of one split, and the TFRecord file that they become."""

    images: str
    labels: str
    start: int
    stop: int
    destination: str


@component(use_beam=True)
def IdxExampleGen(
    examples: OutputArtifact[standard_artifacts.Examples],
    data_dir: Parameter[str],
    data_digest: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Write the splits `train` and `eval` of the IDX files in `data_dir` as tf.Example records.

    `data_digest` says for which contents the run was started, "" for any. So they are part of the cache key.

    Raises:
        DataError: The files are damaged, do not fit each other, or are no longer those of `data_digest`.
    """
    dataset = load_dataset(Path(data_dir))
    if data_digest and dataset.digest != data_digest:
        raise DataError(f"{dataset.directory}: the files changed while the run was starting; run it again.")
    describe_examples(examples, dataset)
    # Nothing can be read from the middle of a gzip file, so the shards are cut from a plain copy. It lies beside them
    # while they are written: where a worker can write, it can read.
    with TemporaryDirectory(prefix=".plain-", dir=examples.uri) as scratch, beam_pipeline as pipeline:
        (
            pipeline
            | "Shards" >> beam.Create(plan_shards(dataset, Path(scratch), Path(examples.uri)))
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.Map(write_shard)
        )


def describe_examples(examples: types.Artifact, dataset: Dataset) -> None:
    """Record splits, class names, size and number of images, digest and note of `dataset` on the artifact."""
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    examples.set_string_custom_property(CLASS_NAMES_PROPERTY, json.dumps(dataset.class_names))
    examples.set_string_custom_property("image_shape", json.dumps(dataset.image_shape))
    examples.set_string_custom_property(COUNTS_PROPERTY, json.dumps(dataset.counts))
    examples.set_string_custom_property("data_digest", dataset.digest)
    if dataset.note:
        examples.set_string_custom_property(NOTE_PROPERTY, dataset.note)


def plan_shards(dataset: Dataset, scratch: Path, destination: Path) -> list[Shard]:
    """Unpack the files of `dataset` into `scratch` and cut each split into shards below `destination`."""
    shards = []
    for split in SPLITS:
        scratch.mkdir(parents=True, exist_ok=True)
        images, labels = (scratch / f"{split}-{kind}" for kind in ("images", "labels"))
        for source, plain in zip(dataset.files[split], (images, labels), strict=True):
            unpack(source, plain)
        directory = destination / f"Split-{split}"
        directory.mkdir(parents=True, exist_ok=True)
        starts = range(0, dataset.counts[split], IMAGES_PER_SHARD)
        for index, start in enumerate(starts):
            stop = min(start + IMAGES_PER_SHARD, dataset.counts[split])
            name = f"data_tfrecord-{index:05d}-of-{len(starts):05d}"
            shards.append(Shard(str(images), str(labels), start, stop, str(directory / name)))
    return shards


def write_shard(shard: Shard) -> None:
    """Write one shard as an uncompressed TFRecord file of tf.Example records."""
    images = read_rows(Path(shard.images), shard.start, shard.stop)
    labels = read_rows(Path(shard.labels), shard.start, shard.stop)
    frames = {int(label): frame_example(images[0].size, int(label)) for label in set(labels.tolist())}
    with tf.io.TFRecordWriter(shard.destination) as writer:
        for image, label in zip(images, labels.tolist(), strict=True):
            head, tail = frames[label]
            writer.write(head + image.tobytes() + tail)


def frame_example(image_size: int, label: int) -> tuple[bytes, bytes]:
    """Serialize a tf.Example with that label once, and return what stands before and after the image's bytes.

    All images of a data set have one size, so the bytes around them are the same for each label. Building a message for
    every image takes most of the stage's time.
    """
    stand_in = b"\xff" * image_size
    example = tf.train.Example()
    example.features.feature[IMAGE_KEY].bytes_list.value.append(stand_in)
    example.features.feature[LABEL_KEY].int64_list.value.append(label)
    head, tail = example.SerializeToString(deterministic=True).split(stand_in)
    return head, tail
