"""A run on a cluster is shown as a local one: its stages, what they wait for, the verdict, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.kubeflow import patience, watch
from tests.unit.kubeflow.answers import RUN, make_manifest, make_metadata, make_run
from tests.unit.kubeflow.gateway import BROKEN, invoke, reply_by_path

NO_ROOM = "0/1 nodes are available: 1 Insufficient cpu."
PASSED = {
    "name": "accuracy", "slice": "overall", "passed": True, "reason": "accuracy of overall is 0.9", "value": 0.9,
    "bound": 0.86, "images": 1000,
}  # fmt: skip
FAILED = {**PASSED, "passed": False, "reason": "accuracy of overall is 0.5, expected at least 0.86", "value": 0.5}
UNSOUND = {"name": "labels", "slice": "train", "passed": False, "reason": "feature label: expected 0 to 9"}


def in_turn(*answers: Any) -> Callable[[], Any]:
    """Give one answer after the other, and then the last one for ever."""
    left = list(answers)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(patience, "POLL_SECONDS", 0)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0)
    return


VERDICTS = [
    ("pushed", "SUCCEEDED", ("Pusher", "SUCCEEDED"), [PASSED], [], 3, 0, "Pushed: the model is version 3 now."),
    ("not blessed", "SUCCEEDED", ("Pusher", "SUCCEEDED"), [FAILED], [], None, 3, "  - accuracy of overall is 0.5"),
    ("failed as it is not blessed", "FAILED", ("Last", "FAILED"), [FAILED], [], None, 3, "Not blessed: "),
    ("data", "FAILED", ("DataGate", "FAILED"), [], [UNSOUND], None, 4, "  - feature label: expected 0 to 9"),
    ("error", "FAILED", ("Trainer", "FAILED"), [], [], None, 1, "  - Trainer failed: the disk is full"),
    ("terminated", "CANCELED", ("Trainer", "FAILED"), [], [], None, 1, "  - it was terminated"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "stage", "gate", "data", "version", "code", "sentence"),
    [case[1:] for case in VERDICTS],
    ids=[case[0] for case in VERDICTS],
)
def test_verdict_and_exit_code_are_those_of_a_local_run(
    serve, config, state, stage, gate, data, version, code, sentence
):
    answers = {
        f"v2beta1/runs/{RUN}": make_run(state, ("ExampleGen", "SUCCEEDED"), stage),
        f"v1beta1/runs/{RUN}": make_manifest(stage[0], "Failed"),
        "/log": f"I1126 launcher\nError: {stage[0]} failed: the disk is full\nF1126 exit status 1\n",
        **make_metadata(version), "checks.json": json.dumps(data), "gate.json": json.dumps(gate),
    }  # fmt: skip
    result = invoke(config, "watch", RUN, "--host", serve(reply_by_path(answers)).address)
    assert (result.exit_code, result.stderr.count("Error")) == (code, 0), result.output
    assert sentence in result.stdout
    assert "✓ ExampleGen         cached" in result.stderr  # there is no pod of it
    assert f"{'✗' if stage[1] == 'FAILED' else '✓'} {stage[0]}" in result.stderr


def test_stages_are_shown_once_and_what_a_pod_waits_for_is_told(serve, config):
    waiting = make_run("RUNNING", ("ExampleGen", "SUCCEEDED"), ("Trainer", "RUNNING"))
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_ROOM}]
    done = make_run("SUCCEEDED", ("ExampleGen", "SUCCEEDED"), ("Trainer", "SUCCEEDED"))
    answers = {
        f"v2beta1/runs/{RUN}": in_turn(make_run("PENDING"), waiting, waiting, done),
        f"v1beta1/runs/{RUN}": make_manifest("Trainer", "Pending"),
        "/k8s/pod": {"status": {"conditions": conditions}},
        **make_metadata(3), "checks.json": "[]", "gate.json": json.dumps([PASSED]),
    }  # fmt: skip
    gateway = serve(reply_by_path(answers))
    result = invoke(config, "watch", RUN, "--host", gateway.address)
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"Trainer waits: {NO_ROOM}") == 1
    assert result.stderr.count("✓ ExampleGen") == 1
    asked = next(path for _, path, _ in gateway.requests if path.startswith("/k8s/pod"))
    assert "podname=fashion-mnist-x7k2p-retry-system-container-impl-123&podnamespace=kubeflow" in asked


def test_a_lost_connection_is_told_once_and_the_run_is_watched_on(serve, config):
    answers = {
        f"v2beta1/runs/{RUN}": in_turn(make_run("RUNNING"), BROKEN, BROKEN, make_run("CANCELED")),
    }
    result = invoke(config, "watch", RUN, "--host", serve(reply_by_path(answers)).address)
    assert result.exit_code == 1
    assert result.stderr.count("asking again for 10 minutes") == 1
    assert "it was terminated" in result.stdout


def test_interrupting_leaves_the_run_going_and_says_so(serve, config, monkeypatch):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", interrupt)
    gateway = serve(reply_by_path({f"v2beta1/runs/{RUN}": make_run("RUNNING")}))
    result = invoke(config, "watch", RUN, "--host", gateway.address)
    assert result.exit_code == 130
    assert f"Interrupted: the run goes on; kubeflow watch {RUN} shows it again" in result.stderr
    assert not [path for method, path, _ in gateway.requests if method == "POST"]


def test_a_verdict_that_the_host_does_not_have_is_an_error_that_says_which_host_does(serve, config):
    answers = {f"v2beta1/runs/{RUN}": make_run("SUCCEEDED", ("Pusher", "SUCCEEDED")), "ml_metadata": "<!DOCTYPE html>"}
    result = invoke(config, "watch", RUN, "--host", serve(reply_by_path(answers)).address)
    assert result.exit_code == 1
    assert f"Error: run {RUN} has succeeded, but its verdict can't be read: " in result.stderr
    assert "expected the address of KFP's web page" in result.stderr


def test_json_is_the_record_of_a_local_run_and_nothing_else(serve, config):
    answers = {
        f"v2beta1/runs/{RUN}": make_run("SUCCEEDED", ("Pusher", "SUCCEEDED")),
        **make_metadata(3), "checks.json": "[]", "gate.json": json.dumps([PASSED]),
    }  # fmt: skip
    result = invoke(config, "watch", RUN, "--json", "--host", serve(reply_by_path(answers)).address)
    record = json.loads(result.stdout)
    assert (record["verdict"], record["pushed_version"], record["accuracy"], record["seconds"]) == (
        "pushed",
        3,
        0.9,
        90,
    )
    assert result.stderr == ""


def test_a_log_is_that_of_the_stage_that_failed_and_nothing_in_it_is_obeyed(serve, config):
    answers = {
        f"v2beta1/runs/{RUN}": make_run("FAILED", ("ExampleGen", "SUCCEEDED"), ("Trainer", "FAILED")),
        f"v1beta1/runs/{RUN}": make_manifest("Trainer", "Failed"),
        "/log": "epoch 1\n\x1b[31mred\n",
    }
    host = ["--host", serve(reply_by_path(answers)).address]
    result = invoke(config, "logs", RUN, *host)
    assert (result.exit_code, result.stdout) == (0, "epoch 1\n␛[31mred\n")
    assert result.stderr == "Trainer:\n"
    unknown = invoke(config, "logs", RUN, "Pusher", *host)
    assert unknown.exit_code == 2
    assert "expected ExampleGen, Trainer" in unknown.stderr
    gone = invoke(config, "logs", RUN, "ExampleGen", *host)
    assert gone.exit_code == 1
    assert f"has no log of ExampleGen; use kubectl logs -n kubeflow -l pipeline/runid={RUN}" in gone.stderr


def test_a_run_that_has_ended_is_not_terminated(serve, config):
    gateway = serve(reply_by_path({f"POST /apis/v2beta1/runs/{RUN}": {}, f"runs/{RUN}": make_run("RUNNING")}))
    assert invoke(config, "terminate", RUN, "--host", gateway.address).stdout == f"Run {RUN}: terminated.\n"
    assert gateway.requests[-1][1].endswith(f"{RUN}:terminate")
    ended = invoke(config, "terminate", RUN, "--host", serve(reply_by_path({RUN: make_run("SUCCEEDED")})).address)
    assert ended.stdout == f"Run {RUN}: it has ended already, SUCCEEDED.\n"
