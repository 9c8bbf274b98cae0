"""Runs the pipeline in this process, one stage after the other, and tells a listener how it goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils, tfx_runner
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

from components.report.lineage import read_properties
from components.serving import model_verifier
from components.serving.integrity import check_pushed
from components.training.cluster import find_cluster
from pipeline.artifact_files import FILES_PROPERTY, find_damage, list_files
from pipeline.config import PipelineConfig
from pipeline.engines.engine import Engine
from pipeline.environment import keep_beam_in_process
from pipeline.pipeline import NEVER_CACHED, create_pipeline


class Listener(Protocol):
    """Is told when a stage starts and ends."""

    def start_stage(self, name: str) -> None:
        """Hear that a stage starts."""

    def end_stage(self, name: str, seconds: float, *, cached: bool) -> None:
        """Hear that a stage ended well."""

    def print(self, text: str) -> None:
        """Hear of something that a person should know."""


class LocalRunner(tfx_runner.IrBasedRunner):
    """TFX's LocalDagRunner, with a listener, a run id of our choice, and stages that are never cached."""

    def __init__(self, run_id: str, listener: Listener, engine: Engine | None) -> None:
        self._run_id = run_id
        self._listener = listener
        self._engine = engine

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, **_: Any) -> None:
        """Launch each stage; the first failure ends the run.

        Raises:
            Exception: What the stage raised.
        """
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: self._run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connections = deployment.metadata_connection_config
        connection = getattr(connections, connections.WhichOneof("connection_config"))
        self._retire_damaged(connection)
        for node in pipeline.nodes:
            self._launch(node.pipeline_node, pipeline, deployment, connection)

    def _launch(self, node: Any, pipeline: Any, deployment: Any, connection: Any) -> None:
        stage = node.node_info.id
        if stage in NEVER_CACHED:
            node.execution_options.caching_options.enable_cache = False
        self._listener.start_stage(stage)
        started = time.monotonic()
        execution = launcher.Launcher(
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(connection),
            pipeline_info=pipeline.pipeline_info,
            pipeline_runtime_spec=pipeline.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, stage),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, stage),
            custom_executor_operators=self._choose_operators(stage),
        ).launch()
        with metadata.Metadata(connection) as handle:
            (record,) = handle.store.get_executions_by_id([execution.execution_id])
            cached = record.last_known_state == metadata_store_pb2.Execution.CACHED
            if not cached:
                _record_files(handle.store, execution.execution_id)
        if stage == "Trainer" and not cached:
            model_verifier.start_ahead()  # for the Pusher: it is ready by the time that the Evaluator is done
        self._listener.end_stage(stage, time.monotonic() - started, cached=cached)

    def _choose_operators(self, stage: str) -> dict[Any, Any]:
        if not self._engine:
            return {}
        from pipeline.engines.operator import make_operator

        return {executable_spec_pb2.BeamExecutableSpec: make_operator(self._engine, stage)}

    def _retire_damaged(self, connection: Any) -> None:
        """Mark what is no longer whole as deleted: TFX's cache takes live artifacts only, and so makes it anew."""
        with metadata.Metadata(connection) as handle:
            live = [each for each in handle.store.get_artifacts() if each.state == metadata_store_pb2.Artifact.LIVE]
            for artifact in live:
                listed = read_properties(artifact.custom_properties).get(FILES_PROPERTY, "")
                if damage := find_damage(Path(artifact.uri), listed):
                    artifact.state = metadata_store_pb2.Artifact.DELETED
                    handle.store.put_artifacts([artifact])
                    self._listener.print(f"Not taken from the cache: {damage}.")


def _record_files(store: Any, execution_id: int) -> None:
    """List the files of what a stage made, before any other stage takes it: the list is part of its cache key."""
    events = store.get_events_by_execution_ids([execution_id])
    made = [event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
    artifacts = store.get_artifacts_by_id(made)
    for artifact in artifacts:
        artifact.custom_properties[FILES_PROPERTY].string_value = list_files(Path(artifact.uri))
    store.put_artifacts(artifacts)


def run_locally(config: PipelineConfig, run_id: str, listener: Listener, engine: Engine | None) -> None:
    """Run the pipeline of `config` in this process, which holds the output directory (output_folder.py).

    Raises:
        NoGpuError: A GPU is required and there is none.
        ClusterError: TF_CONFIG does not say who trains together, or that this one is the chief.
        ServingError: What is pushed is damaged.
        EngineError: The engine was lost.
        Exception: What a stage raised; nothing after it ran.
    """
    if config.require_gpu:
        from components.trainer import choose_device  # brings Keras, which is there when the Trainer starts

        choose_device(require_gpu=True)  # rather now than after the data stages
    if config.distribution == "multi-worker":
        find_cluster(as_chief=True)  # so is this
    check_pushed(config.serving_dir)  # and this
    keep_beam_in_process()
    config.output_dir.mkdir(parents=True, exist_ok=True)
    with _hidden_arguments():
        try:
            LocalRunner(run_id, listener, engine).run(create_pipeline(config, run_id))
        finally:
            model_verifier.end_waiting()


@contextmanager
def _hidden_arguments() -> Iterator[None]:
    """Hide the command line: TFX hands sys.argv to its executors as flags of theirs."""
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        yield
    finally:
        sys.argv = arguments
