"""An engine that Beam's stages run on, what Beam has to be told of it, and the workers that a run brings along."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config import PipelineConfig
from pipeline.declared import ConfigError

DIRECT = "direct"
_HIGHEST_PORT = 65_535
_ROOT = Path(__file__).resolve().parents[2]
_OWN_POOL = "127.0.0.1:0"
_SAID = "Workers at "


class EngineError(RuntimeError):
    """The engine, or its workers, can't be used; the message says where, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Where stages run.

    Attributes:
        name: As `--engine` has it.
        address: HOST:PORT of Beam's job server.
        worker_pool: HOST:PORT at which each machine of the engine finds a pool of workers; "" for none.
        workers: How many work at once.
    """

    name: str
    address: str
    worker_pool: str
    workers: int

    def list_arguments(self, stage: str) -> list[str]:
        """Return Beam's arguments for a stage."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint={self.address}",
            f"--job_name={stage.lower()}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self.worker_pool}",
            f"--parallelism={self.workers}",
        ]


def choose_engine(config: PipelineConfig) -> Engine | None:
    """Return the engine that the options name; None for Beam's runner in this process.

    Raises:
        ConfigError: The options do not go together, or an address is none.
    """
    addresses = {"--engine-address": config.engine_address, "--worker-pool": config.worker_pool}
    given = {option: address for option, address in addresses.items() if address}
    if config.engine == DIRECT:
        for option, address in given.items():
            raise ConfigError(f"{option} {address}: expected --engine flink beside it.")
        return None
    if not config.engine_address:
        raise ConfigError(f"--engine {config.engine}: expected --engine-address HOST:PORT, that of Beam's job server.")
    for option, address in given.items():
        parse_address(option, address)
    return Engine(
        name=config.engine, address=config.engine_address, worker_pool=config.worker_pool, workers=config.workers
    )


def parse_address(what: str, address: str) -> tuple[str, int]:
    """Return host and port.

    Raises:
        ConfigError: It is no HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ConfigError(f"{what} {address}: expected HOST:PORT, such as localhost:8099.")
    return host, int(port)


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
            if not said.startswith(_SAID):
                raise EngineError(f"--engine {engine.name}: a pool of workers did not start here; the log says why.")
            yield replace(engine, worker_pool=said.removeprefix(_SAID).strip())
        finally:
            pool.terminate()
