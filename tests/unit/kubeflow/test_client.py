"""Whatever stands between us and Kubeflow's API, a command ends with one sentence and exit code 1; no token is told."""

from __future__ import annotations

import pytest

from tests.unit.kubeflow.gateway import HTML, JSON, LOGIN_PAGE, TOKEN, hang, invoke, redirect_to_login, reply

FAILURES = [
    ("login page", redirect_to_login, "most likely a login page; set KUBEFLOW_TOKEN"),
    ("page at once", reply(200, LOGIN_PAGE, HTML), "most likely a login page"),
    ("401", reply(401, '{"message": "token expired"}'), "401, the token is missing or has expired"),
    ("403", reply(403, "RBAC: access denied", "text/plain"), "403, this account may not do that; check namespace"),
    ("404", reply(404, '{"message": "no route"}'), "404, there is no such thing; check host, namespace and name (no"),
    ("409", reply(409, "{}"), "409, that is there already"),
    ("400", reply(400, '{"message": "bad cron"}'), "400, it was refused (bad cron)"),
    ("500", reply(500, '{"message": "database\\nis gone"}'), "try again later (database is gone)"),
    ("503", reply(503, "upstream connect error", "text/plain"), "503, it cannot answer now; try again later"),
    ("timeout", hang, "no answer within 1 s; try again later"),
    ("cut short", reply(200, '{"experiments": [', JSON, length=999), "no whole answer"),
    ("half of it", reply(200, '{"experiments": ['), "the answer is a page and no data"),
    ("nothing in it", reply(200, "{}"), "the answer has no"),
    ("a list", reply(200, "[]"), "the answer is a page and no data"),
    ("another shape", reply(200, '{"experiments": 5, "pipelines": 5}'), "expected one of Kubeflow Pipelines 2"),
    ("no date", reply(200, '{"experiments": [{"created_at": "x"}], "pipelines": [{"created_at": "x"}]}'), "`x` as"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "sentence"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
@pytest.mark.parametrize("command", ["submit", "schedule", "runs", "pause", "delete"])
def test_every_failure_is_one_sentence_and_exit_code_1(serve, config, command, answer, sentence):
    result = invoke(config, command, "--host", serve(answer).address)
    assert result.exit_code == 1, result.output
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert TOKEN not in result.output + result.stderr


@pytest.mark.parametrize("name", ["login page", "page at once", "403", "500", "nothing in it"])
@pytest.mark.parametrize(
    "command",
    ["watch run", "logs run", "terminate run", "report run", "logs-link run", "versions", "promote run --reason good"],
)
def test_so_it_is_of_what_asks_for_one_run(serve, config, name, command):
    answer, sentence = next(case[1:] for case in FAILURES if case[0] == name)
    result = invoke(config, *command.split(), "--host", serve(answer).address)
    assert result.exit_code == 1, result.output
    assert (sentence if name != "500" else "500, it cannot answer now") in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_no_server_is_told(config):
    result = invoke(config, "runs")
    assert result.exit_code == 1
    assert "http://127.0.0.1:1: GET /experiments: nothing answers there (Connection refused)" in result.stderr


def test_the_token_is_sent_from_the_environment_or_from_a_file(serve, config, tmp_path):
    gateway = serve(reply(401, "{}"))
    invoke(config, "runs", "--host", gateway.address)
    (tmp_path / "token").write_text("from-a-file\n")
    config.write_text(f'token_file = "{tmp_path / "token"}"\n' + config.read_text())
    invoke(config, "runs", "--host", gateway.address)
    assert [headers["authorization"] for _, _, headers in gateway.requests] == [f"Bearer {TOKEN}", "Bearer from-a-file"]


def test_a_session_cookie_is_sent(serve, config, monkeypatch):
    monkeypatch.setenv("KUBEFLOW_COOKIE", "authservice_session=abc")
    gateway = serve(reply(401, "{}"))
    invoke(config, "runs", "--host", gateway.address)
    assert gateway.requests[0][2]["Cookie"] == "authservice_session=abc"


def test_a_file_of_tokens_that_is_not_there_is_told(config):
    config.write_text('token_file = "/no/such/token"\n' + config.read_text())
    result = invoke(config, "runs")
    assert result.exit_code == 1
    assert "token_file /no/such/token: cannot be read" in result.stderr


def test_wrong_configuration_is_exit_code_2_and_asks_nothing(serve, config):
    gateway = serve(reply(200, "{}"))
    result = invoke(config, "schedule", "--host", gateway.address, "--cron", "0 0 2 * * *")
    assert result.exit_code == 2
    assert "expected minute, hour, day, month, weekday" in result.stderr
    assert not gateway.requests


def test_a_compiled_file_has_to_be_called_yaml(config, tmp_path):
    result = invoke(config, "compile", str(tmp_path / "pipeline.json"))
    assert result.exit_code == 2
    assert "expected a name that ends in .yaml" in result.stderr


def test_compile_needs_no_cluster(serve, config, tmp_path):
    result = invoke(config, "compile", str(tmp_path / "pipeline.yaml"))
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "pipeline.yaml").read_text() == "pipelineInfo: {}\n"
