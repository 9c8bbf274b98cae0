"""Messages reach real servers; where one does not, it is told why, without the address, and waits for the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.background import find_free_port
from pipeline.notify.message import Message
from pipeline.notify.outbox import Waiting
from pipeline.notify.sending import SECONDS, Outcome, deliver, send
from pipeline.notify.settings import Notify
from tests.alarm_servers import SECRET, Inbox, serve_http, serve_mail, serve_silence

ROOT = Path(__file__).parents[3]
MESSAGE = Message(title="fashion-mnist: model rejected", body="The model was rejected.\nServed now: version 3 <b>")
NOTIFY = Notify(env="ALARMS")


@pytest.fixture
def http() -> Iterator[Inbox]:
    with serve_http() as inbox:
        yield inbox


@pytest.fixture
def mail() -> Iterator[Inbox]:
    with serve_mail() as inbox:
        yield inbox


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / ".unsent"


def tell(
    monkeypatch: pytest.MonkeyPatch, outbox: Path, *addresses: str, message: Message | None = MESSAGE, seconds=SECONDS
) -> Outcome:
    monkeypatch.setenv("ALARMS", "\n".join(addresses))
    outcome = deliver(outbox, NOTIFY, message, seconds)
    assert SECRET not in repr(outcome)
    assert SECRET not in "".join(path.read_text() for path in outbox.iterdir())
    return outcome


def test_a_message_reaches_a_webhook_and_a_mailbox(monkeypatch, outbox, http, mail) -> None:
    outcome = tell(monkeypatch, outbox, http.address, mail.address)
    assert outcome == (["address 1 (JSON)", "address 2 (E-Mail)"], [])
    (received,) = http.messages
    assert (received["title"], received["message"]) == (MESSAGE.title, MESSAGE.body)
    (received,) = mail.messages
    assert received["to"] == ["team@example.com"]
    assert f"Subject: {MESSAGE.title}" in received["content"]
    assert list(outbox.iterdir()) == []


def test_one_that_did_not_arrive_is_sent_by_the_next_run_and_only_where_it_is_missing(
    monkeypatch, outbox, http, mail
) -> None:
    http.status = 500
    outcome = tell(monkeypatch, outbox, http.address, mail.address)
    assert outcome.arrived == ["address 2 (E-Mail)"]
    assert outcome.problems == [
        "1 message did not reach address 1 (JSON): it answered with status 500; the next run tries again."
    ]
    http.status = 200
    later = Message(title="later", body="later")
    assert tell(monkeypatch, outbox, http.address, mail.address, message=later).problems == []
    assert [each["title"] for each in http.messages] == [MESSAGE.title, "later"], "oldest first"
    assert len(mail.messages) == 2
    assert list(outbox.iterdir()) == []


def test_a_run_with_nothing_to_tell_sends_what_waits(monkeypatch, outbox, http) -> None:
    nobody = f"json://127.0.0.1:{find_free_port()}/{SECRET}"
    assert "nothing listens there" in tell(monkeypatch, outbox, nobody).problems[0]
    assert tell(monkeypatch, outbox, http.address, message=None).problems == []
    assert [each["title"] for each in http.messages] == [MESSAGE.title]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        (f"json://user:{SECRET}@127.0.0.1:{{free}}", "nothing listens there"),
        (f"mailto://127.0.0.1:{{free}}/?from=a@example.com&to={SECRET}@example.com", "nothing listens there"),
        (f"jsons://user:{SECRET}@127.0.0.1:{{http}}/", "no safe connection"),
        (f"mailtos://127.0.0.1:{{mail}}/?mode=ssl&from=a@example.com&to={SECRET}@example.com", "no safe connection"),
        (f"json://{SECRET}.invalid/", "there is no machine of that name"),
        (f"nonsense://{SECRET}", "Apprise knows no such service"),
        (f"slack://{SECRET}", "Apprise knows no such service"),
    ],
)
def test_why_it_did_not_arrive_is_told_without_the_address(monkeypatch, outbox, http, mail, address, problem) -> None:
    ports = {
        "free": find_free_port(),
        "http": http.address.split("/")[2].rsplit(":", 1)[1],
        "mail": mail.address.split("/")[2].rsplit(":", 1)[1],
    }
    outcome = tell(monkeypatch, outbox, address.format(**ports))
    assert outcome.arrived == []
    assert problem in outcome.problems[0]


def test_a_mailbox_that_refuses_is_told_with_its_code(monkeypatch, outbox, mail) -> None:
    mail.status = 550
    assert "it refused the recipient with 550" in tell(monkeypatch, outbox, mail.address).problems[0]


def test_a_server_that_never_answers_holds_up_neither_the_run_nor_the_others(monkeypatch, outbox, http) -> None:
    with serve_silence() as silent:
        outcome = tell(monkeypatch, outbox, silent.address, http.address, seconds=20.0)
    assert outcome.arrived == ["address 2 (JSON)"]
    assert "did not reach address 1" in outcome.problems[0]
    assert "no answer" in outcome.problems[0]


def test_what_waits_for_an_address_that_was_removed_is_dropped_and_told(monkeypatch, outbox, http) -> None:
    tell(monkeypatch, outbox, http.address, f"nonsense://{SECRET}")
    outcome = tell(monkeypatch, outbox, http.address, message=None)
    assert outcome == ([], ["What waited for address 2 is dropped: there is no such address."])
    assert list(outbox.iterdir()) == []


def test_addresses_that_are_missing_lose_no_message(monkeypatch, outbox, http) -> None:
    assert "No message was sent: $ALARMS: no address there" in tell(monkeypatch, outbox, "").problems[0]
    tell(monkeypatch, outbox, http.address, message=None)
    assert [each["title"] for each in http.messages] == [MESSAGE.title]


def test_a_message_that_cannot_be_kept_is_sent_this_once(monkeypatch, tmp_path, http) -> None:
    monkeypatch.setenv("ALARMS", http.address)
    outcome = deliver(tmp_path / "gone" / ".unsent", NOTIFY, MESSAGE)
    assert outcome.arrived == ["address 1 (JSON)"]
    assert "can't be kept for later" in outcome.problems[0]
    assert not (tmp_path / "gone").exists()


def test_control_c_ends_it_at_once_and_the_message_waits(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from pipeline.notify.sending import deliver\n"
        "from pipeline.notify.settings import Notify\n"
        "from pipeline.notify.message import Message; print('begun', flush=True)\n"
        f"deliver(Path({str(tmp_path / '.unsent')!r}), Notify(env='ALARMS'), Message(title='a', body='b'), 300.0)"
    )
    with ExitStack() as stack:
        address = stack.enter_context(serve_silence()).address
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "ALARMS": address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "begun\n"
        while not list((tmp_path / ".unsent").glob("*.json")) if (tmp_path / ".unsent").exists() else True:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert SECRET not in errors
    assert len(list((tmp_path / ".unsent").glob("*.json"))) == 1


def test_two_messages_to_one_address_arrive_in_their_order(http) -> None:
    messages = [Waiting(message=Message(title=title, body="text")) for title in ("first", "second")]
    assert [each.problem for each in send([http.address], messages)] == ["", ""]
    assert [each["title"] for each in http.messages] == ["first", "second"]
