"""The commands `kubeflow ...` about runs, and all others. Only those that compile import TensorFlow and TFX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.plain_text import show_controls, show_line
from pipeline.declared import ConfigError
from pipeline.kubeflow import options, schedules_cli, upkeep_cli
from pipeline.kubeflow.options import connect, takes_config

app = typer.Typer(help="Compile the pipeline for Kubeflow Pipelines, run it there, watch it, put it on a schedule.")

_RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="As `runs` lists it.")]
_JsonOption = Annotated[bool, typer.Option("--json", help="Print the verdict as JSON, and nothing else.")]


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
    to.write_text(options.compile_package(settings))
    print(f"{to}: upload it in the web page of Kubeflow Pipelines, or use: run_pipeline.py kubeflow submit")


@app.command()
@takes_config("image", "parameter")
def submit(
    settings: Any,
    /,
    wait: Annotated[bool, typer.Option("--wait", help="Show the run until it ends, and end as it does.")] = False,
    as_json: _JsonOption = False,
) -> None:
    """Start one run now.

    With --wait, exit codes are those of a local run: 0 pushed or nothing to do; 1 error; 3 the model was not blessed;
    4 the data was rejected; 130 interrupted, and the run goes on.
    """
    client = connect(settings)
    run_id = client.submit(options.prepare_package(settings))
    if wait:
        _watch(client, run_id, as_json=as_json)
    else:
        print(f"Run {run_id}: {client.make_link(run_id)}")


@app.command()
@takes_config()
def watch(settings: Any, /, run_id: _RunArgument, as_json: _JsonOption = False) -> None:
    """Show a run until it ends: its stages, what they wait for, and the verdict; the exit code is a local run's."""
    _watch(connect(settings), run_id, as_json=as_json)


@app.command()
@takes_config()
def terminate(settings: Any, /, run_id: _RunArgument) -> None:
    """Stop a run that is at work; what it has pushed stays."""
    client = connect(settings)
    state = client.read_run(run_id).state
    if _has_ended(state):
        print(f"Run {run_id}: it has ended already, {state}.")
    else:
        client.terminate(run_id)
        print(f"Run {run_id}: terminated.")


@app.command()
@takes_config()
def logs(
    settings: Any,
    /,
    run_id: _RunArgument,
    stage: Annotated[
        str | None, typer.Argument(metavar="[STAGE]", help="By default the one that failed, else the last.")
    ] = None,
) -> None:
    """Print what a stage of a run has printed, while Kubernetes keeps its pod."""
    from pipeline.kubeflow.logs import read_log

    name, log = read_log(connect(settings), run_id, stage)
    print(f"{name}:", file=sys.stderr)
    print(show_controls(log), end="")


@app.command()
@takes_config()
def runs(
    settings: Any, /, last: Annotated[int | None, typer.Option("--last", metavar="N", min=1, help="How many.")] = None
) -> None:
    """List the runs of the experiment, newest first, with verdict, accuracy and version."""
    from pipeline.kubeflow.history import print_runs

    client = connect(settings)
    found = client.list_runs(last)
    if not found:
        print(f"No runs in the experiment {settings.experiment}; submit starts one.")
    elif trouble := print_runs(client, found):
        print(show_line(f"No verdicts: {trouble}."), file=sys.stderr)


@app.command()
@takes_config()
def report(
    settings: Any,
    /,
    run_id: _RunArgument,
    to: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="By default report-RUN.html; - is standard output.")
    ] = None,
) -> None:
    """Fetch the page of a run."""
    from components.serving.versions import replace_file
    from pipeline.kubeflow.history import fetch_report

    page = fetch_report(connect(settings), run_id)
    path = to or Path(f"report-{run_id}.html")
    if str(path) == "-":
        print(page)
    else:
        replace_file(path, page)
        print(path)


@app.command("logs-link")
@takes_config()
def logs_link(settings: Any, /, run_id: _RunArgument) -> None:
    """Print the address of a run's page: graph, logs and report."""
    client = connect(settings)
    client.read_run(run_id)
    print(client.make_link(run_id))


def _has_ended(state: str | None) -> bool:
    from pipeline.kubeflow.client import ENDED

    return state in ENDED


def _watch(client: Any, run_id: str, *, as_json: bool) -> None:
    from pipeline.kubeflow.watch import watch_run

    raise typer.Exit(watch_run(client, run_id, as_json=as_json))


app.add_typer(schedules_cli.app)
app.add_typer(upkeep_cli.app)
