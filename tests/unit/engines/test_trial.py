"""Before the first stage an engine does a job of one element; what becomes of that says what nobody can be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.runner import PipelineState

from pipeline.engines import trial
from pipeline.engines.engine import Engine, EngineError
from pipeline.engines.trial import try_engine

ENGINE = Engine(name="flink", address="jobs:8099", worker_pool="pool:1", asked_pool="pool:1", workers=2)
WHERE_TO_LOOK = (
    "see whether flink runs there, is of the release that its job server was made for, has 2 free slots, as --workers "
    "says, and whether its machines reach --worker-pool pool:1."
)


class Job:
    """What becomes of a job: an end, or an error."""

    def __init__(self, end: Any) -> None:
        self._end = end
        self.cancelled = False

    def wait_until_finish(self, duration: float) -> Any:
        assert duration == trial.SECONDS_TO_DO_IT * 1000
        if isinstance(self._end, Exception):
            raise self._end
        return self._end

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Job]:
    """Have that become of the next job."""

    def prepare(end: Any) -> Job:
        job = Job(end)
        monkeypatch.setattr(beam.Pipeline, "run", lambda _: job)
        return job

    return prepare


def test_an_engine_that_does_it_is_fit(become: Callable[[Any], Job]) -> None:
    job = become(PipelineState.DONE)
    try_engine(ENGINE)
    assert not job.cancelled


def test_one_that_fails_it_is_told_with_its_reason_and_where_to_look(become: Callable[[Any], Job]) -> None:
    become(RuntimeError("Pipeline trial_1 failed in state FAILED: java.net.ConnectException: Connection refused"))
    with pytest.raises(EngineError) as raised:
        try_engine(ENGINE)
    reason = "java.net.ConnectException: Connection refused"
    assert str(raised.value) == f"the engine flink at jobs:8099: {reason}; {WHERE_TO_LOOK}"


def test_one_that_does_not_come_to_it_is_not_waited_for_and_keeps_no_job(become: Callable[[Any], Job]) -> None:
    job = become(PipelineState.RUNNING)
    with pytest.raises(EngineError) as raised:
        try_engine(ENGINE)
    why = "did no job of one element in 300 seconds"
    assert str(raised.value) == f"the engine flink at jobs:8099 {why}; {WHERE_TO_LOOK}"
    assert job.cancelled


def test_that_it_takes_its_time_is_told_meanwhile(
    become: Callable[[Any], Job], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wait(*_: Any, **__: Any) -> Any:
        while not caplog.messages:
            time.sleep(0.01)
        return PipelineState.DONE

    become(PipelineState.DONE)
    monkeypatch.setattr(Job, "wait_until_finish", wait)
    monkeypatch.setattr(trial, "_SECONDS_TO_BE_TOLD", 0)
    try_engine(ENGINE)
    assert caplog.messages == [
        "flink did no job of one element in 0 seconds: all slots may be taken, or it is gone; 300 seconds are waited."
    ]
