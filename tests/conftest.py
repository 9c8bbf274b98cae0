"""The environment that every entry point prepares, and data and models that many tests read and none changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.images.datasets import Dataset, load_dataset
from components.images.samples import write_samples
from pipeline.environment import prepare_environment

prepare_environment()  # before any test module imports TensorFlow; none of the above does (test_architecture.py)


@pytest.fixture(scope="session")
def sample_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn samples: 600 images to train on, 200 to evaluate on."""
    directory = tmp_path_factory.mktemp("data") / "samples"
    write_samples(directory, train=600, eval=200, seed=7)
    return directory


@pytest.fixture(scope="session")
def sample_dataset(sample_dir: Path) -> Dataset:
    """The data set in `sample_dir`, verified."""
    return load_dataset(sample_dir, name="sample")


@pytest.fixture(scope="session")
def examples(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The Examples artifact that ExampleGen makes of the samples."""
    import apache_beam as beam
    from tfx.types import standard_artifacts

    from components.example_gen import IdxExampleGen

    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("examples"))
    pipeline = beam.Pipeline(argv=[])
    IdxExampleGen.test_call(examples=artifact, data_dir=str(sample_dir), data_digest="", beam_pipeline=pipeline)
    return artifact


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Schema artifact with Fashion-MNIST's curated schema."""
    from tfx.types import standard_artifacts

    from components.images.schema import SCHEMA_FILE

    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path_factory.mktemp("schema"))
    shutil.copy(SCHEMA_FILE, artifact.uri)
    return artifact


@pytest.fixture(scope="session")
def transform_graph_dir(examples: Any, schema: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Transform stage makes of the project's preprocessing_fn, for images of 28 x 28."""
    from tfx.components.transform.executor import Executor
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.TransformGraph()
    artifact.uri = str(tmp_path_factory.mktemp("transform_graph"))
    options = {
        "preprocessing_fn": "components.transform.preprocessing_fn",
        "custom_config": json.dumps({"image_shape": [28, 28]}),
        "disable_statistics": 1,
    }
    Executor().Do({"examples": [examples], "schema": [schema]}, {"transform_graph": [artifact]}, options)
    return Path(artifact.uri)


@pytest.fixture(scope="session")
def constant_models(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two SavedModels that answer otherwise, `a` and `b`, and a folder of `examples`: all that a push looks at."""
    import tensorflow as tf

    class ConstantModel(tf.Module):
        def __init__(self, share: float) -> None:
            super().__init__()
            self._share = tf.Variable(share)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": tf.fill([tf.size(examples), 1], self._share)}

    directory = tmp_path_factory.mktemp("models")
    for name, share in (("a", 0.25), ("b", 0.5)):
        model = ConstantModel(share)
        tf.saved_model.save(model, str(directory / name), signatures={"serving_default": model.serve})
    (directory / "examples").mkdir()
    with tf.io.TFRecordWriter(str(directory / "examples" / "data_tfrecord-00000-of-00001")) as writer:
        for _ in range(3):
            writer.write(tf.train.Example().SerializeToString())
    return SimpleNamespace(a=directory / "a", b=directory / "b", examples=directory / "examples")
