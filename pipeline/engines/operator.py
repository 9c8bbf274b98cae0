"""Runs the executors of Beam's stages on an engine.

What Beam is told of it is no part of the pipeline: the same stage on another engine has the same cache key. And TFX,
which packs itself for workers where a pipeline has arguments for Beam, does not: workers have their own installation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.proto.orchestration import placeholder_pb2

from pipeline.engines.check import check_job_server
from pipeline.engines.engine import Engine
from pipeline.engines.failure import tell_engine_failure


def make_operator(engine: Engine, stage: str) -> Callable[..., BeamExecutorOperator]:
    """Return what TFX's launcher takes for the class of its operator."""

    class EngineOperator(BeamExecutorOperator):
        """Adds the engine to Beam's arguments, and says it in a sentence where that is lost."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.beam_pipeline_args += [_write(argument) for argument in engine.list_arguments(stage)]

        def run_executor(self, *args: Any, **options: Any) -> Any:
            """Run the executor.

            Raises:
                EngineError: The engine was lost, or failed.
            """
            with tell_engine_failure(engine):
                check_job_server(engine)  # Beam would wait for it as long as for the end of a job
                return super().run_executor(*args, **options)

    return EngineOperator


def _write(argument: str) -> placeholder_pb2.PlaceholderExpression:
    return placeholder_pb2.PlaceholderExpression(value=metadata_store_pb2.Value(string_value=argument))
