"""Services that messages are sent to, on this machine: they take them, refuse them, or never answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller

from deploy.background import find_free_port

SECRET = "s3cr3t-t0ken"


class Inbox:
    """What arrived, and where: an address with a secret in each part that may hold one."""

    def __init__(self) -> None:
        self.address = ""
        self.messages: list[dict[str, Any]] = []
        self.status = 200


@contextmanager
def serve_http() -> Iterator[Inbox]:
    """Serve a webhook, which answers with `status`."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if inbox.status == 200:
                inbox.messages.append(message)
            self.send_response(inbox.status, SECRET)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    inbox.address = f"json://user:{SECRET}@127.0.0.1:{server.server_port}/{SECRET}?+X-Key={SECRET}"
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serve_mail(port: int = 0) -> Iterator[Inbox]:
    """Serve SMTP, which takes mail for anybody while `status` is 200, and else refuses with it; 0 is any free port."""
    inbox = Inbox()

    class Handler:
        async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
            if inbox.status != 200:
                return f"{inbox.status} {SECRET} is not known here"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            inbox.messages.append({"to": envelope.rcpt_tos, "content": envelope.content.decode()})
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=port or find_free_port())
    controller.start()
    inbox.address = write_mail_address(controller.port)
    try:
        yield inbox
    finally:
        controller.stop()


def write_mail_address(port: int) -> str:
    """Return where Apprise finds `serve_mail`, whether it serves or not."""
    return f"mailto://127.0.0.1:{port}/?from={SECRET}@example.com&to=team@example.com"


@contextmanager
def serve_silence() -> Iterator[Inbox]:
    """Listen, take what comes, and never answer."""
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        inbox.address = f"json://user:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/{SECRET}?rto=60&cto=60"
        yield inbox
