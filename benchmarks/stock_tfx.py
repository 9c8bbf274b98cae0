"""The pipeline that a user writes after TFX's own MNIST example: `python -m benchmarks.stock_tfx DATA_DIR OUTPUT_DIR`.

After tfx/examples/mnist/mnist_pipeline_native_keras.py. Different from it: the images come from IDX files, which the
user has to turn into TFRecord files first; LocalDagRunner stands for the BeamDagRunner, which is deprecated; Evaluator
slices by class; the user's functions are named by dotted paths, because `module_file` pip-installs them for each stage;
Beam runs in one process (the example starts a worker for each core, each of which imports TensorFlow anew).
The driver sets TF_USE_LEGACY_KERAS=1: see stock_tfx_module.py.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx

from benchmarks.stock_tfx_module import BATCH_SIZE, IMAGE_KEY, LABEL_KEY

PIPELINE_NAME = "mnist_native_keras"
MODULE = "benchmarks.stock_tfx_module"
ACCURACY = "sparse_categorical_accuracy"
MIN_ACCURACY = 0.86  # as our pipeline asks for
EVAL_STEPS = 100  # for the curves of the training, as in the example


def write_tfrecords(data_dir: Path, prefix: str, path: Path) -> int:
    """Write a split as tf.Example records of 784 floats and a label, and return how many there are."""
    with gzip.open(data_dir / f"{prefix}-images-idx3-ubyte.gz") as stream:
        images = np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32)
    with gzip.open(data_dir / f"{prefix}-labels-idx1-ubyte.gz") as stream:
        labels = np.frombuffer(stream.read(), np.uint8, offset=8)
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image, label in zip(images, labels, strict=True):
            feature = {
                IMAGE_KEY: tf.train.Feature(float_list=tf.train.FloatList(value=image)),
                LABEL_KEY: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return len(labels)


def create_pipeline(data_root: Path, output_dir: Path, train_images: int, args: argparse.Namespace) -> tfx.dsl.Pipeline:
    """Connect the stages, as in the example."""
    split = tfx.proto.Input.Split
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(data_root),
        input_config=tfx.proto.Input(
            splits=[split(name="train", pattern="train/*"), split(name="eval", pattern="eval/*")]
        ),
    )
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"], infer_feature_shape=True)
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        preprocessing_fn=f"{MODULE}.preprocessing_fn",
    )
    trainer = tfx.components.Trainer(
        run_fn=f"{MODULE}.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        train_args=tfx.proto.TrainArgs(num_steps=math.ceil(train_images / BATCH_SIZE)),
        eval_args=tfx.proto.EvalArgs(num_steps=EVAL_STEPS),
        custom_config={"epochs": args.epochs},
    )
    evaluator = tfx.components.Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        eval_config=make_eval_config(args.min_accuracy),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(output_dir / "serving"))
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=PIPELINE_NAME,
        pipeline_root=str(output_dir / "pipelines"),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(output_dir / "metadata.db")
        ),
        beam_pipeline_args=args.beam_arg,
    )


def make_eval_config(min_accuracy: float) -> config_pb2.EvalConfig:
    """Ask for the accuracy on all images and on those of each class, with a bound on the former."""
    overall = config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()],
        threshold=config_pb2.MetricThreshold(
            value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": min_accuracy})
        ),
    )
    accuracy = config_pb2.MetricConfig(class_name="SparseCategoricalAccuracy", per_slice_thresholds=[overall])
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=LABEL_KEY)],
        slicing_specs=[config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=[LABEL_KEY])],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[accuracy])],
    )


def read_accuracy(output_dir: Path) -> float:
    """Return the accuracy on all evaluation images that Evaluator found."""
    (evaluation,) = (output_dir / "pipelines" / "Evaluator" / "evaluation").iterdir()
    metrics = tfma.load_eval_result(str(evaluation)).get_metrics_for_slice(slice_name=())
    return float(metrics[ACCURACY]["doubleValue"])


def main() -> None:
    """Write the records, run the pipeline, print the accuracy of what it pushed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("output_dir", type=Path, help="an empty folder, or one to be made")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--min-accuracy", type=float, default=MIN_ACCURACY)
    parser.add_argument("--beam-arg", action="append", default=[])
    args = parser.parse_args()

    data_root = args.output_dir / "data"
    train_images = write_tfrecords(args.data_dir, "train", data_root / "train" / "data.tfrecord")
    write_tfrecords(args.data_dir, "t10k", data_root / "eval" / "data.tfrecord")
    pipeline = create_pipeline(data_root, args.output_dir, train_images, args)
    tfx.orchestration.LocalDagRunner().run(pipeline)
    accuracy = read_accuracy(args.output_dir)
    if not list((args.output_dir / "serving").glob("*")):
        sys.exit(f"Nothing was pushed: accuracy {accuracy:.4f}, expected at least {args.min_accuracy}")
    print(json.dumps({"accuracy": accuracy}))


if __name__ == "__main__":
    main()
