"""Has an engine do a job of one element before the first stage, which shows what nobody can be asked.

The job server tells nothing of the engine behind it: whether that runs, is of the release that the job server was made
for, has room, and whether its machines reach the workers.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from threading import Timer

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from pipeline.engines.engine import Engine, EngineError
from pipeline.engines.failure import tell_engine_failure

_LOG = logging.getLogger(__name__)
_SECONDS_TO_BE_TOLD = 10
SECONDS_TO_DO_IT = 300  # as long as Flink itself waits for a free slot


def try_engine(engine: Engine) -> None:
    """Make sure that a job comes to its end; that it takes its time is told as a warning of this module's logger.

    Raises:
        EngineError: It failed, or takes too long.
    """
    cause: EngineError | None = None
    try:
        with tell_engine_failure(engine):
            if _do_job(engine):
                return
        reason = f"the engine {engine.name} at {engine.address} did no job of one element in {SECONDS_TO_DO_IT} seconds"
    except EngineError as error:
        reason, cause = str(error).rstrip("."), error
    raise EngineError(
        f"{reason}; see whether {engine.name} runs there, is of the release that its job server was made for, has "
        f"{engine.workers} free slots, as --workers says, and whether its machines reach "
        f"--worker-pool {engine.worker_pool}."
    ) from cause


def _do_job(engine: Engine) -> bool:
    """Return whether a job came to its end; one that did not is cancelled."""
    pipeline = beam.Pipeline(options=PipelineOptions(engine.list_arguments("trial")))
    _ = pipeline | beam.Impulse() | beam.Map(len)
    job = pipeline.run()
    told = "%s did no job of one element in %d seconds: all slots may be taken, or it is gone; %d seconds are waited."
    warning = Timer(_SECONDS_TO_BE_TOLD, _LOG.warning, [told, engine.name, _SECONDS_TO_BE_TOLD, SECONDS_TO_DO_IT])
    warning.start()
    try:
        done: bool = job.wait_until_finish(duration=SECONDS_TO_DO_IT * 1000) == PipelineState.DONE
    finally:
        warning.cancel()
    if not done:
        with suppress(Exception):
            job.cancel()
    return done
