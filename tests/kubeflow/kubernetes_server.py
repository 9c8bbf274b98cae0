"""A Kubernetes API in memory, as far as KFP's programs use it: any resource is created, read, listed, patched, deleted.

Nothing is validated and nothing happens by itself. Paths: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import base64
import copy
import json
import ssl
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAMESPACE = "kubeflow"
WATCH_SECONDS = 2


class KubernetesServer:
    """Serves on a free port; `objects` holds what is there, by collection (`.../namespaces/kubeflow/pods`) and name."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.service_account = directory / "serviceaccount"
        self.service_account.mkdir()
        certificate, key = self.service_account / "ca.crt", directory / "key.pem"
        command = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=kubernetes -addext subjectAltName=IP:127.0.0.1"
        )
        subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
        (self.service_account / "namespace").write_text(NAMESPACE)
        (self.service_account / "token").write_text("token")

        self.objects: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, str] = {}  # of pods
        self._lock = threading.Lock()
        self._version = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kubernetes": self}))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_core(self, resource: str, name: str, **body: Any) -> None:
        """Create an object of the core API in the namespace."""
        self.create(f"/api/v1/namespaces/{NAMESPACE}/{resource}", {"metadata": {"name": name}, **body})

    def add_secret(self, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.add_core("secrets", name, apiVersion="v1", kind="Secret", data=data)

    def get_secret(self, name: str, key: str) -> str:
        secret = self.objects[f"/api/v1/namespaces/{NAMESPACE}/secrets"][name]
        return base64.b64decode(secret["data"][key]).decode()

    def list_kind(self, resource: str) -> list[dict[str, Any]]:
        """Return all objects of a resource, such as `workflows`."""
        return [
            item
            for collection, items in self.objects.items()
            if collection.endswith(f"/{resource}")
            for item in items.values()
        ]

    def create(self, collection: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            metadata = body.setdefault("metadata", {})
            metadata.setdefault("name", metadata.get("generateName", "") + uuid.uuid4().hex[:5])
            created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": created}
            self.objects.setdefault(collection, {})[metadata["name"]] = self._stamp(body)
            return body

    def replace(self, collection: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.objects[collection][name] = self._stamp(body)
            return body

    def get_version(self) -> str:
        return str(self._version)

    def _stamp(self, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body["metadata"]["resourceVersion"] = self.get_version()
        return body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kubernetes: KubernetesServer

    def do_GET(self) -> None:
        if self._part == "log" and self._name in self.kubernetes.logs:
            self._answer_with(200, "text/plain", self.kubernetes.logs[self._name].encode())
        elif not self._name:
            self._list()
        elif found := self._find():
            self._answer(200, found)
        else:
            self._answer_missing()

    def do_POST(self) -> None:
        self._answer(201, self.kubernetes.create(self._collection, self._read()))

    def do_PUT(self) -> None:
        body = self._read()
        if self._find():
            self._answer(200, self.kubernetes.replace(self._collection, self._name, body))
        else:
            self._answer_missing()

    def do_PATCH(self) -> None:
        body = self._read()
        if found := self._find():
            self._answer(200, self.kubernetes.replace(self._collection, self._name, merge(copy.deepcopy(found), body)))
        else:
            self._answer_missing()

    def do_DELETE(self) -> None:
        self._read()
        if self._find():
            self.kubernetes.objects[self._collection].pop(self._name)
            self._answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
        else:
            self._answer_missing()

    def log_message(self, *_: object) -> None:
        pass

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        url = urlsplit(self.path)
        self._query = parse_qs(url.query)
        parts = url.path.strip("/").split("/")
        # /api/v1 or /apis/GROUP/VERSION, then namespaces/NAMESPACE where there is one, then RESOURCE and NAME.
        start = 2 if parts[0] == "api" else 3
        start += 2 if parts[start : start + 1] == ["namespaces"] and len(parts) > start + 2 else 0
        self._collection = "/" + "/".join(parts[: start + 1])
        self._name = parts[start + 1] if len(parts) > start + 1 else ""
        self._part = parts[start + 2] if len(parts) > start + 2 else ""
        return True

    def _find(self) -> dict[str, Any] | None:
        return self.kubernetes.objects.get(self._collection, {}).get(self._name)

    def _list(self) -> None:
        if self._query.get("watch") in (["true"], ["1"]):
            time.sleep(WATCH_SECONDS)  # nothing happened
            self._answer(200, None)
        else:
            items = list(self.kubernetes.objects.get(self._collection, {}).values())
            metadata = {"resourceVersion": self.kubernetes.get_version()}
            self._answer(200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items})

    def _read(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def _answer_missing(self) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        self._answer(404, {**status, "message": f"{self.path} not found"})

    def _answer(self, code: int, body: dict[str, Any] | None) -> None:
        self._answer_with(code, "application/json", b"" if body is None else json.dumps(body).encode())

    def _answer_with(self, code: int, kind: str, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def merge(old: dict[str, Any], new: Any) -> dict[str, Any]:
    """Apply a JSON merge patch, RFC 7396, or the one step of RFC 6902 that KFP takes: it adds or replaces values."""
    if isinstance(new, list):
        for step in new:
            place = old
            *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
            for part in way:
                place = place.setdefault(part, {})
            place[last] = step["value"]
        return old
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        elif isinstance(value, dict):
            old[key] = merge(old.get(key) or {}, value)
        else:
            old[key] = value
    return old
