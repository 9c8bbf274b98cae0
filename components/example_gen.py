"""ExampleGen: IDX files to tf.Example records, in shards that Beam writes in parallel."""

import json
import math
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
from components.images.idx import is_packed, read_rows, unpack
from components.images.idx_folder import DataError, Dataset, Pair, load_dataset

SHARD_BYTES = 4_000_000  # of images, unless that makes more than MOST_SHARDS; no more are held at once
MOST_SHARDS = 1_000  # of a split; each further pair of files may add one


class Shard(NamedTuple):
    """Rows `start` to `stop` of a pair of plain IDX files, read `step` at a time, and the TFRecord file of them."""

    images: str
    labels: str
    start: int
    stop: int
    step: int
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
    # Nothing can be read from the middle of a gzip file, so its shards are cut from a plain copy. It lies beside them
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
    """Cut each split of `dataset` into shards below `destination`; what is gzip is unpacked into `scratch`."""
    shards = []
    step = max(1, SHARD_BYTES // math.prod(dataset.image_shape))
    for split in SPLITS:
        directory = destination / f"Split-{split}"
        directory.mkdir(parents=True, exist_ok=True)
        shard_rows = max(step, math.ceil(dataset.counts[split] / MOST_SHARDS))
        plain = [
            Pair(provide_plain(pair.images, scratch), provide_plain(pair.labels, scratch), pair.rows)
            for pair in dataset.pairs[split]
        ]
        cuts = [(pair, start) for pair in plain for start in range(0, pair.rows, shard_rows)]
        for index, (pair, start) in enumerate(cuts):
            path = directory / f"data_tfrecord-{index:05d}-of-{len(cuts):05d}"
            stop = min(start + shard_rows, pair.rows)
            shards.append(Shard(str(pair.images), str(pair.labels), start, stop, step, str(path)))
    return shards


def provide_plain(path: Path, scratch: Path) -> Path:
    """Return the file itself where it is plain, else an unpacked copy in the folder `scratch`."""
    if not is_packed(path):
        return path
    plain = scratch / path.name
    unpack(path, plain)
    return plain


def write_shard(shard: Shard) -> None:
    """Write one shard as an uncompressed TFRecord file of tf.Example records, `step` rows at a time."""
    frames: dict[int, tuple[bytes, bytes]] = {}
    with tf.io.TFRecordWriter(shard.destination) as writer:
        for start in range(shard.start, shard.stop, shard.step):
            stop = min(start + shard.step, shard.stop)
            images, labels = (read_rows(Path(path), start, stop) for path in (shard.images, shard.labels))
            for image, label in zip(images, labels.tolist(), strict=True):
                if label not in frames:
                    frames[label] = frame_example(image.size, label)
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
