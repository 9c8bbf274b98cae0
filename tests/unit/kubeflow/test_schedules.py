"""A schedule is made, replaced and deleted, and no run that it has at work is lost."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.kubeflow import patience
from pipeline.kubeflow.schedules import list_next_runs, to_six_fields
from tests.unit.kubeflow.gateway import Gateway, invoke, reply

RUN = "5a8f6a6e-1111"


class Api:
    """As much of Kubeflow's API as schedules need: it keeps them, and gives the runs that it is told to."""

    def __init__(self) -> None:
        self.schedules: list[dict[str, Any]] = []
        self.runs: dict[str, list[str]] = {}
        self.made = 0

    def add(self, name: str, cron: str = "0 0 2 * * *", status: str = "ENABLED") -> str:
        self.made += 1
        number = f"schedule-{self.made}"
        trigger = {"cron_schedule": {"cron": cron}}
        self.schedules.insert(
            0, {"recurring_run_id": number, "display_name": name, "trigger": trigger, "status": status}
        )
        return number

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        reply(200, json.dumps(self._answer(handler.command, handler.path)))(handler)

    def _answer(self, method: str, path: str) -> dict[str, Any]:
        url = urlsplit(path)
        number, _, verb = url.path.rpartition("/")[2].partition(":")
        if "recurringruns" not in path and "/runs" not in path:
            found = {"experiment_id": "e", "pipeline_id": "p", "pipeline_version_id": "v", "display_name": "x"}
            return {"experiments": [found], "pipelines": [found], "pipeline_versions": [], **found}
        if "/runs" in url.path:
            (wanted,) = json.loads(parse_qs(url.query)["filter"][0])["predicates"]
            states = self.runs.get(wanted["string_value"], [])
            return {
                "runs": [{"run_id": RUN, "state": states.pop(0) if len(states) > 1 else states[0]}] if states else []
            }
        if method == "POST" and not verb:
            return {"recurring_run_id": self.add("sample")}
        if method == "DELETE":
            self.schedules = [each for each in self.schedules if each["recurring_run_id"] != number]
        for each in self.schedules:
            if each["recurring_run_id"] == number and verb:
                each["status"] = {"enable": "ENABLED", "disable": "DISABLED"}[verb]
        return {"recurringRuns": self.schedules}

    def list(self) -> list[tuple[str, str]]:
        return [(each["recurring_run_id"], each["status"]) for each in self.schedules]


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def host(serve, api: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(patience, "POLL_SECONDS", 0)
    monkeypatch.setattr("pipeline.kubeflow.schedules.POLL_SECONDS", 0)
    gateway: Gateway = serve(api)
    return ["--host", gateway.address]


def test_one_that_is_replaced_while_its_run_is_at_work_is_paused_and_stays(api, host, config):
    old = api.add("sample", cron="0 0 4 * * *")
    api.runs[old] = ["RUNNING"]
    result = invoke(config, "schedule", *host)
    assert result.exit_code == 0, result.stderr
    assert f"replaced (the one before is paused, and goes with the next `schedule`: its run {RUN} is at work)" in (
        result.stdout
    )
    assert api.list() == [("schedule-2", "ENABLED"), (old, "DISABLED")]


def test_the_next_schedule_deletes_what_was_replaced_when_its_run_has_ended(api, host, config):
    old = api.add("sample", status="DISABLED")
    current = api.add("sample")
    api.schedules[0] |= {"pipeline_version_reference": {"pipeline_version_id": "v"}}
    api.runs[old] = ["SUCCEEDED"]
    assert "unchanged" in invoke(config, "schedule", *host).stdout
    assert api.list() == [(current, "ENABLED")]


def test_resume_starts_only_the_newest_and_schedules_says_which_was_replaced(api, host, config):
    old = api.add("sample", status="DISABLED")
    api.add("sample", status="DISABLED")
    invoke(config, "resume", *host)
    assert api.list() == [("schedule-2", "ENABLED"), (old, "DISABLED")]
    listed = invoke(config, "schedules", *host).stdout.splitlines()
    assert [line.split()[-1] for line in listed] == ["runs", "replaced"]


def test_one_with_a_run_at_work_is_not_deleted_and_the_run_is_named(api, host, config):
    number = api.add("sample")
    api.runs[number] = ["PENDING"]
    result = invoke(config, "delete", *host)
    assert result.exit_code == 1
    assert f"not deleted, for its run {RUN} is at work" in result.stderr
    assert "--force" in result.stderr
    assert api.list() == [(number, "ENABLED")]


def test_delete_waits_for_the_run_where_it_is_asked_to_and_nothing_new_starts_meanwhile(api, host, config):
    number = api.add("sample")
    api.runs[number] = ["RUNNING", "RUNNING", "FAILED"]
    result = invoke(config, "delete", "--wait", *host)
    assert result.exit_code == 0, result.stderr
    assert f"Paused, and deleted as soon as its run has ended: its run {RUN} is at work." in result.stdout
    assert api.list() == []


def test_delete_by_force_asks_for_no_runs(api, host, config):
    api.runs[api.add("sample")] = ["RUNNING"]
    assert invoke(config, "delete", "--force", *host).exit_code == 0
    assert api.list() == []


@pytest.mark.parametrize("command", ["pause", "resume", "delete"])
def test_data_on_the_command_line_names_the_schedule_that_it_made(api, host, config, command):
    api.add("sample")
    missing = invoke(config, command, *host, "--data", "/mnt/data/fashion-mnist")
    assert missing.exit_code == 1
    assert missing.stderr.startswith(
        "Error: no schedule fashion-mnist in the experiment fashion-mnist, there is sample;"
    )
    found = invoke(config, command, *host, "--data", "sample")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("Schedule sample: ")


def test_what_is_not_told_is_left_empty(serve, config):
    cron = {"trigger": {"cron_schedule": {"cron": "0 0 2 * * *"}}, "status": "ENABLED", "display_name": "nightly"}
    body = {
        "experiments": [{"experiment_id": "1"}],
        "recurringRuns": [cron, {"trigger": {"periodic_schedule": {"interval_second": "60"}}}],
    }
    listed = invoke(config, "schedules", "--host", serve(reply(200, json.dumps(body))).address).stdout.splitlines()
    assert [line.split() for line in listed] == [["nightly", "0", "2", "*", "*", "*", "runs"], ["paused"]]


def test_cron_gets_its_seconds_and_says_when_it_runs():
    assert to_six_fields("0 2 * * *") == "0 0 2 * * *"
    start = datetime(2026, 3, 28, 1, 30, tzinfo=timezone.utc)
    assert [f"{time:%d %H:%M %Z}" for time in list_next_runs("0 2 * * *", start)] == [
        "28 02:00 UTC", "29 02:00 UTC", "30 02:00 UTC",
    ]  # fmt: skip
