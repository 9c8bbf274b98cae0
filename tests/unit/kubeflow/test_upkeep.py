"""A command on the cluster's volume is submitted, waited for, and told as if it ran here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.kubeflow import watch
from tests.unit.kubeflow.answers import RUN, make_manifest, make_metadata, make_run
from tests.unit.kubeflow.gateway import Gateway, invoke, reply_by_path

MADE = {"experiment_id": "e", "pipeline_id": "p", "pipeline_version_id": "v", "display_name": "x", "run_id": RUN}
LOG = "I1126 launcher\n----- run_pipeline.py {}\n{}\n----- exit code {}\nF1126 launcher\n"
PROMOTABLE = [
    "Trainer.model", "ExampleGen.examples", "DataValidator.validation", "Evaluator.blessing", "Pusher.pushed_model",
]  # fmt: skip


@pytest.fixture
def start(serve, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts a gateway where a command has ended so."""
    monkeypatch.setattr(watch, "POLL_SECONDS", 0)

    def start(command: str, state: str, log: str, **more: Any) -> Gateway:
        listed = {"experiments": [MADE], "pipelines": [MADE], "pipeline_versions": [], **MADE}
        answers = {
            **more, f"GET /apis/v2beta1/runs/{RUN}": make_run(state, (command, state)),
            "v1beta1": make_manifest(command, "Failed"), "/log": log, "/apis/v2beta1": listed,
        }  # fmt: skip
        return serve(reply_by_path(answers))

    return start


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_versions_are_told_with_the_exit_code_of_the_pod(start, config, state, code):
    gateway = start("verify", state, LOG.format("verify", "sample version 1: damaged", code))
    result = invoke(config, "versions", "--host", gateway.address)
    assert (result.exit_code, result.stdout) == (code, "sample version 1: damaged\n")
    assert "verify" in result.stderr
    asked = [path for method, path, _ in gateway.requests if method == "POST"]
    assert any("upload_version?name=sample-verify-" in path for path in asked)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rollback", "--reason", "bags  as sandals"], ["--reason", "bags as sandals"]),
        (["rollback", "--to", "3", "--reason", "good"], ["--reason", "good", "--to", "3"]),
        (["clean", "--keep-versions", "5", "--free", "20GB"], ["--keep-versions", "5", "--free", "20GB"]),
        (["clean", "--keep-days", "0", "--yes"], ["--keep-days", "0", "--yes"]),
        (["health", "--within", "26h"], ["--within", "26h"]),
    ],
)
def test_a_command_gets_its_options_in_the_pod(start, config, arguments, line):
    command = arguments[0]
    gateway = start(command, "SUCCEEDED", LOG.format(command, "done", 0))
    result = invoke(config, *arguments, "--host", gateway.address)
    assert (result.exit_code, result.stdout) == (0, "done\n"), result.stderr
    body = next(body for body in gateway.bodies if b"runtime_config" in body)
    given = json.loads(json.loads(body)["runtime_config"]["parameters"]["arguments"])
    assert given == [command, "--data", "sample", *line, "--output", "/mnt/models"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rollback", "--reason", " "], '--reason "": expected a sentence'),
        (["clean"], "for what is to stay"),
        (["clean", "--free", "much"], "--free"),
        (["health", "--within", "soon"], "--within"),
    ],
)
def test_what_can_t_be_meant_is_told_before_anything_is_submitted(start, config, arguments, sentence):
    gateway = start(arguments[0], "RUNNING", "")
    result = invoke(config, *arguments, "--host", gateway.address)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not gateway.requests


def test_a_command_that_was_killed_is_an_error(start, config):
    result = invoke(config, "versions", "--host", start("verify", "FAILED", "I1126 launcher\n").address)
    assert result.exit_code == 1
    assert f"Error: run {RUN}: verify did not come to its end, it is FAILED" in result.stderr


def test_nothing_is_waited_for_where_it_is_not_asked_to(start, config):
    gateway = start("verify", "RUNNING", "")
    result = invoke(config, "versions", "--no-wait", "--host", gateway.address)
    assert result.exit_code == 0
    assert result.stdout == f"Run {RUN}: {gateway.address}/#/runs/details/{RUN}\n"


def test_a_model_is_promoted_from_where_its_run_left_it(start, config):
    gateway = start("promote", "SUCCEEDED", LOG.format("promote", "Pushed: …", 0), **make_metadata(None, PROMOTABLE))
    result = invoke(config, "promote", RUN, "--reason", "looked at  by hand", "--host", gateway.address)
    assert (result.exit_code, result.stdout) == (0, "Pushed: …\n"), result.stderr
    body = next(body for body in gateway.bodies if b"runtime_config" in body)
    parameters = json.loads(body)["runtime_config"]["parameters"]
    assert parameters["model"] == "minio://mlpipeline/v2/model"
    given = json.loads(parameters["arguments"])
    assert given == {
        "run_id": RUN, "reason": "looked at by hand", "recipe": "", "baseline_version": None,
        "serving_dir": "/mnt/models/sample/serving",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outputs", "reason", "sentence"),
    [
        (PROMOTABLE[:3], "good", "this run has no evaluated model (SUCCEEDED); promote another"),
        (PROMOTABLE, " ", '--reason "": expected a sentence'),
    ],
)
def test_what_can_t_be_promoted_is_bad_input(start, config, outputs, reason, sentence):
    gateway = start("promote", "SUCCEEDED", "", **make_metadata(None, outputs))
    result = invoke(config, "promote", RUN, "--reason", reason, "--host", gateway.address)
    assert result.exit_code == 2
    assert sentence in result.stderr
