"""Our commands against KFP's API server, and what it makes of them in Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from tests.kubeflow.argo import report, start_scheduled

CONFIG = """
host = "{host}"
image = "registry.example.com/fashion-mnist:1"
name = "nightly"
data = "/mnt/data/fashion-mnist"
service_account = "trainer"
cron = "30 2 * * 1-5"
serving = {{ claim = "models", mount_path = "/mnt/models" }}
data_volume = {{ claim = "images", mount_path = "/mnt/data" }}
gpu = {{ count = 1, image = "registry.example.com/fashion-mnist-gpu:1" }}
secrets = [{{ name = "bucket", key = "token", env = "BUCKET_TOKEN" }}]
"""


@pytest.fixture(scope="module")
def config(api: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "kubeflow.toml"
    path.write_text(CONFIG.format(host=api))
    return path


def invoke(command: str, config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["kubeflow", command, "--config", str(config), *map(str, arguments)])


def call(command: str, config: Path, *arguments: object) -> str:
    result = invoke(command, config, *arguments)
    assert result.exit_code == 0, result.stderr or result.exception
    return result.stdout


@pytest.fixture
def schedule(config: Path, kubernetes: Any) -> Iterator[dict[str, Any]]:
    """The ScheduledWorkflow that the command `schedule` makes."""
    assert "created" in call("schedule", config)
    yield get_schedule(kubernetes)
    call("delete", config)
    assert not kubernetes.list_kind("scheduledworkflows")


def get_schedule(kubernetes: Any) -> dict[str, Any]:
    (found,) = kubernetes.list_kind("scheduledworkflows")
    return found


def read_parameters(workflow: dict[str, Any]) -> dict[str, Any]:
    """Return what the workflow hands to the drivers: the platform's word on each stage, and its container."""
    listed = [(item["name"], item["value"]) for item in workflow["arguments"]["parameters"]]
    values = {name: json.loads(value) for name, value in listed}
    containers = {
        value["args"][value["args"].index("--stage") + 1]: value
        for name, value in values.items()
        if name.startswith("implementations-")
    }
    return {**values, "containers": containers}


