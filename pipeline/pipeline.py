"""The pipeline: which stage gets what from which. Read this file first."""

from __future__ import annotations

import json
from dataclasses import asdict

from ml_metadata.proto import metadata_store_pb2
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2

from components.baseline import Baseline
from components.data_gate import DataGate
from components.data_validator import DataValidator
from components.evaluator import GatedEvaluator
from components.example_gen import IdxExampleGen
from components.pusher import AtomicPusher
from components.reporter import Reporter
from components.schema import CuratedSchemaGen
from components.serving.versions import get_pushed_version
from pipeline.config import PipelineConfig
from pipeline.fingerprint import fingerprint_sources
from pipeline.origin import describe_origin, describe_recipe

# What is pushed can change without this pipeline: the Pusher always looks, and does nothing where all is done.
NEVER_CACHED = ("Pusher", "Report")
# Stages of TFX that run a function of ours, and where it is. Any other stage is what its own module says.
_FUNCTIONS_OF_OURS = {"Transform": "components.transform", "Trainer": "components.trainer"}


def create_pipeline(config: PipelineConfig, run_id: str = "") -> Pipeline:
    """Connect the stages.

    1. ExampleGen, StatisticsGen, Schema, ExampleValidator, DataValidator: the data, and what is to be said of it.
    2. DataGate: nothing below it runs on data that is not sound.
    3. Transform, Trainer: a candidate that takes raw images.
    4. Baseline, Evaluator: the candidate against the floors and against what is pushed now.
    5. Pusher: the blessed candidate becomes the next version.
    6. Report: what was found and decided, as one page.

    `run_id` is what Pusher and Report write down as the run's name.
    """
    height, width = config.image_shape
    recipe = describe_recipe(config)

    example_gen = IdxExampleGen(data_dir=config.data_dir, data_digest=config.data_digest).with_id("ExampleGen")
    examples = example_gen.outputs["examples"]

    schema_gen = CuratedSchemaGen(examples=examples, height=height, width=width).with_id("Schema")
    schema = schema_gen.outputs["schema"]

    statistics_gen = StatisticsGen(examples=examples, schema=schema)
    example_validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    data_validator = DataValidator(
        examples=examples,
        schema=schema,
        anomalies=example_validator.outputs["anomalies"],
        options=config.list_options("DataValidator"),
    )
    data_gate = DataGate(validation=data_validator.outputs["validation"])

    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="components.transform.preprocessing_fn",
        materialize=False,
        disable_statistics=True,
        custom_config={"image_shape": config.image_shape},
    )
    transform.add_upstream_node(data_gate)

    trainer = Trainer(
        run_fn="components.trainer.run_fn",
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config=config.list_options("Trainer"),
    )

    baseline = Baseline(
        model=trainer.outputs["model"],
        serving_dir=str(config.serving_dir),
        version=get_pushed_version(config.serving_dir),
    )

    evaluator = GatedEvaluator(
        examples=examples,
        schema=schema,
        validation=data_validator.outputs["validation"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["baseline"],
        options=config.list_options("Evaluator"),
    ).with_id("Evaluator")

    pusher = AtomicPusher(
        model=trainer.outputs["model"],
        blessing=evaluator.outputs["blessing"],
        baseline=baseline.outputs["baseline"],
        examples=examples,
        validation=data_validator.outputs["validation"],
        serving_dir=str(config.serving_dir),
        recipe=recipe,
        run_id=run_id,
        accept=int(config.accept),
    ).with_id("Pusher")

    reporter = Reporter(
        examples=examples,
        validation=data_validator.outputs["validation"],
        model_run=trainer.outputs["model_run"],
        baseline=baseline.outputs["baseline"],
        evaluation=evaluator.outputs["evaluation"],
        pushed_model=pusher.outputs["pushed_model"],
        run_id=run_id,
        origin=json.dumps(asdict(describe_origin(config, recipe))),
    ).with_id("Report")

    stages = [
        example_gen, schema_gen, statistics_gen, example_validator, data_validator, data_gate,
        transform, trainer, baseline, evaluator, pusher, reporter,
    ]  # fmt: skip
    for stage in stages:
        _pin_sources(stage)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(config.output_dir / "artifacts"),
        components=stages,
        enable_cache=config.cache,
        beam_pipeline_args=list(config.beam_arg),
        metadata_connection_config=connect_metadata(config),
    )


def connect_metadata(config: PipelineConfig) -> metadata_store_pb2.ConnectionConfig:
    """Say where ML Metadata is; unlike TFX's function for it, make no folder: to connect the stages changes nothing."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(config.metadata_path)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return connection


def _pin_sources(stage: BaseComponent) -> None:
    """Make the sources of a stage part of its cache key: TFX hashes an executor's flags, and not its code."""
    module = _FUNCTIONS_OF_OURS.get(stage.id, type(stage).__module__)
    stage.executor_spec.add_extra_flags([f"--sources={fingerprint_sources(module)}"])
