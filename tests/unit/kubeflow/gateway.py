"""A server in place of Kubeflow Pipelines, and what it answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from pipeline.cli import app

JSON, HTML = "application/json", "text/html; charset=utf-8"
TOKEN = "s3cr3t-t0k3n"
BROKEN = object()
LOGIN_PAGE = "<!DOCTYPE html><title>Log in to Dex</title>"


class Gateway:
    """A server that answers all requests alike, and keeps what it was asked."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                gateway.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                gateway.requests.append((self.command, self.path, dict(self.headers)))
                answer(self)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def reply(
    code: int, body: str | bytes, kind: str = JSON, length: int | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

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


def reply_by_path(answers: Mapping[str, Any]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer what has one of these parts in `METHOD path` with the JSON, text or bytes behind it; 404 to all else.

    What is callable is called for each answer; BROKEN is none, and the connection ends.
    """

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = f"{handler.command} {handler.path}"
        found = next((value for part, value in answers.items() if part in asked), None)
        found = found() if callable(found) else found
        if found is None:
            reply(404, '{"message": "not here"}')(handler)
        elif found is BROKEN:
            handler.close_connection = True
        elif isinstance(found, (str, bytes)):
            reply(200, found, "text/plain")(handler)
        else:
            reply(200, json.dumps(found))(handler)

    return answer


def pack(message: Any) -> bytes:
    """Frame a message as gRPC-Web does, with its trailers behind it."""
    frames = ((0x00, message.SerializeToString()), (0x80, b"grpc-status:0\r\n"))
    return b"".join(bytes([kind]) + len(content).to_bytes(4, "big") + content for kind, content in frames)


def invoke(config: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["kubeflow", command, "--config", str(config), *arguments])
