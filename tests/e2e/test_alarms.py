"""Somebody is told of runs: of what is new, once, by the record that was written; and nowhere stands an address."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.background import find_free_port
from pipeline.cli import app
from tests.alarm_servers import SECRET, Inbox, serve_http, serve_mail

FAST = ("--epochs", "4", "--batch-size", "16", "--min-class-accuracy", "0.3", "--max-calibration-error", "0.3")


def invoke(*arguments: object) -> Result:
    """Run a command, and look for secrets in all that it says."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert SECRET not in result.stdout + result.stderr + repr(result.exception)
    return result


@pytest.fixture
def http() -> Iterator[Inbox]:
    with serve_http() as inbox:
        yield inbox


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text('[notify]\nenv = "ALARMS"\n')
    return path


def test_pushed_then_unchanged_then_rejected_then_no_data(
    http: Inbox, config: Path, sample_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    arguments = ("run", "--config", config, "--output", output, *FAST)

    monkeypatch.setenv("ALARMS", http.address)
    http.status = 500
    first = invoke(*arguments, "--data", sample_dir)
    assert first.exit_code == 0, first.stdout
    assert "1 message did not reach address 1 (JSON): it answered with status 500; the next run tries again." in (
        first.stderr
    )
    (log,) = output.glob("*/runs/*/run.log")
    assert "1 message did not reach address 1" in log.read_text()

    http.status = 200
    with serve_mail() as mail:
        monkeypatch.setenv("ALARMS", f"{http.address} {mail.address}")
        second = invoke(*arguments, "--data", sample_dir, "--json")
        assert second.exit_code == 0
        assert json.loads(second.stdout)["newly_pushed"] is False
        assert [each["message"].splitlines()[0] for each in http.messages] == [
            "The model passed every check and is version 1 now."
        ], "what waited; the second run is no news"
        assert mail.messages == [], "it waited for address 1 alone"

        third = invoke(*arguments, "--data", sample_dir, "--min-accuracy", 0.999)
        assert third.exit_code == 3
        assert "told      address 1 (JSON), address 2 (E-Mail)" in third.stdout
        assert len(mail.messages) == 1
    rejected = http.messages[-1]
    assert rejected["title"].endswith(": model rejected")
    assert rejected["type"] == "warning"
    record = json.loads(invoke("status", "--output", output, "--json").stdout)[0]
    assert "The model was rejected: accuracy of overall is" in rejected["message"]
    assert f"Accuracy: {record['accuracy']:.4f}, " in rejected["message"]
    assert "Served now: version 1" in rejected["message"]
    assert f"Report: {record['report_path']}" in rejected["message"]
    assert Path(record["report_path"]).is_file()

    last = invoke(*arguments, "--data", tmp_path / "nowhere")
    assert last.exit_code == 2
    assert "The run failed: " in http.messages[-1]["message"]
    assert len(http.messages) == 3

    for path in output.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert "apprise" not in sys.modules, "it belongs to the process that sends"


def test_a_test_message_says_of_each_address_whether_it_went(
    http: Inbox, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("notify", "--test", "--config", config, "--output", tmp_path)
    monkeypatch.setenv("ALARMS", http.address)
    result = invoke(*command)
    assert (result.exit_code, result.stdout) == (0, "address 1 (JSON): sent\n")
    assert http.messages[0]["title"] == "Test of alarms"
    monkeypatch.setenv("ALARMS", f"{http.address} json://{SECRET}@127.0.0.1:{find_free_port()}")
    result = invoke(*command)
    assert result.exit_code == 1
    assert "address 2 (JSON): nothing listens there" in result.stdout


def test_where_nothing_is_configured_there_is_nothing_to_test(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALARMS", raising=False)
    result = invoke("notify", "--test")
    assert result.exit_code == 2
    assert "$ALARMS: not set" in result.stderr
    config.write_text("epochs = 3\n")
    result = invoke("notify", "--test")
    assert result.exit_code == 2
    assert "no table [notify] there" in result.stderr
    assert invoke("notify").exit_code == 2
