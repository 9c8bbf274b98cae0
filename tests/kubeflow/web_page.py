"""The server of KFP's web page, as far as our commands ask it: it stands before the API, ML Metadata and the store.

The real one is written in TypeScript: https://github.com/kubeflow/pipelines/blob/2.17.0/frontend/server/app.ts
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import grpc
from pyarrow import fs

from tests.kubeflow.kubernetes_server import NAMESPACE, KubernetesServer


class WebPage:
    """Serves on a free port; `address` is what `host` is in a configuration."""

    def __init__(self, api: str, metadata_port: int, bucket: fs.FileSystem, kubernetes: KubernetesServer) -> None:
        self.api = api
        self.bucket = bucket
        self.kubernetes = kubernetes
        self.channel = grpc.insecure_channel(f"127.0.0.1:{metadata_port}")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"page": self}))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.channel.close()


class _Handler(BaseHTTPRequestHandler):
    page: WebPage

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.startswith("/apis/v1beta1/") or url.path.startswith("/apis/v2beta1/"):
            self._forward(body)
        elif url.path.startswith("/ml_metadata.MetadataStoreService/"):
            self._ask_metadata(url.path, body)
        elif url.path == "/artifacts/get":
            with self.page.bucket.open_input_stream(f"{query['bucket']}/{query['key']}") as stream:
                self._answer(200, stream.read(), "application/octet-stream")
        elif url.path == "/k8s/pod/logs" and query["podname"] in self.page.kubernetes.logs:
            self._answer(200, self.page.kubernetes.logs[query["podname"]].encode(), "text/plain")
        elif url.path == "/k8s/pod":
            pods = self.page.kubernetes.objects[f"/api/v1/namespaces/{NAMESPACE}/pods"]
            self._answer(200, json.dumps(pods.get(query["podname"], {})).encode(), "application/json")
        else:
            self._answer(404, b"<!DOCTYPE html>", "text/html")

    do_GET = do_POST = do_DELETE = do_any  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        pass

    def _forward(self, body: bytes) -> None:
        headers = {name: self.headers[name] for name in ("Content-Type", "Authorization") if name in self.headers}
        request = Request(self.page.api + self.path, body or None, headers, method=self.command)
        try:
            with urlopen(request, timeout=30) as response:
                self._answer(response.status, response.read(), response.headers["Content-Type"])
        except HTTPError as error:
            self._answer(error.code, error.read(), error.headers["Content-Type"])

    def _ask_metadata(self, method: str, body: bytes) -> None:
        assert self.headers["Content-Type"] == "application/grpc-web+proto"
        assert body[0] == 0
        assert int.from_bytes(body[1:5], "big") == len(body) - 5
        answer: Any = self.page.channel.unary_unary(method)(body[5:])
        frames = ((0x00, answer), (0x80, b"grpc-status:0\r\n"))
        packed = b"".join(bytes([kind]) + len(content).to_bytes(4, "big") + content for kind, content in frames)
        self._answer(200, packed, "application/grpc-web+proto")

    def _answer(self, code: int, content: bytes, kind: str | None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
