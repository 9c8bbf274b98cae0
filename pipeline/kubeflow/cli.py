"""The commands `kubeflow ...`. Only those that compile import TensorFlow and TFX."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from pipeline.commands.run_options import add_options
from pipeline.declared import ConfigError

app = typer.Typer(help="Compile the pipeline for Kubeflow Pipelines, run it there, put it on a schedule.")

Command: TypeAlias = Callable[..., None]
_CONFIG = Annotated[Path, typer.Option(metavar="FILE", help="TOML file; see deploy/kubeflow.toml.")]
# What takes the place of what the file says.
_OPTIONS: dict[str, Any] = {
    "host": Annotated[str | None, typer.Option(help="Address of Kubeflow Pipelines.")],
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


@app.command("compile")
@takes_config("image", "parameter")
def compile_(
    settings: Any,
    /,
    to: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The file to write.")] = Path("pipeline.yaml"),
) -> None:
    """Write the pipeline as a YAML file that Kubeflow Pipelines takes. Needs no cluster."""
    if to.suffix != ".yaml":
        raise ConfigError(f"{to}: expected a name that ends in .yaml; Kubeflow Pipelines takes no other.")
    to.write_text(_compile(settings))
    print(f"{to}: upload it in the web page of Kubeflow Pipelines, or use: run_pipeline.py kubeflow submit")


@app.command()
@takes_config("image", "parameter")
def submit(settings: Any, /) -> None:
    """Start one run now."""
    client = _connect(settings)
    run_id = client.submit(_compile(settings))
    print(f"Run {run_id}: {client.make_link(run_id)}")


@app.command()
@takes_config("image", "parameter", "cron")
def schedule(settings: Any, /) -> None:
    """Make the schedule what the configuration says; where it is that already, do nothing."""
    from pipeline.kubeflow.client import list_next_runs

    done = _connect(settings).schedule(_compile(settings))
    print(f"Schedule {settings.pipeline_name}: {done}, {settings.cron} (UTC). The next runs, while it is not paused:")
    for start in list_next_runs(settings.cron, datetime.now(timezone.utc)):
        print(f"  {start:%a %d %b %Y %H:%M} UTC")


@app.command()
@takes_config()
def schedules(settings: Any, /) -> None:
    """List the schedules of the experiment."""
    for item in _connect(settings).list_schedules():
        cron = (item.trigger and item.trigger.cron_schedule and item.trigger.cron_schedule.cron) or ""
        state = "runs" if item.status == "ENABLED" else "paused"
        print(f"{item.display_name or '':<24}  {cron.partition(' ')[2]:<16}  {state}")


@app.command()
@takes_config()
def pause(settings: Any, /) -> None:
    """Stop the schedule from starting runs."""
    _tell(settings, _connect(settings).pause(), "paused")


@app.command()
@takes_config()
def resume(settings: Any, /) -> None:
    """Let the schedule start runs again."""
    _tell(settings, _connect(settings).resume(), "resumed")


@app.command()
@takes_config()
def delete(settings: Any, /) -> None:
    """Delete the schedule; its runs stay."""
    _tell(settings, _connect(settings).delete(), "deleted")


@app.command()
@takes_config()
def runs(settings: Any, /) -> None:
    """List the runs of the experiment, newest first."""
    for item in _connect(settings).list_runs():
        created = f"{item.created_at:%Y-%m-%dT%H:%M:%SZ}" if item.created_at else ""
        print(f"{item.run_id}  {created:<20}  {item.state or '':<10}  {item.display_name or ''}")


@app.command("logs-link")
@takes_config()
def logs_link(settings: Any, /, run_id: Annotated[str, typer.Argument(help="As `runs` lists it.")]) -> None:
    """Print the address of a run's page: graph, logs and report."""
    print(_connect(settings).make_link(run_id))


def _compile(settings: Any) -> str:
    from pipeline.commands.console import hide_output
    from pipeline.environment import prepare_environment

    prepare_environment()
    with hide_output():  # of TensorFlow, which tells of itself; what is wrong is raised
        from pipeline.kubeflow.compile import compile_pipeline

        return compile_pipeline(settings)


def _connect(settings: Any) -> Any:
    from pipeline.kubeflow.client import Client

    return Client(settings)


def _tell(settings: Any, count: int, done: str) -> None:
    from pipeline.kubeflow.client import KubeflowError

    if not count:
        raise KubeflowError(
            f"no schedule {settings.pipeline_name} in the experiment {settings.experiment}; start one with schedule"
        )
    print(f"Schedule {settings.pipeline_name}: {done}.")
