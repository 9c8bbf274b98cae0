"""What the commands `kubeflow ...` share: the options that make their configuration, the package, the connection."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import wraps
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from pipeline.commands.plain_text import show_line
from pipeline.commands.run_options import add_options

Command: TypeAlias = Callable[..., None]
_CONFIG = Annotated[Path, typer.Option(metavar="FILE", help="TOML file; see deploy/kubeflow.toml.")]
_OPTIONS: dict[str, Any] = {
    "host": Annotated[str | None, typer.Option(help="Address of Kubeflow Pipelines' web page.")],
    "data": Annotated[str | None, typer.Option(help="Folder in the container, gs://, s3://, or sample.")],
    "image": Annotated[str | None, typer.Option(help="Image of the stages, by tag or digest.")],
    "parameter": Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another default for a parameter; may be repeated.")
    ],
    "cron": Annotated[str | None, typer.Option(help="Minute, hour, day, month, weekday; UTC.")],
}
_OF_ALL = ("host", "data")


def takes_config(*more: str) -> Callable[[Command], Command]:
    """Hand a command the configuration that `--config`, `--host`, `--data` and `more` options make."""
    names = (*_OF_ALL, *more)

    def decorate(command: Command) -> Command:
        @wraps(command)
        def start(config: Path, **given: Any) -> None:
            from pipeline.kubeflow.config import parse_parameters, read_config

            replaced = {name: given.pop(name) for name in names}
            parameters = parse_parameters(replaced.pop("parameter", None) or [])
            command(read_config(config, parameters=parameters, **replaced), **given)

        options = {name: (_OPTIONS[name], None) for name in names}
        return add_options(start, {"config": (_CONFIG, Path("kubeflow.toml")), **options})

    return decorate


def compile_package(settings: Any) -> str:
    """Compile the pipeline for a cluster, in a process of its own: what TensorFlow prints, until it ends, is not shown.

    And a command that then watches a run for an hour has no TensorFlow in its memory.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_say_nothing) as pool:
        return pool.submit(_compile, settings).result()


def prepare_package(settings: Any) -> str:
    """Compile the pipeline, and warn on standard error of stages that no node of the cluster has room for."""
    from pipeline.kubeflow.nodes import warn_of_too_large

    package = compile_package(settings)
    for warning in warn_of_too_large(package):
        print(f"Warning: {show_line(warning)}.", file=sys.stderr)
    return package


def _say_nothing() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


def _compile(settings: Any) -> str:
    from pipeline.environment import prepare_environment

    prepare_environment()
    from pipeline.kubeflow.compile import compile_pipeline

    return compile_pipeline(settings)


def connect(settings: Any) -> Any:
    """Make the client that asks the host of a configuration."""
    from pipeline.kubeflow.client import Client

    return Client(settings)
