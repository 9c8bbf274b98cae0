"""An engine that Beam's stages run on, and what Beam has to be told of it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.config import PipelineConfig
from pipeline.declared import ConfigError

DIRECT = "direct"
WORKERS_AT = "Workers at "  # so a pool says that it can give workers, before its address
# How long Beam waits for an answer, and with Prism, by a fault of Beam's, for the end of a job.
_SECONDS_TO_ANSWER = {"flink": 15, "prism": 24 * 3600}
_HIGHEST_PORT = 65_535


class EngineError(RuntimeError):
    """The engine, or its workers, can't be used; the message says where, why, and what to do."""


class NoJobServerError(EngineError):
    """Nothing answers at the engine's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Where stages run.

    Attributes:
        name: As `--engine` has it.
        address: HOST:PORT of Beam's job server.
        worker_pool: HOST:PORT at which each machine of the engine finds a pool of workers; "" for none.
        asked_pool: HOST:PORT at which this machine finds one of them.
        workers: How many work at once.
    """

    name: str
    address: str
    worker_pool: str
    asked_pool: str
    workers: int

    def list_arguments(self, stage: str) -> list[str]:
        """Return Beam's arguments for a stage."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint={self.address}",
            f"--job_server_timeout={_SECONDS_TO_ANSWER[self.name]}",
            f"--job_name={stage.lower()}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self.worker_pool}",
            f"--parallelism={self.workers}",
            "--environment_cache_millis=1000",  # else what is started anew is given to a worker that was lost
            "--sdk_container_image=none",  # where none is named, TFX packs itself for workers that lack it
        ]


def choose_engine(config: PipelineConfig) -> Engine | None:
    """Return the engine that the options name; None for Beam's runner in this process.

    Raises:
        ConfigError: The options do not go together, or an address is none.
    """
    addresses = {
        "--engine-address": config.engine_address,
        "--worker-pool": config.worker_pool,
        "--asked-pool": config.asked_pool,
    }
    given = {option: address for option, address in addresses.items() if address}
    if config.engine == DIRECT:
        for option, address in given.items():
            raise ConfigError(f"{option} {address}: expected --engine flink or prism beside it.")
        return None
    if not config.engine_address:
        raise ConfigError(f"--engine {config.engine}: expected --engine-address HOST:PORT, that of Beam's job server.")
    for option, address in given.items():
        parse_address(option, address)
    if config.asked_pool and not config.worker_pool:
        raise ConfigError(f"--asked-pool {config.asked_pool}: expected --worker-pool HOST:PORT beside it.")
    return Engine(
        name=config.engine,
        address=config.engine_address,
        worker_pool=config.worker_pool,
        asked_pool=config.asked_pool or config.worker_pool,
        workers=config.workers,
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
