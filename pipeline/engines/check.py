"""Asks an engine and its workers, before the first stage, what would else be found out by a job that waits for ever."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipeline.engines.engine import Engine, EngineError, NoJobServerError
from pipeline.engines.worker_facts import DESCRIBE, describe_worker

_SECONDS = 4


def check_workers(engine: Engine, shared: Path) -> None:
    """Make sure that workers are like this process and share a folder with it.

    Args:
        engine: The engine, and its pool of workers.
        shared: A folder that artifacts are written to.

    Raises:
        EngineError: They can't be used.
    """
    with tempfile.NamedTemporaryFile(prefix=".workers-", suffix=".question", dir=shared) as question:
        question.write(question.name.encode())
        question.flush()
        answered = Path(question.name).with_suffix(".answer")
        try:
            said = _ask_pool(engine, question.name)
            copied = answered.read_bytes() if answered.exists() else b""
        finally:
            answered.unlink(missing_ok=True)
    _compare(engine, said["facts"])
    if copied != question.name.encode():
        raise EngineError(
            f"{_name_pool(engine)}: its workers do not share {shared} with this process "
            f"({said['trouble'] or 'what they wrote is not there'}); give them that folder under the same path."
        )


def check_job_server(engine: Engine) -> None:
    """Make sure that a job server for the engine answers.

    Raises:
        NoJobServerError: None does.
        EngineError: It is one for another engine.
    """
    with grpc.insecure_channel(engine.address) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            request = beam_job_api_pb2.DescribePipelineOptionsRequest()
            options = service.DescribePipelineOptions(request, timeout=_SECONDS).options
        except grpc.RpcError as error:
            raise NoJobServerError(
                f"--engine-address {engine.address}: no job server of Beam answers there ({_name(error)}); "
                f"start it, or name another; make {engine.name}-up starts one on this machine."
            ) from error
    names = {option.name for option in options}
    if not {"flink": "flink_master" in names, "prism": not names}[engine.name]:
        raise EngineError(
            f"--engine-address {engine.address}: Beam's job server there is none for {engine.name}; name another."
        )


def _ask_pool(engine: Engine, file: str) -> Mapping[str, Any]:
    start = "start one beside each machine of the engine: python -m pipeline.engines.worker_pool HOST:PORT"
    with grpc.insecure_channel(engine.asked_pool) as channel:
        try:
            answer = channel.unary_unary(DESCRIBE)(json.dumps({"file": file}).encode(), timeout=_SECONDS)
        except grpc.RpcError as error:
            raise EngineError(
                f"{_name_pool(engine)}: no pool of this project's workers answers there ({_name(error)}); {start}."
            ) from error
    said: Mapping[str, Any] = json.loads(answer)
    return said


def _compare(engine: Engine, facts: Mapping[str, str]) -> None:
    for name, here in describe_worker().items():
        if (there := facts.get(name)) != here:
            raise EngineError(
                f"{_name_pool(engine)}: {name} is {there} there and {here} here; "
                "use the same image or environment for both."
            )


def _name_pool(engine: Engine) -> str:
    option = "--worker-pool" if engine.asked_pool == engine.worker_pool else "--asked-pool"
    return f"{option} {engine.asked_pool}"


def _name(error: Any) -> str:
    return str(error.code().name).lower().replace("_", " ")
