"""The schedule of the pipeline: made, replaced, paused and deleted without losing a run that it has at work.

Kubernetes deletes a schedule's runs with it: one at work would vanish, and the API would list it as running for ever.
So a schedule with a run at work is not deleted. One that is replaced is paused, and goes when its run has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import kfp_server_api as api
from croniter import croniter

from pipeline.kubeflow.client import ENDED, Client, list_pages
from pipeline.kubeflow.patience import POLL_SECONDS, ask_patiently
from pipeline.kubeflow.transport import KubeflowError


class Schedules:
    """The schedules of an experiment; of several of one name, the newest counts, and the others were replaced by it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._service = api.RecurringRunServiceApi(client.transport)

    def list_all(self) -> list[Any]:
        """Return the schedules of the experiment, newest first, as V2beta1RecurringRun."""
        ask = self._service.recurring_run_service_list_recurring_runs
        query = {"experiment_id": self._client.find_experiment(), "sort_by": "created_at desc"}
        return list(list_pages("recurring_runs", ask, **query))

    def find(self) -> list[Any]:
        """Return the schedule of this pipeline, and those behind it that it replaced.

        Raises:
            KubeflowError: There is none.
        """
        config, listed = self._client.config, self.list_all()
        found = [each for each in listed if each.display_name == config.pipeline_name]
        if not found:
            names = sorted({str(each.display_name) for each in listed})
            there = f"there is {', '.join(names)}" if names else "there is none at all"
            raise KubeflowError(
                f"no schedule {config.pipeline_name} in the experiment {config.experiment}, {there}; "
                "start one with schedule, or name its --data"
            )
        return found

    def make(self, package: str) -> str:
        """Make the schedule what the configuration says.

        Returns:
            What was done: `created`, `unchanged` or `replaced`, and what became of the one that was replaced.
        """
        config = self._client.config
        wanted = api.V2beta1RecurringRun(
            display_name=config.pipeline_name,
            max_concurrency="1",
            no_catchup=True,
            trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=to_six_fields(config.cron))),
            mode=api.RecurringRunMode.ENABLE if config.enabled else api.RecurringRunMode.DISABLE,
            **self._client.describe_run(package, config.pipeline_name, {}),
        )
        existing = [each for each in self.list_all() if each.display_name == config.pipeline_name]
        if existing and _is_same(existing[0], wanted):
            done, replaced = "unchanged", existing[1:]
        else:
            # First the new one, then the old ones away: whatever fails between, there is a schedule.
            created = self._service.recurring_run_service_create_recurring_run(wanted)
            self._client.get_id(created, "recurring_run_id")
            done, replaced = "replaced" if existing else "created", existing
        kept = [run for schedule in replaced for run in self._retire(schedule)]
        if not kept:
            return done
        return f"{done} (the one before is paused, and goes with the next `schedule`: {_name_runs(kept)})"

    def pause(self) -> None:
        """Stop the schedule from starting runs; one that it has at work goes on."""
        for schedule in self.find():
            self._pause(schedule)

    def resume(self) -> None:
        """Let the schedule start runs again."""
        newest = self.find()[0]
        self._service.recurring_run_service_enable_recurring_run(self._get_id(newest))

    def delete(self, *, force: bool, wait: bool, tell: Callable[[str], None]) -> None:
        """Delete the schedule.

        Args:
            force: Also where a run is at work, which is lost with it.
            wait: Pause it, and delete it when its run has ended.
            tell: Is told what is waited for.

        Raises:
            KubeflowError: There is none, or it has a run at work and neither was asked for.
        """
        schedules = self.find()
        at_work = [] if force else self._find_at_work(schedules)
        if at_work and not wait:
            raise KubeflowError(
                f"schedule {self._client.config.pipeline_name}: not deleted, for {_name_runs(at_work)}, and Kubernetes "
                "would delete that with it; --wait deletes it afterwards, --force at once, with the run"
            )
        if at_work:
            self.pause()
            tell(f"Paused, and deleted as soon as its run has ended: {_name_runs(at_work)}.")
        while at_work:
            time.sleep(POLL_SECONDS)
            at_work = ask_patiently(lambda: self._find_at_work(schedules), tell)
        for schedule in schedules:
            self._service.recurring_run_service_delete_recurring_run(self._get_id(schedule))

    def _retire(self, schedule: Any) -> list[Any]:
        """Pause a schedule that was replaced, and delete it if it has no run at work; return those that it has."""
        self._pause(schedule)
        at_work = self._find_at_work([schedule])
        if not at_work:
            self._service.recurring_run_service_delete_recurring_run(self._get_id(schedule))
        return at_work

    def _pause(self, schedule: Any) -> None:
        if is_enabled(schedule):
            self._service.recurring_run_service_disable_recurring_run(self._get_id(schedule))

    def _find_at_work(self, schedules: Sequence[Any]) -> list[Any]:
        """Return the runs of these schedules that have not ended."""
        return [
            run
            for schedule in schedules
            for run in self._client.list_runs(recurring_run_id=self._get_id(schedule))
            if run.state not in ENDED
        ]

    def _get_id(self, schedule: Any) -> str:
        return self._client.get_id(schedule, "recurring_run_id")


def is_enabled(schedule: Any) -> bool:
    """Tell whether a schedule starts runs."""
    return bool(schedule.status == "ENABLED")


def to_six_fields(cron: str) -> str:
    """Put the seconds in front: KFP takes five fields for six and would run every hour."""
    return f"0 {cron}"


def list_next_runs(cron: str, start: datetime, count: int = 3) -> list[datetime]:
    """Return when a five-field cron expression starts the next runs after `start`; UTC."""
    times = croniter(cron, start.astimezone(timezone.utc))
    return [times.get_next(datetime) for _ in range(count)]


def _name_runs(runs: Sequence[Any]) -> str:
    names = ", ".join(str(run.run_id) for run in runs)
    return f"its run {names} is at work" if len(runs) == 1 else f"its runs {names} are at work"


def _is_same(schedule: Any, wanted: Any) -> bool:
    """Tell whether a schedule does what is wanted, whether it is paused or not."""

    def describe(values: Any) -> list[str]:
        return [
            values.pipeline_version_reference.pipeline_version_id,
            values.trigger.cron_schedule.cron,
            (values.runtime_config and values.runtime_config.pipeline_root) or "",
            # A cluster fills in its own account where none is asked for.
            (wanted.service_account and values.service_account) or "",
        ]

    try:
        return describe(schedule) == describe(wanted)
    except AttributeError:  # a schedule that somebody else made, of another kind
        return False
