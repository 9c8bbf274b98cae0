"""Runs a stage of a pod on an engine: in a folder that its workers share, for they do not see the pod's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import Artifact

from pipeline.config import PipelineConfig
from pipeline.engines.failure import tell_engine_failure
from pipeline.engines.preparation import use_engine

Artifacts = dict[str, list[Artifact]]


def do_on_engine(
    stage: BaseComponent, config: PipelineConfig, shared: Path, arguments: tuple[Artifacts, Artifacts, dict[str, Any]]
) -> None:
    """Call the stage's executor.

    Args:
        stage: One whose executor uses Beam.
        config: Names the engine.
        shared: A folder that its workers share.
        arguments: Those of the executor: inputs, outputs, properties.

    Raises:
        EngineError: The engine can't be used, or failed.
    """
    inputs, outputs, properties = arguments
    with use_engine(config, shared) as engine:
        if engine is None:
            raise ValueError(f"{stage.id}: no engine is named.")
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=engine.list_arguments(stage.id), tmp_dir=str(shared), unique_id="work"
        )
        executor = stage.executor_spec.executor_class(context)
        with move_to(shared, inputs, outputs), tell_engine_failure(engine):
            executor.Do(inputs, outputs, properties)


@contextmanager
def move_to(shared: Path, inputs: Artifacts, outputs: Artifacts) -> Iterator[None]:
    """Have artifacts below a folder meanwhile; at the end the outputs are where they belong."""
    written = [artifact for listed in outputs.values() for artifact in listed]
    every = [*(artifact for listed in inputs.values() for artifact in listed), *written]
    places = [artifact.uri for artifact in every]
    for number, artifact in enumerate(every):
        artifact.uri = str(shutil.copytree(artifact.uri, shared / str(number)))
    try:
        yield
        for artifact, place in zip(written, places[len(every) - len(written) :], strict=True):
            shutil.copytree(artifact.uri, place, dirs_exist_ok=True)
    finally:
        for artifact, place in zip(every, places, strict=True):
            artifact.uri = place
