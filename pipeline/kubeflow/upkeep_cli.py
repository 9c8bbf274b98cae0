"""The commands `kubeflow ...` about what is pushed on a cluster's volume: those of the same names here, run there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pipeline.kubeflow.options import connect, takes_config

app = typer.Typer()

_WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for its end, and print what it says.")]


@app.command()
@takes_config("image")
def versions(settings: Any, /, wait: _WaitOption = True) -> None:
    """List and verify the versions on the volume, as `verify` does here; exit code 1 where one is damaged."""
    _run(settings, "verify", ["--data", settings.pipeline_name], wait=wait)


@app.command()
@takes_config("image")
def promote(
    settings: Any,
    /,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run whose model was not blessed.")],
    reason: Annotated[str, typer.Option(help="Why it ships all the same. Kept with the model for ever.")],
    wait: _WaitOption = True,
) -> None:
    """Push the model of a run in spite of the gate, for a reason."""
    from pipeline.kubeflow.upkeep import promote_on_cluster

    raise typer.Exit(promote_on_cluster(connect(settings), run_id, reason, wait=wait))


def _run(settings: Any, command: str, arguments: Sequence[str], *, wait: bool) -> None:
    """Run a command of the command line in a pod, and end with its exit code."""
    from pipeline.kubeflow.upkeep import run_on_cluster

    raise typer.Exit(run_on_cluster(connect(settings), command, arguments, wait=wait))
