"""What a run sees to before it uses an engine: that it answers, and has workers, which the run brings if need be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline.config import PipelineConfig
from pipeline.engines.engine import WORKERS_AT, Engine, EngineError, choose_engine

_ROOT = Path(__file__).resolve().parents[2]
_OWN_POOL = "127.0.0.1:0"


@contextmanager
def use_engine(config: PipelineConfig, shared: Path) -> Iterator[Engine | None]:
    """Give the engine that a run is for, with workers, after a look whether both can be used; None for this process.

    Args:
        config: Names the engine.
        shared: A folder that artifacts are written to, which the workers have to share.

    Raises:
        EngineError: One of them can't be used.
    """
    if (chosen := choose_engine(config)) is None:
        yield None
        return
    from pipeline.engines.check import check_job_server, check_workers  # they bring Beam
    from pipeline.engines.trial import try_engine

    check_job_server(chosen)
    with bring_workers(chosen) as engine:
        check_workers(engine, shared)
        try_engine(engine)
        yield engine


@contextmanager
def bring_workers(engine: Engine) -> Iterator[Engine]:
    """Start a pool of workers here for an engine that is told of none, and end it with the run.

    Raises:
        EngineError: It does not start.
    """
    if engine.worker_pool:
        yield engine
        return
    command = [sys.executable, "-m", "pipeline.engines.worker_pool", _OWN_POOL]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as pool:
        try:
            said = pool.stdout.readline() if pool.stdout else ""
            if not said.startswith(WORKERS_AT):
                raise EngineError(f"--engine {engine.name}: a pool of workers did not start here; the log says why.")
            address = said.removeprefix(WORKERS_AT).strip()
            yield replace(engine, worker_pool=address, asked_pool=address)
        finally:
            pool.terminate()
