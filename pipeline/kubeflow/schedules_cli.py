"""The commands `kubeflow ...` about schedules."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from pipeline.commands.plain_text import show_line
from pipeline.kubeflow import options
from pipeline.kubeflow.options import takes_config

app = typer.Typer()


@app.command()
@takes_config("image", "parameter", "cron")
def schedule(settings: Any, /) -> None:
    """Make the schedule what the configuration says; where it is that already, do nothing.

    One that is replaced is deleted; while a run of it is at work, it is paused only, for with it Kubernetes would
    delete the run.
    """
    from pipeline.kubeflow.schedules import list_next_runs

    done = _find_schedules(settings).make(options.prepare_package(settings))
    print(f"Schedule {settings.pipeline_name}: {done}, {settings.cron} (UTC). The next runs, while it is not paused:")
    for start in list_next_runs(settings.cron, datetime.now(timezone.utc)):
        print(f"  {start:%a %d %b %Y %H:%M} UTC")


@app.command()
@takes_config()
def schedules(settings: Any, /) -> None:
    """List the schedules of the experiment."""
    from pipeline.kubeflow.schedules import is_enabled

    names: set[str] = set()
    found = _find_schedules(settings).list_all()
    if not found:
        print(f"No schedules in the experiment {settings.experiment}; schedule makes one.")
    for item in found:
        cron = (item.trigger and item.trigger.cron_schedule and item.trigger.cron_schedule.cron) or ""
        name = item.display_name or ""
        state = "replaced" if name in names else "runs" if is_enabled(item) else "paused"
        names.add(name)
        print(f"{show_line(name):<24}  {show_line(cron.partition(' ')[2]):<16}  {state}")


@app.command()
@takes_config()
def pause(settings: Any, /) -> None:
    """Stop the schedule from starting runs; one that is at work goes on."""
    _find_schedules(settings).pause()
    print(f"Schedule {settings.pipeline_name}: paused.")


@app.command()
@takes_config()
def resume(settings: Any, /) -> None:
    """Let the schedule start runs again."""
    _find_schedules(settings).resume()
    print(f"Schedule {settings.pipeline_name}: resumed.")


@app.command()
@takes_config()
def delete(
    settings: Any,
    /,
    wait: Annotated[bool, typer.Option("--wait", help="Pause it, and delete it when its run has ended.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete it at once, and with it a run at work.")] = False,
) -> None:
    """Delete the schedule. Runs that have ended stay; while one is at work, it is refused."""
    try:
        _find_schedules(settings).delete(force=force, wait=wait, tell=print)
    except KeyboardInterrupt:
        if wait:
            print(f"Schedule {settings.pipeline_name}: not deleted; where its run was waited for, it is paused.")
        raise
    print(f"Schedule {settings.pipeline_name}: deleted.")


def _find_schedules(settings: Any) -> Any:
    from pipeline.kubeflow.schedules import Schedules

    return Schedules(options.connect(settings))
