"""A job that fails on an engine is told by what its worker raised; an engine that is lost, by its address."""

from __future__ import annotations

import traceback

import grpc
import pytest

from components.images.idx_folder import DataError
from pipeline.engines.engine import Engine, EngineError, NoJobServerError
from pipeline.engines.failure import tell_engine_failure

ENGINE = Engine(name="flink", address="jobs:8099", worker_pool="", asked_pool="", workers=1)
WHERE = "the engine flink at jobs:8099:"


def describe(error: Exception) -> str:
    """Return what a worker says of an error: all tracebacks, with the step that was at work."""
    try:
        raise error
    except type(error):
        return f"bundle failed:{traceback.format_exc().rstrip()} [while running 'ReadRows']\n"


def tell(error: Exception) -> str:
    with pytest.raises(EngineError) as raised, tell_engine_failure(ENGINE):
        raise error
    return str(raised.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("/data/a: 3 images, expected 4."), "/data/a: 3 images, expected 4."),
        (RuntimeError("OSError: [Errno 5] Input/output error"), "OSError: [Errno 5] Input/output error"),
        (RuntimeError("No model"), "RuntimeError: No model"),
        (OSError(28, "No space left on device", "/x"), "OSError: [Errno 28] No space left on device: '/x'"),
    ],
)
def test_what_a_worker_raised_is_the_reason(error: Exception, reason: str) -> None:
    failed = f"Pipeline job-3 failed in state FAILED: {describe(error)}"
    assert tell(RuntimeError(failed)) == f"{WHERE} {reason}"


def test_what_the_engine_itself_says_is_told_in_its_first_line() -> None:
    failed = "Pipeline job-3 failed in state FAILED: Not enough slots.\n\tat org.apache.flink.Some.java:3"
    assert tell(RuntimeError(failed)) == f"{WHERE} Not enough slots"


@pytest.mark.parametrize("error", [grpc.RpcError(), grpc.FutureTimeoutError(), NoJobServerError("none")])
def test_an_engine_that_is_lost_is_named(error: Exception) -> None:
    assert tell(error).startswith("the engine flink at jobs:8099 does not answer any more; ")


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match=r"^TFX failed$"), tell_engine_failure(ENGINE):
        raise RuntimeError("TFX failed")
