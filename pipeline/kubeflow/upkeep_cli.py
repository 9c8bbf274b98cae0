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


@app.command()
@takes_config("image")
def rollback(
    settings: Any,
    /,
    reason: Annotated[str, typer.Option(help="Why. Kept with the version for ever.")],
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="By default the last before, that was not taken back itself.")
    ] = None,
    wait: _WaitOption = True,
) -> None:
    """Go back to an earlier version: it is served again, under a new number, and the next run is compared with it."""
    from pipeline.reasons import read_reason

    arguments = ["--reason", read_reason(reason), *_give("--to", to)]
    _run(settings, "rollback", ["--data", settings.pipeline_name, *arguments], wait=wait)


@app.command()
@takes_config("image")
def clean(
    settings: Any,
    /,
    keep_versions: Annotated[int | None, typer.Option(metavar="N", help="Keep the N newest versions.")] = None,
    keep_days: Annotated[int | None, typer.Option(metavar="D", help="Keep the runs of the last D days.")] = None,
    free: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Remove more, until so much of the volume is free, such as 20GB.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, it is only listed.")] = False,
    wait: _WaitOption = True,
) -> None:
    """List, or remove, versions and runs on the volume that are no longer needed; a bucket has rules of its own."""
    from pipeline.commands.clean import read_limits

    read_limits(keep_versions, keep_days, free)
    limits = [*_give("--keep-versions", keep_versions), *_give("--keep-days", keep_days), *_give("--free", free)]
    arguments = ["--data", settings.pipeline_name, *limits, *(["--yes"] if yes else [])]
    _run(settings, "clean", arguments, wait=wait)


@app.command()
@takes_config("image")
def health(
    settings: Any,
    /,
    within: Annotated[str, typer.Option(metavar="TIME", help="How old the last good run may be: 26h, 90m, 2d.")],
    wait: _WaitOption = True,
) -> None:
    """Tell whether the last good run is recent enough and what is served is whole; exit code 1 where not."""
    from pipeline.quantities import parse_duration

    parse_duration(within, "--within")
    _run(settings, "health", ["--data", settings.pipeline_name, "--within", within], wait=wait)


def _give(option: str, value: object | None) -> list[str]:
    return [] if value is None else [option, str(value)]


def _run(settings: Any, command: str, arguments: Sequence[str], *, wait: bool) -> None:
    """Run a command of the command line in a pod, and end with its exit code."""
    from pipeline.kubeflow.upkeep import run_on_cluster

    raise typer.Exit(run_on_cluster(connect(settings), command, arguments, wait=wait))
