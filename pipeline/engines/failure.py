"""What is said where an engine is lost, or fails in a job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from pipeline.engines.engine import Engine, EngineError, NoJobServerError

# Of Beam's PortableRunner.
_FAILED = re.compile(r"Pipeline \S+ failed in state \w+: (.*)", re.DOTALL)
# The last line of a worker's traceback, with what Beam adds to it; what it can't raise again is a RuntimeError there.
_RAISED = re.compile(
    r"^(?:RuntimeError: )?((?:\w+\.)*\w+(?:Error|Exception)): (.*?)(?: \[while running .*)?$", re.MULTILINE
)


@contextmanager
def tell_engine_failure(engine: Engine) -> Iterator[None]:
    """Say in a sentence what became of a job.

    Raises:
        EngineError: The engine was lost, or its job failed.
    """
    try:
        yield
    except (grpc.RpcError, grpc.FutureTimeoutError, NoJobServerError) as error:
        raise EngineError(
            f"the engine {engine.name} at {engine.address} does not answer any more; see whether it runs, and "
            "run again: what had finished is taken from the cache."
        ) from error
    except RuntimeError as error:
        if not (failed := _FAILED.match(str(error))):
            raise
        raise EngineError(f"the engine {engine.name} at {engine.address}: {find_reason(failed[1])}") from error


def find_reason(said: str) -> str:
    """Return what tells most of an engine's message: what a worker raised, else its first line."""
    if raised := _RAISED.findall(said):
        kind, text = raised[-1]
        return text if kind.startswith(("components.", "pipeline.")) else f"{kind}: {text}"
    return said.strip().partition("\n")[0].rstrip(".")
