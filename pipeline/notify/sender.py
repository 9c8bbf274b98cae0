"""The process that sends: `python -m pipeline.notify.sender` reads a task and prints a line for each delivery.

It alone imports Apprise. What it prints is words of ours and Apprise's names of services; everything that Apprise or a
service says may hold an address, and goes nowhere.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import smtplib
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from threading import Lock, Thread
from typing import Any, TextIO

UNKNOWN = "Apprise knows no such service, or the address lacks a part"
_HTTP_STATUSES = range(300, 600)
_DEEPEST = 20


class ReasonFinder(logging.Handler):
    """Finds out why a delivery fails, from the error that Apprise is handling when it logs; never from its text."""

    def __init__(self) -> None:
        super().__init__(level=1)
        # Apprise hands the context, and with it the list, to threads of its own.
        self._found: ContextVar[list[str]] = ContextVar("found")

    def begin(self) -> list[str]:
        """Begin a delivery, and return the list into which its reasons will come, first things first."""
        found: list[str] = []
        self._found.set(found)
        return found

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the error in hand, or at a status among the arguments."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        statuses = [each for each in arguments if type(each) is int and each in _HTTP_STATUSES]
        reason = describe_error(sys.exc_info()[1]) or (f"it answered with status {statuses[0]}" if statuses else "")
        if reason:
            self._found.get([]).append(reason)


def describe_error(error: BaseException | None) -> str:
    """Say in words of ours what kind of error it is, or one that it came from; "" where that is not known."""
    for each in _follow(error):
        if isinstance(each, ssl.SSLError):
            return "no safe connection: its certificate or TLS does not fit"
        if isinstance(each, socket.gaierror):
            return "there is no machine of that name"
        if isinstance(each, smtplib.SMTPAuthenticationError):
            return "user or password are wrong"
        if isinstance(each, smtplib.SMTPRecipientsRefused):
            codes = sorted({code for code, _ in each.recipients.values()})
            return f"it refused the recipient with {', '.join(map(str, codes))}"
        if isinstance(each, smtplib.SMTPResponseException):
            return f"it refused with {int(each.smtp_code)}"
        if isinstance(each, ConnectionRefusedError):
            return "nothing listens there"
        if isinstance(each, TimeoutError) or type(each).__name__ in ("ReadTimeout", "ConnectTimeout"):
            return "it did not answer in time"
        if isinstance(each, smtplib.SMTPServerDisconnected | ConnectionError):
            return "it closed the connection"
    return ""


def send_all(task: Mapping[str, Any], printed: TextIO) -> None:
    """Send what a task lists, to all addresses at once, and print a line of JSON for each delivery.

    Args:
        task: `addresses`; `messages` with title, body and notify_type; `deliveries`, pairs of a message's position and
            the number of an address.
        printed: Where the lines go.
    """
    finder = ReasonFinder()
    logger = logging.getLogger("apprise")
    logger.addHandler(finder)
    logger.setLevel(1)  # the errors are told on the lowest levels
    logger.propagate = False
    printing = Lock()

    def deliver(number: int, address: str) -> None:
        wanted = [at for at, each in task["deliveries"] if each == number]
        for delivery in _send_to(address, wanted, task["messages"], finder):
            with printing:
                print(json.dumps({"number": number, **delivery}), file=printed, flush=True)

    threads = [Thread(target=deliver, args=each, daemon=True) for each in enumerate(task["addresses"], 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send_to(
    address: str, wanted: Sequence[int], messages: Sequence[Mapping[str, Any]], finder: ReasonFinder
) -> Iterator[dict[str, Any]]:
    """Send messages to an address one after another, until one does not arrive; the others would not, either."""
    from apprise import Apprise, AppriseAsset, NotifyFormat

    plugin = Apprise.instantiate(address, asset=AppriseAsset(async_mode=False))  # which keeps nothing on the disk
    service = str(plugin.service_name) if plugin else ""
    problem = "" if plugin else UNKNOWN
    for at in wanted:
        if plugin and not problem:
            found = finder.begin()
            try:
                arrived = bool(Apprise(plugin).notify(**messages[at], body_format=NotifyFormat.TEXT))
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises; its text may hold the address
                arrived, found = False, [describe_error(error)]
            problem = "" if arrived else next(filter(None, found), "the service did not take it")
        yield {"waiting": at, "service": service, "problem": problem}


def _follow(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and those that it came from: libraries wrap them as causes, as contexts and as arguments."""
    pending = [error]
    for _ in range(_DEEPEST):
        if not pending:
            return
        each = pending.pop(0)
        if isinstance(each, BaseException):
            yield each
            pending += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


def main() -> None:
    """Read the task from standard input, and send."""
    printed = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a plugin prints is not for anybody
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    task = json.load(sys.stdin)
    signal.alarm(int(task["seconds"]) + 2)  # where whoever started it was killed, it ends as well
    send_all(task, printed)
    printed.flush()
    os._exit(0)  # connections that hang are waited for by nobody


if __name__ == "__main__":
    main()