def read_runtime(workflow: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the run."""
    (entry,) = (template for template in workflow["templates"] if template["name"] == workflow["entrypoint"])
    arguments = {
        item["name"]: item["value"] for task in entry["dag"]["tasks"] for item in task["arguments"]["parameters"]
    }
    return json.loads(arguments["runtime-config"])["parameterValues"]


def check_workflow(workflow: dict[str, Any], epochs: int) -> None:
    assert workflow["serviceAccountName"] == "trainer"
    assert read_runtime(workflow).items() >= {"epochs": epochs, "data": "/mnt/data/fashion-mnist"}.items()
    parameters = read_parameters(workflow)
    trainer, pusher = (parameters["containers"][name] for name in ("Trainer", "Pusher"))
    assert trainer["image"] == "registry.example.com/fashion-mnist-gpu:1"
    assert (
        trainer["resources"]["accelerator"].items() >= {"resourceType": "nvidia.com/gpu", "resourceCount": "1"}.items()
    )
    assert pusher["image"] == "registry.example.com/fashion-mnist:1"
    assert "accelerator" not in pusher["resources"]
    example_gen = parameters["kubernetes-comp-ExampleGen"]
    assert [(mount["constant"], mount["mountPath"]) for mount in example_gen["pvcMount"]] == [("images", "/mnt/data")]
    assert example_gen["secretAsEnv"][0]["secretName"] == "bucket"
    for stage in ("Baseline", "Pusher"):
        (mount,) = parameters[f"kubernetes-comp-{stage}"]["pvcMount"]
        assert (mount["constant"], mount["mountPath"]) == ("models", "/mnt/models")


def test_submit_makes_a_workflow_with_the_run_s_parameters(config, kubernetes):
    printed = call("submit", config, "--parameter", "epochs=3")
    (workflow,) = kubernetes.list_kind("workflows")
    check_workflow(workflow["spec"], epochs=3)
    run_id = printed.split()[1].rstrip(":")
    assert workflow["metadata"]["labels"]["pipeline/runid"] == run_id
    assert run_id in call("runs", config)
    assert call("logs-link", config, run_id).strip().endswith(f"/#/runs/details/{run_id}")


def test_the_report_is_a_hook_of_all_other_stages_which_argo_runs_whatever_became_of_them(config, kubernetes):
    call("submit", config)
    templates = kubernetes.list_kind("workflows")[-1]["spec"]["templates"]
    tasks = [task for template in templates for task in template.get("dag", {}).get("tasks", [])]
    hooks = {task["name"]: task["hooks"]["exit"]["template"] for task in tasks if "hooks" in task}
    assert hooks == {"Stages": "exit-hook-root-Report"}


def test_schedule_makes_a_scheduled_workflow_that_runs_one_at_a_time_and_catches_up_on_none(schedule):
    spec = schedule["spec"]
    assert spec["trigger"]["cronSchedule"]["cron"] == "0 30 2 * * 1-5"
    assert (spec["maxConcurrency"], spec["noCatchup"], spec["enabled"]) == (1, True, True)
    check_workflow(json.loads(spec["workflow"]["spec"])["spec"], epochs=10)


def test_the_same_schedule_again_changes_nothing(schedule, config, kubernetes):
    assert "unchanged" in call("schedule", config)
    assert get_schedule(kubernetes) == schedule


@pytest.mark.parametrize("change", [("--cron", "0 3 * * *"), ("--parameter", "epochs=4")])
def test_a_changed_schedule_is_replaced_and_that_is_told(schedule, config, kubernetes, change):
    assert "replaced" in call("schedule", config, *change)
    replaced = get_schedule(kubernetes)
    assert replaced["metadata"]["uid"] != schedule["metadata"]["uid"]
    cron = "0 0 3 * * *" if "--cron" in change else "0 30 2 * * 1-5"
    assert replaced["spec"]["trigger"]["cronSchedule"]["cron"] == cron
    epochs = 4 if "--parameter" in change else 10
    assert read_runtime(json.loads(replaced["spec"]["workflow"]["spec"])["spec"])["epochs"] == epochs


def test_a_schedule_is_paused_and_resumed(schedule, config, kubernetes):
    call("pause", config)
    assert not get_schedule(kubernetes)["spec"].get("enabled")
    assert call("schedules", config).split() == ["nightly", "30", "2", "*", "*", "1-5", "paused"]
    assert "unchanged" in call("schedule", config)
    call("resume", config)
    assert get_schedule(kubernetes)["spec"]["enabled"]
    assert call("schedules", config).split()[-1] == "runs"


@pytest.fixture
def run_at_work(schedule: dict[str, Any], api: str, kubernetes: Any) -> Iterator[str]:
    """A run that the schedule has started, in its second stage; at the end it has succeeded.

    The Kubernetes of these tests deletes nothing that belongs to what is deleted. So they look for the schedule, which
    has to be there for as long as its run is at work.
    """
    workflow = start_scheduled(kubernetes, schedule)
    yield report(api, workflow, "Running", {"ExampleGen": ("Succeeded", ""), "Trainer": ("Running", "")})
    report(api, workflow, "Succeeded", {"ExampleGen": ("Succeeded", ""), "Trainer": ("Succeeded", "")})


def test_a_schedule_with_a_run_at_work_is_not_deleted(config, kubernetes, schedule, run_at_work):
    result = invoke("delete", config)
    assert result.exit_code == 1
    assert f"not deleted, for its run {run_at_work} is at work" in result.stderr
    assert get_schedule(kubernetes) == schedule


def test_a_schedule_that_is_replaced_stays_paused_until_its_run_has_ended(config, kubernetes, schedule, run_at_work):
    assert f"replaced (the one before is paused, and goes with the next `schedule`: its run {run_at_work}" in call(
        "schedule", config, "--cron", "0 3 * * *"
    )
    specs = {each["metadata"]["uid"]: each["spec"] for each in kubernetes.list_kind("scheduledworkflows")}
    old = specs.pop(schedule["metadata"]["uid"])
    (new,) = specs.values()
    assert (bool(old.get("enabled")), new["enabled"], new["trigger"]["cronSchedule"]["cron"]) == (
        False, True, "0 0 3 * * *",
    )  # fmt: skip
    assert [line.split()[-1] for line in call("schedules", config).splitlines()] == ["runs", "replaced"]
    call("pause", config)
    call("resume", config)
    assert not kubernetes.list_kind("scheduledworkflows")[0]["spec"].get("enabled")


def test_a_schedule_is_deleted_when_its_run_has_ended(config, api, kubernetes, schedule):
    workflow = start_scheduled(kubernetes, schedule)
    report(api, workflow, "Running", {})
    call("schedule", config, "--cron", "0 3 * * *")
    assert len(kubernetes.list_kind("scheduledworkflows")) == 2
    report(api, workflow, "Failed", {"ExampleGen": ("Failed", "")})
    assert "unchanged" in call("schedule", config, "--cron", "0 3 * * *")
    assert get_schedule(kubernetes)["spec"]["trigger"]["cronSchedule"]["cron"] == "0 0 3 * * *"


def test_a_schedule_of_samples_is_paused_and_deleted_with_the_option_that_made_it(config, kubernetes):
    assert "Schedule sample: created" in call("schedule", config, "--data", "sample")
    assert "there is sample" in invoke("pause", config).stderr
    call("pause", config, "--data", "sample")
    assert not get_schedule(kubernetes)["spec"].get("enabled")
    call("delete", config, "--data", "sample")
    assert not kubernetes.list_kind("scheduledworkflows")


def test_a_schedule_that_kfp_refuses_leaves_the_old_one(schedule, config, kubernetes):
    result = invoke("schedule", config, "--cron", "0 3 * * 7")  # Sunday is 0 there
    assert result.exit_code == 1
    assert "400, it was refused" in result.stderr
    assert "above maximum (6)" in result.stderr
    assert get_schedule(kubernetes)["metadata"]["uid"] == schedule["metadata"]["uid"]


def test_what_is_not_there_is_told(config):
    for command, *arguments in (("pause",), ("resume",), ("delete",), ("logs-link", "no-such-run")):
        result = invoke(command, config, *arguments)
        assert result.exit_code == 1
        assert len(result.stderr.strip().splitlines()) == 1
