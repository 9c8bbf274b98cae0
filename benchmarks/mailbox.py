"""A mail server on this machine, which can be down."""

from __future__ import annotations

import email
import email.policy
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that arrived: in which night, from 0, and its subject."""

    night: int
    subject: str


class Mailbox:
    """Takes mail for anybody while it is open.

    Attributes:
        address: Where it is, for Apprise.
        mails: What arrived, in that order.
        night: Which night it is.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.address = f"mailto://127.0.0.1:{self._port}/?from=pipeline@example.org&to=team@example.org"
        self.mails: list[Mail] = []
        self.night = 0
        self._controller: Controller | None = None

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def open(self) -> None:
        """Listen, if it does not yet."""
        if self._controller is None:
            self._controller = Controller(self, hostname="127.0.0.1", port=self._port)
            self._controller.start()

    def close(self) -> None:
        """Listen no more: who sends is refused the connection."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take a mail; the name is aiosmtpd's."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(Mail(self.night, str(message["Subject"])))
        return "250 OK"
