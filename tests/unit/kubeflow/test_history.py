"""Runs are listed with the verdict, accuracy and version that they wrote, and their pages fetched."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_service_pb2 as service

from tests.unit.kubeflow.answers import RUN, make_metadata, make_run
from tests.unit.kubeflow.gateway import LOGIN_PAGE, invoke, pack, reply, reply_by_path

RUNS = [
    {"run_id": "r3", "state": "RUNNING", "created_at": "2026-11-26T02:00:00Z", "display_name": "nightly 3"},
    {**make_run("FAILED", ("DataGate", "FAILED")), "run_id": "r2"},
    {"run_id": "r1", "state": "SUCCEEDED", "display_name": "nightly \x1b[31m1"},
    {"run_id": "r0", "state": "SUCCEEDED"},
    {},
]


def make_metrics() -> bytes:
    metrics = service.GetArtifactsByTypeResponse()
    for run_id, values in (("r1", {"accuracy": 0.9, "verdict": "pushed", "pushed_version": 4, "churn": 0.05}),
                           ("r0", {"accuracy": 0.5, "verdict": "not_blessed"}),
                           ("r2", {"verdict": "data_rejected"})):  # fmt: skip
        artifact = metrics.artifacts.add(uri=f"minio://mlpipeline/v2/artifacts/sample/{run_id}/Report/x/metrics")
        for name, value in values.items():
            kind = "string_value" if isinstance(value, str) else "double_value"
            setattr(artifact.custom_properties[name], kind, value)
    return pack(metrics)


def test_runs_have_their_verdicts(serve, config):
    answers = {"v2beta1/runs": {"runs": RUNS}, "experiments": {"experiments": [{"experiment_id": "1"}]}}
    address = serve(reply_by_path({**answers, "GetArtifactsByType": make_metrics()})).address
    result = invoke(config, "runs", "--host", address)
    assert (result.exit_code, result.stderr) == (0, "")
    _, r3, r2, r1, r0, *_ = result.stdout.splitlines()
    assert r3.split()[-3:] == ["running", "nightly", "3"]
    assert r2.split()[-4:] == ["r2", "FAILED", "data", "rejected"]
    assert r1.split()[-8:] == ["SUCCEEDED", "pushed", "0.9000", "5.00%", "version", "4", "nightly", "␛[31m1"]
    assert r0.split() == ["r0", "SUCCEEDED", "not", "blessed", "0.5000"]


def test_runs_are_listed_where_their_verdicts_are_not_to_be_had_and_that_is_told(serve, config):
    answers = {"v2beta1/runs": {"runs": RUNS}, "experiments": {"experiments": [{"experiment_id": "1"}]}}
    result = invoke(config, "runs", "--last", "3", "--host", serve(reply_by_path(answers)).address)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr.startswith("No verdicts: http://")


def test_lists_are_read_to_their_last_page(serve, config):
    pages = {"": ["a", "second"], "second": ["b", ""]}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if "/experiments" in handler.path:
            body: dict[str, Any] = {"experiments": [{"experiment_id": "1"}]}
        else:
            run, token = pages["second" if "page_token=second" in handler.path else ""]
            body = {"runs": [{"run_id": run, "display_name": run}], "next_page_token": token}
        reply(200, json.dumps(body))(handler)

    result = invoke(config, "runs", "--host", serve(answer).address)
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["a", "b"]


def test_the_page_of_a_run_is_fetched_into_a_file_or_printed(serve, config, tmp_path: Path):
    page = f"<!DOCTYPE html><title>run {RUN}</title>"
    answers = {
        f"v2beta1/runs/{RUN}": make_run("SUCCEEDED"), **make_metadata(3, ["Report.report"]),
        "/artifacts/get?source=minio&bucket=mlpipeline&key=v2%2Freport": page,
    }  # fmt: skip
    host = ["--host", serve(reply_by_path(answers)).address]
    target = tmp_path / "page.html"
    result = invoke(config, "report", RUN, str(target), *host)
    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert target.read_text() == page
    assert invoke(config, "report", RUN, "-", *host).stdout == f"{page}\n"


@pytest.mark.parametrize(
    ("outputs", "page", "sentence"),
    [
        ([], "", f"run {RUN}: it is SUCCEEDED and wrote no report"),
        (["Report.report"], LOGIN_PAGE, f"the answer is no report of run {RUN}"),
    ],
)
def test_what_is_no_page_of_the_run_is_written_nowhere(serve, config, tmp_path, outputs, page, sentence):
    answers = {f"v2beta1/runs/{RUN}": make_run("SUCCEEDED"), **make_metadata(3, outputs), "/artifacts/get": page}
    target = tmp_path / "page.html"
    result = invoke(config, "report", RUN, str(target), "--host", serve(reply_by_path(answers)).address)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert not target.exists()
