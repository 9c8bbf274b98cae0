"""The command `rollback`: a person goes back to an earlier version, and the reason stays with it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from components.serving.history import describe_served, read_history
from components.serving.manifest import ServingError
from components.serving.rollback import roll_back
from components.serving.versions import get_pushed_version
from pipeline.commands.console import Terminal
from pipeline.commands.history import refresh_history
from pipeline.data_sets import choose_pushed, find_serving_dir
from pipeline.reasons import read_reason


def roll_back_version(output: Path, to: int | None, reason: str, *, data: str | None, as_json: bool) -> None:
    """Bring an earlier version back, and print what is served now.

    Raises:
        ReasonError: The reason is none that could be kept.
        UnknownDataError: No model is pushed, or it is not said of which data.
        RollbackError: There is no such version to go back to.
        ServingError: It is damaged, or the serving directory can't be read or written.
    """
    reason = read_reason(reason)
    serving_dir = find_serving_dir(output, data).resolve()
    push = roll_back(serving_dir, to, reason)
    refresh_history(output)
    path = serving_dir / str(push.version)
    if as_json:
        print(json.dumps({"data": serving_dir.parent.name, "path": str(path), **asdict(push)}))
        return
    console = Terminal(soft_wrap=True)
    console.print(
        Text(f"Rolled back: version {push.version} is served now, which is version {push.restores} again: {path}")
    )
    console.print(Text("The next run is compared with it. What was taken back is not pushed again without --accept."))


def list_rollbacks(output: Path, data: str | None) -> dict[str, str]:
    """Return of each data set, or of one, whose served version was brought back which that is, when, and why."""
    told = {}
    for name in (each for each in choose_pushed(output, None) if data in (None, each)):
        serving_dir = output / name / "serving"
        try:
            told[name] = describe_served(read_history(serving_dir), get_pushed_version(serving_dir))
        except ServingError as error:
            told[name] = str(error)
    return {name: served for name, served in told.items() if served}
