"""Has an engine do a job of one element before the first stage, which shows what nobody can be asked.

The job server tells nothing of the engine behind it: whether that runs, is of the release that the job server was made
for, has room, and whether its machines reach the workers.
"""

from __future__ import annotations

from contextlib import suppress

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from pipeline.engines.engine import Engine, EngineError
from pipeline.engines.failure import tell_engine_failure

# Enough for the first job of a slow cluster; one that is in use takes a second.
SECONDS = 30


def try_engine(engine: Engine) -> None:
    """Make sure that a job with one worker comes to its end.

    Raises:
        EngineError: It failed, or takes too long.
    """
    try:
        with tell_engine_failure(engine):
            _do_job(engine)
    except EngineError as error:
        raise EngineError(
            f"{str(error).rstrip('.')}; see whether {engine.name} runs there, is of the release that its job server "
            f"was made for, has a free slot, and whether its machines reach --worker-pool {engine.worker_pool}."
        ) from error


def _do_job(engine: Engine) -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(engine.list_arguments("trial")))
    _ = pipeline | beam.Impulse() | beam.Map(len)
    job = pipeline.run()
    if job.wait_until_finish(duration=SECONDS * 1000) != PipelineState.DONE:
        with suppress(Exception):
            job.cancel()
        raise EngineError(
            f"the engine {engine.name} at {engine.address} did not do a job of one element within {SECONDS} seconds"
        )
