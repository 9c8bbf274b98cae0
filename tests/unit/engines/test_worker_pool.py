"""A pool starts a worker for whoever asks, and ends none of them by its id: two TaskManagers count alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    endpoints_pb2,
)

from pipeline.declared import ConfigError
from pipeline.engines.engine import EngineError
from pipeline.engines.worker_pool import serve


class Runner(beam_fn_api_pb2_grpc.BeamFnControlServicer):
    """The engine's side of a worker: notes that it came, and lets it wait until the connection is closed."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.ended = 0

    def Control(self, responses: Any, context: Any) -> Iterator[Any]:
        self.ids.append(dict(context.invocation_metadata())["worker_id"])
        try:
            next(responses, None)
        finally:
            self.ended += 1
        yield from ()


@pytest.fixture
def runners() -> Iterator[list[tuple[Runner, grpc.Server, str]]]:
    made = []
    for _ in range(2):
        runner, server = Runner(), grpc.server(ThreadPoolExecutor(2))
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(runner, server)
        made.append((runner, server, f"localhost:{server.add_insecure_port('localhost:0')}"))
        server.start()
    yield made
    for _, server, _ in made:
        server.stop(None)


def wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_is_not_ended_by_the_id_of_another(runners: list[tuple[Runner, grpc.Server, str]]) -> None:
    pool, address = serve("localhost:0")
    with grpc.insecure_channel(address) as channel:
        stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
        for _, _, url in runners:
            endpoint = endpoints_pb2.ApiServiceDescriptor(url=url)
            assert not stub.StartWorker(
                beam_fn_api_pb2.StartWorkerRequest(worker_id="1-1", control_endpoint=endpoint)
            ).error
        wait_for(lambda: all(runner.ids == ["1-1"] for runner, _, _ in runners))
        stub.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id="1-1"))
        time.sleep(1)
        assert [runner.ended for runner, _, _ in runners] == [0, 0]
    pool.stop(None)


@pytest.mark.parametrize("address", ["nowhere", "localhost"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        serve(address)


def test_an_address_that_is_taken_is_refused() -> None:
    pool, address = serve("localhost:0")
    with pytest.raises(EngineError, match="can't be served there"):
        serve(address)
    pool.stop(None)
