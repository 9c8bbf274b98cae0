"""What the API says of a run's stages: which have begun, since when, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

State = Literal["waiting", "running", "succeeded", "failed", "not run"]
_STATES: dict[str, State] = {
    "PENDING": "waiting",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELING": "running",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "not run",
    "FAILED": "failed",
    "CANCELED": "failed",
}
# Of each task of a pipeline, KFP makes a node `<task>-driver`, then one `<task>`, and in that the pod `executor`:
# https://github.com/kubeflow/pipelines/blob/2.17.0/backend/src/v2/compiler/argocompiler/dag.go
_DRIVER = "-driver"
# What consists of stages, and is none: the whole, and all stages but the one that comes after them in any case.
_GROUPS = {"root", "Stages"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of a run.

    Attributes:
        name: As in the pipeline.
        state: `waiting` for its pod or its driver, or what it is.
        started: When its driver did; None before.
        ended: When it ended; None before.
    """

    name: str
    state: State
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def seconds(self) -> float:
        """How long it took, its driver and its waiting included; 0 before it ended."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else 0.0


def read_stages(run: Any) -> list[Stage]:
    """Return the stages of a V2beta1Run that have begun, in the order in which they did."""
    tasks = {str(task.display_name): task for task in (run.run_details and run.run_details.task_details) or []}
    names = [name.removesuffix(_DRIVER) for name in tasks if name.endswith(_DRIVER)]
    stages = [_read_stage(name, tasks) for name in names if name not in _GROUPS]
    return sorted(stages, key=lambda stage: (stage.started is None, stage.started and stage.started.timestamp()))


def _read_stage(name: str, tasks: Mapping[str, Any]) -> Stage:
    driver, task = tasks[f"{name}{_DRIVER}"], tasks.get(name)
    state = _STATES.get(str((task or driver).state), "running")
    if task is None and state == "succeeded":
        state = "running"  # its driver has done its part
    ended = _read_time((task or driver).end_time) if state not in ("waiting", "running") else None
    return Stage(name=name, state=state, started=_read_time(driver.start_time), ended=ended)


def _read_time(time: datetime | None) -> datetime | None:
    """Return a time; what has not come to pass has that of the year 1."""
    return time if time and time.year > 1970 else None
