"""Before the first stage an engine and its workers are asked; each kind of wrong one is told in a sentence, at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_job_api_pb2,
    beam_job_api_pb2_grpc,
)
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

from deploy.background import find_free_port
from pipeline.engines import check
from pipeline.engines.check import check_job_server, check_workers
from pipeline.engines.engine import Engine, EngineError
from pipeline.engines.worker_facts import describe_worker
from pipeline.engines.worker_pool import serve, serve_questions

SECONDS = 10


class JobServer(beam_job_api_pb2_grpc.JobServiceServicer):
    """As far as it is asked: which options it has."""

    def __init__(self, *options: str) -> None:
        self._options = options

    def DescribePipelineOptions(self, *_: Any) -> Any:
        described = [beam_job_api_pb2.PipelineOptionDescriptor(name=option) for option in self._options]
        return beam_job_api_pb2.DescribePipelineOptionsResponse(options=described)


@pytest.fixture
def start_job_server() -> Iterator[Callable[..., str]]:
    servers = []

    def start(*options: str) -> str:
        server = grpc.server(ThreadPoolExecutor(2))
        beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(JobServer(*options), server)
        port = server.add_insecure_port("localhost:0")
        server.start()
        servers.append(server)
        return f"localhost:{port}"

    yield start
    for server in servers:
        server.stop(None)


@pytest.fixture(scope="module")
def pool() -> Iterator[str]:
    server, address = serve("localhost:0")
    yield address
    server.stop(None)


@pytest.fixture
def engine(start_job_server: Callable[..., str], pool: str) -> Engine:
    return Engine(name="flink", address=start_job_server("flink_master"), worker_pool=pool, asked_pool=pool, workers=2)


def check_engine(engine: Engine, shared: Path) -> None:
    check_job_server(engine)
    check_workers(engine, shared)


def refuse(engine: Engine, shared: Path) -> str:
    started = time.monotonic()
    with pytest.raises(EngineError) as raised:
        check_engine(engine, shared)
    assert time.monotonic() - started < SECONDS
    assert not list(shared.iterdir()), "questions and answers are removed"
    return str(raised.value)


@pytest.fixture
def silent() -> Iterator[str]:
    """Takes connections, and says nothing."""
    with socket.create_server(("localhost", 0)) as listener:
        yield f"localhost:{listener.getsockname()[1]}"


def test_a_sound_engine_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    check_engine(engine, tmp_path)
    assert not list(tmp_path.iterdir())


def test_where_nothing_answers_the_address_and_the_remedy_are_told(
    engine: Engine, silent: str, pool: str, tmp_path: Path
) -> None:
    for address, why in (("localhost:1", "unavailable"), (silent, "deadline exceeded"), (pool, "unimplemented")):
        assert refuse(replace(engine, address=address), tmp_path) == (
            f"--engine-address {address}: no job server of Beam answers there ({why}); "
            "start it, or name another; make flink-up starts one on this machine."
        )
    for address, why in (("localhost:1", "unavailable"), (silent, "deadline exceeded")):
        assert refuse(replace(engine, worker_pool=address, asked_pool=address), tmp_path).startswith(
            f"--worker-pool {address}: no pool of this project's workers answers there ({why}); start one"
        )


def test_a_pool_is_asked_where_this_machine_finds_it_and_starts_no_worker_there(engine: Engine, tmp_path: Path) -> None:
    address = f"localhost:{find_free_port()}"
    server = serve_questions(address)
    check_engine(replace(engine, worker_pool="localhost:1", asked_pool=address), tmp_path)
    with grpc.insecure_channel(address) as channel:
        pool = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            pool.StartWorker(beam_fn_api_pb2.StartWorkerRequest(), timeout=SECONDS)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    server.stop(None)
    assert refuse(replace(engine, asked_pool="localhost:1"), tmp_path).startswith("--asked-pool localhost:1: no pool")


def test_another_engine_s_job_server_is_refused(
    engine: Engine, start_job_server: Callable[..., str], tmp_path: Path
) -> None:
    spark, prism = start_job_server("spark_master_url"), start_job_server()
    check_engine(replace(engine, name="prism", address=prism), tmp_path)
    for name, address in (("flink", spark), ("flink", prism), ("prism", spark), ("prism", engine.address)):
        told = refuse(replace(engine, name=name, address=address), tmp_path)
        assert told == f"--engine-address {address}: Beam's job server there is none for {name}; name another."


def test_beam_s_own_pool_is_refused(engine: Engine, tmp_path: Path) -> None:
    address, server = BeamFnExternalWorkerPoolServicer.start()
    assert "python -m pipeline.engines.worker_pool" in refuse(
        replace(engine, worker_pool=address, asked_pool=address), tmp_path
    )
    server.stop(None)


@pytest.mark.parametrize("name", ["Python", "tfx", "this project's sources"])
def test_workers_with_anything_else_are_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here = {**describe_worker(), name: "another"}
    monkeypatch.setattr(check, "describe_worker", lambda: here)
    assert f"{name} is {describe_worker()[name]} there and another here; " in refuse(engine, tmp_path)


def test_workers_that_do_not_share_the_folder_are_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engines.worker_pool.copy_beside", lambda file: "No such file or directory")
    assert refuse(engine, tmp_path) == (
        f"--worker-pool {engine.worker_pool}: its workers do not share {tmp_path} with this process "
        "(No such file or directory); give them that folder under the same path."
    )
