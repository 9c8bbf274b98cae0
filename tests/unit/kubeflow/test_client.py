"""Whatever stands between us and Kubeflow's API, a command ends with one sentence and exit code 1; no token is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.kubeflow import cli
from pipeline.kubeflow.client import list_next_runs, to_six_fields

TOKEN = "s3cr3t-t0k3n"
JSON, HTML = "application/json", "text/html; charset=utf-8"
LOGIN_PAGE = "<!DOCTYPE html><title>Log in to Dex</title>"


class Gateway:
    """A server that answers all requests alike, and keeps what it was asked."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                gateway.requests.append((self.command, self.path, dict(self.headers)))
                answer(self)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def reply(
    code: int, body: str, kind: str = JSON, length: int | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


def redirect_to_login(handler: BaseHTTPRequestHandler) -> None:
    if handler.path.startswith("/dex"):
        reply(200, LOGIN_PAGE, HTML)(handler)
        return
    handler.send_response(302)
    handler.send_header("Location", "/dex/auth?client_id=kubeflow")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways, and stops them at the end. Compiling takes its time, and none of it is looked at here."""
    monkeypatch.setattr(cli, "_compile", lambda settings: "pipelineInfo: {}\n")
    monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
    started: list[Gateway] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Gateway:
        started.append(Gateway(answer))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kubeflow.toml"
    path.write_text(
        'host = "http://127.0.0.1:1"\nimage = "image:1"\ntimeout = 1\n'
        '[serving]\nclaim = "models"\nmount_path = "/mnt/models"\n'
    )
    return path


def invoke(config: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["kubeflow", command, "--config", str(config), *arguments])


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
@pytest.mark.parametrize("command", ["submit", "schedule", "runs", "pause"])
def test_every_failure_is_one_sentence_and_exit_code_1(serve, config, command, answer, sentence):
    result = invoke(config, command, "--host", serve(answer).address)
    assert result.exit_code == 1, result.output
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert TOKEN not in result.output + result.stderr


def test_no_server_is_told(config):
    result = invoke(config, "runs")
    assert result.exit_code == 1
    assert "http://127.0.0.1:1: GET /experiments: no whole answer" in result.stderr


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


def test_lists_are_read_to_their_last_page(serve, config):
    pages = {"": ["a", "second"], "second": ["b", ""]}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if "/experiments" in handler.path:
            body: dict = {"experiments": [{"experiment_id": "1"}]}
        else:
            run, token = pages["second" if "page_token=second" in handler.path else ""]
            body = {"runs": [{"run_id": run, "display_name": run}], "next_page_token": token}
        reply(200, json.dumps(body))(handler)

    result = invoke(config, "runs", "--host", serve(answer).address)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["a", "b"]


def test_what_is_listed_is_printed_and_what_is_not_told_is_left_empty(serve, config):
    cron = {"trigger": {"cron_schedule": {"cron": "0 0 2 * * *"}}, "status": "ENABLED", "display_name": "nightly"}
    body = {
        "experiments": [{"experiment_id": "1"}],
        "recurringRuns": [cron, {"trigger": {"periodic_schedule": {"interval_second": "60"}}}],
        "runs": [{"run_id": "a", "created_at": "2026-03-28T01:30:00Z", "state": "RUNNING"}, {"run_id": "b"}],
    }
    address = serve(reply(200, json.dumps(body))).address
    listed = invoke(config, "schedules", "--host", address).stdout.splitlines()
    assert [line.split() for line in listed] == [["nightly", "0", "2", "*", "*", "*", "runs"], ["paused"]]
    listed = invoke(config, "runs", "--host", address).stdout.splitlines()
    assert [line.split() for line in listed] == [["a", "2026-03-28T01:30:00Z", "RUNNING"], ["b"]]


@pytest.mark.parametrize("command", ["pause", "resume", "delete"])
def test_data_on_the_command_line_names_the_schedule_that_it_made(serve, config, command):
    gateway = serve(reply(200, '{"experiments": [{"experiment_id": "1"}]}'))
    result = invoke(config, command, "--host", gateway.address, "--data", "sample")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no schedule sample in the experiment fashion-mnist")


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


def test_cron_gets_its_seconds_and_says_when_it_runs():
    assert to_six_fields("0 2 * * *") == "0 0 2 * * *"
    start = datetime(2026, 3, 28, 1, 30, tzinfo=timezone.utc)
    assert [f"{time:%d %H:%M %Z}" for time in list_next_runs("0 2 * * *", start)] == [
        "28 02:00 UTC", "29 02:00 UTC", "30 02:00 UTC",
    ]  # fmt: skip
