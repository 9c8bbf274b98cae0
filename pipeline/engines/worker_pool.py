"""A pool of Python workers, to be started beside each machine of an engine that can reach them: one worker a request.

    python -m pipeline.engines.worker_pool HOST:PORT [--asked-at HOST:PORT]

It does what Beam's own `worker_pool_main` does, but for two things. Its workers are copies of a process that has
imported TensorFlow, TFX and TFMA already, so that each is there in a second. And it ends no worker: one ends by itself
when its engine closes the connection. Beam's pool ends them by their id, which the Java runner counts in each JVM: two
TaskManagers both have a "1-1", and the first of them to be done would end the other's.
https://github.com/apache/beam/issues/38432
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from pipeline.engines.engine import WORKERS_AT, EngineError, parse_address
from pipeline.engines.worker import run_worker
from pipeline.engines.worker_facts import DESCRIBE, copy_beside, describe_worker
from pipeline.environment import prepare_environment

# What a worker of ours needs, imported once.
_COPIES = get_context("forkserver")
_PRELOADED = ["pipeline.engines.worker", "components.evaluator", "components.example_gen", "components.data_validator"]


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts a worker for whoever asks."""

    def StartWorker(self, request: Any, _: Any) -> Any:
        """Start a worker, which connects to the engine by itself."""
        worker = _COPIES.Process(target=run_worker, args=(request.control_endpoint.url, request.worker_id))
        worker.start()
        threading.Thread(target=worker.join, daemon=True).start()  # so that it leaves no zombie
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, *_: Any) -> Any:
        """End nobody."""
        return beam_fn_api_pb2.StopWorkerResponse()


class _Describer(grpc.GenericRpcHandler):
    """Answers whoever wants to know what workers of this pool would be like, and whether they share a folder."""

    def __init__(self) -> None:
        self._facts = describe_worker()  # as things are when the workers' sources are imported

    def service(self, handler_call_details: Any) -> Any:
        """Return what handles a call; None for those of others."""
        return grpc.unary_unary_rpc_method_handler(self._answer) if handler_call_details.method == DESCRIBE else None

    def _answer(self, question: bytes, _: Any) -> bytes:
        return json.dumps({"facts": self._facts, "trouble": copy_beside(Path(json.loads(question)["file"]))}).encode()


def preload() -> None:
    """Have all imported that workers need, in the process that they will be copies of, and wait for it."""
    _COPIES.set_forkserver_preload(_PRELOADED)
    first = _COPIES.Process()
    first.start()
    first.join()


def serve(address: str) -> tuple[grpc.Server, str]:
    """Start a pool, and return it with its address, in which port 0 has become the one that it got.

    Raises:
        ConfigError: It is no HOST:PORT.
        EngineError: Nothing can be served there.
    """
    server = _make_server()
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(), server)
    return server, _start(server, address)


def serve_questions(address: str) -> grpc.Server:
    """Start what answers at another address what the pool's workers are like, and starts none; errors as of `serve`."""
    server = _make_server()
    _start(server, address)
    return server


def _make_server() -> grpc.Server:
    return grpc.server(ThreadPoolExecutor(), handlers=[_Describer()], options=[("grpc.so_reuseport", 0)])


def _start(server: grpc.Server, address: str) -> str:
    host, port = parse_address("worker pool", address)
    try:
        chosen = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise EngineError(f"worker pool {address}: can't be served there; name an address that is free.") from error
    server.start()
    return f"{host}:{chosen}"


def main() -> None:
    """Serve until the process is ended."""
    prepare_environment()
    parser = argparse.ArgumentParser(prog="python -m pipeline.engines.worker_pool", description=__doc__)
    parser.add_argument("address", metavar="HOST:PORT", help="where; port 0 for one that is free")
    parser.add_argument("--asked-at", metavar="HOST:PORT", help="where it answers questions, too, and starts no worker")
    args = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what workers print is no answer to whoever started the pool
    server, address = serve(args.address)
    servers = [server, *([serve_questions(args.asked_at)] if args.asked_at else [])]
    preload()
    print(f"{WORKERS_AT}{address}", file=answers, flush=True)
    for each in servers:
        each.wait_for_termination()


if __name__ == "__main__":
    from pipeline.commands.guard import run_guarded

    run_guarded(main)
