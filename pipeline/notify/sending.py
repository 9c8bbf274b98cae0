"""Sends messages within a bounded time, in a process of its own, and keeps for the next run what did not arrive.

The process imports Apprise, which a run need not do; it can be ended wherever it hangs; and what Apprise and its
libraries print, addresses included, goes nowhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.notify import outbox
from pipeline.notify.addresses import AddressError, read_addresses
from pipeline.notify.message import Message
from pipeline.notify.outbox import Waiting
from pipeline.notify.settings import Notify

SECONDS = 30.0  # of which Apprise takes a few to be imported, and many where the machine is busy
_ROOT = Path(__file__).resolve().parents[2]
_NO_ANSWER = f"no answer within {SECONDS:g} seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of one message at one address.

    Attributes:
        waiting: The position of the message among those that were sent.
        number: That of the address, from 1.
        service: Apprise's name of the service, such as `E-Mail`; "" where it was not found out.
        problem: Why it did not arrive, in words of ours; "" where it did.
    """

    waiting: int
    number: int
    service: str = ""
    problem: str = _NO_ANSWER

    @property
    def place(self) -> str:
        """The address as it may be shown."""
        return f"address {self.number}" + (f" ({self.service})" if self.service else "")


class Outcome(NamedTuple):
    """What is told of a sending: where the messages arrived, and a sentence for each thing that went wrong."""

    arrived: list[str]
    problems: list[str]


def send(addresses: Sequence[str], messages: Sequence[Waiting], seconds: float = SECONDS) -> list[Delivery]:
    """Send each message to the addresses that it is for, all addresses at once, and return what came of each.

    A slow address does not hold up the others; at each of them, the first message that does not arrive is the last that
    is tried. It never takes much longer than `seconds`, whatever the services do. Ctrl-C ends it at once.
    """
    expected = [(at, number) for number in range(1, len(addresses) + 1) for at in range(len(messages))]
    unsent = {key: Delivery(waiting=key[0], number=key[1]) for key in expected if messages[key[0]].is_for(key[1])}
    if not unsent:
        return []
    task = {
        "addresses": addresses,
        "messages": [
            {"title": message.title, "body": message.body, "notify_type": message.kind}
            for message in (each.message for each in messages)
        ],
        "deliveries": list(unsent),
        "seconds": seconds,
    }
    for line in _run_sender(json.dumps(task), seconds).splitlines():
        delivery = msgspec.json.decode(line, type=Delivery)
        unsent[delivery.waiting, delivery.number] = delivery
    services = {each.number: each.service for each in unsent.values() if each.service}
    return [replace(each, service=services.get(each.number, "")) for each in unsent.values()]


def deliver(folder: Path, notify: Notify, message: Message | None, seconds: float = SECONDS) -> Outcome:
    """Send a message, and those that earlier runs left in `folder`; what does not arrive stays there.

    Args:
        folder: Where messages wait, `<output>/.unsent`.
        notify: Where the addresses are.
        message: What is new, None for nothing.
        seconds: How long it may take.
    """
    problems: list[str] = []
    unkept = []
    if message:
        try:
            outbox.put(folder, message)
        except OSError as error:
            problems.append(f"A message can't be kept for later ({folder}: {error.strerror}); it is sent this once.")
            unkept = [Waiting(message=message)]
    arrived: list[str] = []
    with outbox.take(folder) as taken:
        messages = [*taken, *unkept]
        try:
            addresses = read_addresses(notify) if messages else ()
        except AddressError as error:
            problems.append(f"No message was sent: {error}")
        else:
            gone = {number for each in messages for number in each.missing or () if number > len(addresses)}
            problems += [f"What waited for address {number} is dropped: there is no such address." for number in gone]
            deliveries = send(addresses, messages, seconds)
            problems += _settle(messages, deliveries)
            arrived = sorted({each.place for each in deliveries if not each.problem})
            problems += _describe(deliveries, messages)
    dropped = outbox.drop_oldest(folder)
    problems += [f"Dropped, for {outbox.MOST_WAITING} newer messages wait to be sent: {title}" for title in dropped]
    return Outcome(arrived, problems)


def _run_sender(task: str, seconds: float) -> str:
    """Return what the sending process has printed until it was done, or its time was over."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.notify.sender"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        return process.communicate(task, timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
    finally:  # an interrupted run, too, leaves nobody behind
        process.kill()


def _settle(messages: Sequence[Waiting], deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Keep what did not arrive, and forget the rest; say what could not be kept or forgotten."""
    for at, waiting in enumerate(messages):
        missing = tuple(each.number for each in deliveries if each.waiting == at and each.problem)
        try:
            outbox.settle(waiting, missing)
        except OSError as error:
            yield f"{waiting.path}: cannot be written ({error.strerror}); its message may be sent once more."


def _describe(deliveries: Sequence[Delivery], messages: Sequence[Waiting]) -> Iterator[str]:
    """Say once for each address what did not arrive there, and why."""
    for number in sorted({each.number for each in deliveries}):
        failed = [each for each in deliveries if each.number == number and each.problem]
        if failed:
            count = "1 message" if len(failed) == 1 else f"{len(failed)} messages"
            again = "; the next run tries again" if messages[failed[0].waiting].path else ""
            yield f"{count} did not reach {failed[0].place}: {failed[0].problem}{again}."
