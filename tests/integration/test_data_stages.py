"""The stages that judge the data: sound data passes, and any other stops the run with a reason that tells why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from tfx.components.example_validator.executor import Executor as ExampleValidatorExecutor
from tfx.components.statistics_gen.executor import Executor as StatisticsGenExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.data_gate import DataGate
from components.data_validator import DataValidation, DataValidator
from components.features import CLASS_NAMES
from components.gate.checks import Check, get_failures, read_checks
from components.gate.data_rejection import DataRejectedError
from components.images.statistics import read_statistics
from components.images.summary import read_summary, statistics_file
from pipeline.config import Options

Example = tuple[bytes | None, int | None]


def find_anomalies(examples: Any, schema: Any, directory: Path) -> Any:
    """Run TFX's StatisticsGen and ExampleValidator as the pipeline does."""
    statistics, anomalies = standard_artifacts.ExampleStatistics(), standard_artifacts.ExampleAnomalies()
    for artifact in (statistics, anomalies):
        artifact.uri = str(directory / artifact.type_name)
    options = {"exclude_splits": "[]"}
    StatisticsGenExecutor().Do({"examples": [examples], "schema": [schema]}, {"statistics": [statistics]}, options)
    inputs = {"statistics": [statistics], "schema": [schema]}
    ExampleValidatorExecutor().Do(inputs, {"anomalies": [anomalies]}, options)
    return anomalies


def validate(examples: Any, schema: Any, anomalies: Any, directory: Path, beam_args: tuple[str, ...] = ()) -> Any:
    validation = DataValidation()
    validation.uri = str(directory)
    directory.mkdir()
    pipeline = beam.Pipeline(argv=list(beam_args))
    DataValidator.test_call(
        examples=examples,
        schema=schema,
        anomalies=anomalies,
        validation=validation,
        options=Options().list_options("DataValidator"),
        beam_pipeline=pipeline,
    )
    return validation


def pass_gate(validation: Any) -> None:
    DataGate.test_call(validation=validation)


