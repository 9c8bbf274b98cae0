"""The commands `kubeflow ...`. Only those that compile import TensorFlow and TFX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.declared import ConfigError

app = typer.Typer(help="Compile the pipeline for Kubeflow Pipelines, run it there, put it on a schedule.")

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="TOML file; see deploy/kubeflow.toml.")]
HostOption = Annotated[str | None, typer.Option("--host", help="Address of Kubeflow Pipelines.")]
ImageOption = Annotated[str | None, typer.Option("--image", help="Image of the stages, by tag or digest.")]
DataOption = Annotated[str | None, typer.Option("--data", help="Folder in the container, gs://, s3://, or sample.")]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="Another default for a parameter; may be repeated."),
]
CronOption = Annotated[str | None, typer.Option("--cron", help="Minute, hour, day, month, weekday; UTC.")]
DEFAULT_CONFIG = Path("kubeflow.toml")


@app.command("compile")
def compile_(
    to: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The file to write.")] = Path("pipeline.yaml"),
    config: ConfigOption = DEFAULT_CONFIG,
    image: ImageOption = None,
    data: DataOption = None,
    parameter: ParameterOption = None,
) -> None:
    """Write the pipeline as a YAML file that Kubeflow Pipelines takes. Needs no cluster."""
    with told_in_one_sentence():
        if to.suffix != ".yaml":
            raise ConfigError(f"{to}: expected a name that ends in .yaml; Kubeflow Pipelines takes no other.")
        to.write_text(_compile(_read(config, image=image, data=data, parameters=parameter)))
    print(f"{to}: upload it in the web page of Kubeflow Pipelines, or use: run_pipeline.py kubeflow submit")


@app.command()
def submit(
    config: ConfigOption = DEFAULT_CONFIG,
    host: HostOption = None,
    image: ImageOption = None,
    data: DataOption = None,
    parameter: ParameterOption = None,
) -> None:
    """Start one run now."""
    with told_in_one_sentence():
        settings = _read(config, host=host, image=image, data=data, parameters=parameter)
        client = _connect(settings)
        run_id = client.submit(_compile(settings))
        print(f"Run {run_id}: {client.make_link(run_id)}")


@app.command()
def schedule(
    config: ConfigOption = DEFAULT_CONFIG,
    host: HostOption = None,
    image: ImageOption = None,
    data: DataOption = None,
    parameter: ParameterOption = None,
    cron: CronOption = None,
) -> None:
    """Make the schedule what the configuration says; where it is that already, do nothing."""
    from pipeline.kubeflow.client import list_next_runs

    with told_in_one_sentence():
        settings = _read(config, host=host, image=image, data=data, parameters=parameter, cron=cron)
        done = _connect(settings).schedule(_compile(settings))
        print(
            f"Schedule {settings.pipeline_name}: {done}, {settings.cron} (UTC). The next runs, while it is not paused:"
        )
        for start in list_next_runs(settings.cron, datetime.now(timezone.utc)):
            print(f"  {start:%a %d %b %Y %H:%M} UTC")


@app.command()
def schedules(config: ConfigOption = DEFAULT_CONFIG, host: HostOption = None) -> None:
    """List the schedules of the experiment."""
    with told_in_one_sentence():
        for item in _connect(_read(config, host=host)).list_schedules():
            cron = (item.trigger and item.trigger.cron_schedule and item.trigger.cron_schedule.cron) or ""
            state = "runs" if item.status == "ENABLED" else "paused"
            print(f"{item.display_name or '':<24}  {cron.partition(' ')[2]:<16}  {state}")


@app.command()
def pause(config: ConfigOption = DEFAULT_CONFIG, host: HostOption = None) -> None:
    """Stop the schedule from starting runs."""
    with told_in_one_sentence():
        settings = _read(config, host=host)
        _tell(settings, _connect(settings).pause(), "paused")


@app.command()
def resume(config: ConfigOption = DEFAULT_CONFIG, host: HostOption = None) -> None:
    """Let the schedule start runs again."""
    with told_in_one_sentence():
        settings = _read(config, host=host)
        _tell(settings, _connect(settings).resume(), "resumed")


@app.command()
def delete(config: ConfigOption = DEFAULT_CONFIG, host: HostOption = None) -> None:
    """Delete the schedule; its runs stay."""
    with told_in_one_sentence():
        settings = _read(config, host=host)
        _tell(settings, _connect(settings).delete(), "deleted")


@app.command()
def runs(config: ConfigOption = DEFAULT_CONFIG, host: HostOption = None) -> None:
    """List the runs of the experiment, newest first."""
    with told_in_one_sentence():
        for item in _connect(_read(config, host=host)).list_runs():
            created = f"{item.created_at:%Y-%m-%dT%H:%M:%SZ}" if item.created_at else ""
            print(f"{item.run_id}  {created:<20}  {item.state or '':<10}  {item.display_name or ''}")


@app.command("logs-link")
def logs_link(
    run_id: Annotated[str, typer.Argument(help="As `runs` lists it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    host: HostOption = None,
) -> None:
    """Print the address of a run's page: graph, logs and report."""
    with told_in_one_sentence():
        print(_connect(_read(config, host=host)).make_link(run_id))


def _read(path: Path, parameters: list[str] | None = None, **options: Any) -> Any:
    from pipeline.kubeflow.config import parse_parameters, read_config

    return read_config(path, parameters=parse_parameters(parameters or []), **options)


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


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """Turn what the cluster or the configuration has against a command into a sentence and an exit code."""
    from pipeline.commands.exit_codes import ExitCode, fail
    from pipeline.kubeflow.client import KubeflowError

    try:
        yield
    except ConfigError as error:
        fail(error, ExitCode.BAD_INPUT)
    except KubeflowError as error:
        fail(error, ExitCode.ERROR)