@pytest.fixture(scope="module")
def sound(examples: Any, schema: Any, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Anomalies and validation of the samples."""
    directory = tmp_path_factory.mktemp("sound")
    anomalies = find_anomalies(examples, schema, directory)
    return SimpleNamespace(anomalies=anomalies, validation=validate(examples, schema, anomalies, directory / "out"))


@pytest.fixture(scope="module")
def originals(examples: Any) -> dict[str, list[Example]]:
    """The samples as images and labels."""
    originals = {}
    for split in ("train", "eval"):
        files = sorted(map(str, Path(examples.uri, f"Split-{split}").iterdir()))
        features = [
            tf.train.Example.FromString(record.numpy()).features.feature for record in tf.data.TFRecordDataset(files)
        ]
        originals[split] = [(f["image"].bytes_list.value[0], f["label"].int64_list.value[0]) for f in features]
    return originals


@pytest.fixture
def judge(originals: dict[str, list[Example]], schema: Any, tmp_path: Path) -> Callable[..., tuple[Any, list[Check]]]:
    """Damage the samples, and run all stages that judge data on them."""

    def judge(damage: Callable[[str, list[Example]], list[Example]]) -> tuple[Any, list[Check]]:
        artifact = standard_artifacts.Examples()
        artifact.uri = str(tmp_path / "examples")
        artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
        for split, found in originals.items():
            write_examples(Path(artifact.uri, f"Split-{split}"), damage(split, list(found)))
        anomalies = find_anomalies(artifact, schema, tmp_path)
        validation = validate(artifact, schema, anomalies, tmp_path / "validation")
        return validation, read_checks(Path(validation.uri, "checks.json"))

    return judge


def write_examples(directory: Path, examples: list[Example]) -> None:
    directory.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(directory / "data_tfrecord-00000-of-00001")) as writer:
        for image, label in examples:
            example = tf.train.Example()
            if image is not None:
                example.features.feature["image"].bytes_list.value.append(image)
            if label is not None:
                example.features.feature["label"].int64_list.value.append(label)
            writer.write(example.SerializeToString())


def assert_rejected(validation: Any, checks: list[Check], *reasons: str) -> None:
    """See that these checks failed and no other, and that the run stops with their reasons, a line each."""
    assert get_failures(checks) == list(reasons)
    with pytest.raises(DataRejectedError) as rejection:
        pass_gate(validation)
    assert str(rejection.value).splitlines() == ["The data was rejected:", *reasons]


def test_sound_data_passes_every_check(sound: SimpleNamespace) -> None:
    checks = read_checks(Path(sound.validation.uri, "checks.json"))
    assert get_failures(checks) == []
    names = [check.name for check in checks]
    assert {name: names.count(name) for name in names} == {
        "schema": 2, "image size": 2, "constant images": 2, "class balance": 20, "label skew": 1, "pixel skew": 1,
        "shared images": 1,
    }  # fmt: skip
    pass_gate(sound.validation)


def test_statistics_of_the_images_are_left_for_the_report(sound: SimpleNamespace, originals) -> None:
    statistics = read_statistics(statistics_file(Path(sound.validation.uri), "eval"))
    pixels = np.frombuffer(b"".join(image for image, _ in originals["eval"]), np.uint8)
    assert statistics.class_counts.tolist() == [20] * 10
    assert statistics.grey_values.tolist() == np.bincount(pixels, minlength=256).tolist()
    assert statistics.class_sums.sum() == pixels.sum(dtype=np.int64)
    summary = read_summary(Path(sound.validation.uri))
    assert summary is not None
    assert (summary.image_shape, summary.class_names) == ((28, 28), CLASS_NAMES)


@pytest.mark.slow
def test_two_worker_processes_come_to_the_same_checks(
    sound: SimpleNamespace, examples: Any, schema: Any, tmp_path: Path
) -> None:
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    spread = validate(examples, schema, sound.anomalies, tmp_path / "out", workers)
    assert read_checks(Path(spread.uri, "checks.json")) == read_checks(Path(sound.validation.uri, "checks.json"))


def test_an_unknown_label_and_an_image_of_another_size_are_rejected(judge) -> None:
    def damage(split: str, found: list[Example]) -> list[Example]:
        (first, label), (second, _), *rest = found
        return [(first[:-1], label), (second, 12), *rest] if split == "train" else found

    assert_rejected(
        *judge(damage),
        "train split, feature label: expected one integer from 0 to 9 in every example, "
        "found: Unexpectedly large value: 12",
        "train split, feature image: expected 784 bytes in each, found 1 of 600 with another number",
    )


def test_missing_features_are_rejected(judge) -> None:
    def damage(split: str, found: list[Example]) -> list[Example]:
        return [(None, found[0][1]), (found[1][0], None), *found[2:]] if split == "eval" else found

    validation, checks = judge(damage)
    image, label, size = get_failures(checks)
    assert image.startswith("eval split, feature image: expected the bytes of one image in every example, found: ")
    assert label.startswith("eval split, feature label: expected one integer from 0 to 9 in every example, found: ")
    for reason in (image, label):
        assert reason.endswith("fewer examples than expected: minimum fraction = 1.000000, actual = 0.995000")
    assert size == "eval split, feature image: expected 784 bytes in each, found 1 of 200 with another number"
    with pytest.raises(DataRejectedError):
        pass_gate(validation)


def test_a_missing_class_is_rejected(judge) -> None:
    def damage(split: str, found: list[Example]) -> list[Example]:
        return [example for example in found if split == "train" or example[1] != 6]

    assert_rejected(
        *judge(damage),
        "eval split, label 6 (Shirt): expected 4 to 90 images, found none",
        "train and eval split, feature label: expected shares of a class to differ by at most 0.050, "
        "found 0.100 for Shirt",
    )


def test_blank_images_are_rejected(judge) -> None:
    def damage(split: str, found: list[Example]) -> list[Example]:
        blank = [(bytes(784), label) for _, label in found[:10]]
        return blank + found[10:] if split == "eval" else found

    assert_rejected(
        *judge(damage),
        "eval split, feature image: expected at most 1.0% blank or of one grey value, found 5.0% (10 of 200)",
    )


def test_evaluation_images_that_are_training_images_are_rejected(judge, originals) -> None:
    """Whatever their labels, and in which file they lie."""

    def damage(split: str, found: list[Example]) -> list[Example]:
        learnt = [(image, label) for (image, _), (_, label) in zip(originals["train"], found[:5], strict=False)]
        return learnt + found[5:] if split == "eval" else found

    assert_rejected(
        *judge(damage),
        "train and eval split, feature image: expected at most 1.0% of the evaluation images among the training "
        "images, found 2.5% (5 of 200)",
    )
