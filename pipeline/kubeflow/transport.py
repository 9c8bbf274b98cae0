"""Asks Kubeflow Pipelines over HTTP. Whatever goes wrong is one sentence, and no answer is taken unseen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kfp_server_api as api
import urllib3

from pipeline.kubeflow.config import KubeflowConfig

_API = "/apis/v2beta1"
_REMEDIES = {
    401: "the token is missing or has expired; set KUBEFLOW_TOKEN, KUBEFLOW_COOKIE or token_file",
    403: "this account may not do that; check namespace, and the account's role there",
    404: "there is no such thing; check host, namespace and name",
    409: "that is there already, or was changed meanwhile; look at what is there, and try again",
}
_LOGIN_PAGE = (
    "the answer is a page and no data, most likely a login page; "
    "set KUBEFLOW_TOKEN, KUBEFLOW_COOKIE or token_file, and check host"
)


class KubeflowError(RuntimeError):
    """Kubeflow Pipelines did not do what it was asked for; one sentence says why and what to do."""


class ConnectionLostError(KubeflowError):
    """It could not be asked, or could not answer just then; the same may do later."""


class MissingError(KubeflowError):
    """What was asked for is not there."""


class Transport(api.ApiClient):
    """What the services of the kfp SDK ask through; whatever they ask, the answer is checked here."""

    def __init__(self, config: KubeflowConfig) -> None:
        """Read the token or cookie; nothing is asked yet.

        Raises:
            KubeflowError: The file with the token cannot be read.
        """
        settings = api.Configuration(host=config.host.rstrip("/"))
        settings.retries = urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=5)
        settings.api_key_prefix = {"authorization": "Bearer"}
        settings.api_key = _read_token(config)
        settings.refresh_api_key_hook = self._renew_token
        super().__init__(settings, cookie=os.environ.get("KUBEFLOW_COOKIE"))
        self._config = config

    def _renew_token(self, settings: api.Configuration) -> None:
        """Read the token again: one that a cluster mounts lives for an hour, and some runs are watched for longer."""
        settings.api_key = _read_token(self._config)

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Ask, within the time of the configuration, and return an answer that is a JSON object."""
        response = self._ask(method, url, **options)
        if not isinstance(_parse(response.data), dict):
            raise KubeflowError(f"{self._name(method, url)}: {_LOGIN_PAGE}")
        return response

    def fetch(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        content_type: str = "*/*",
    ) -> bytes:
        """Return what lies at a path of the host that is no service of the SDK; with a body, POST it.

        A path that starts with two slashes is of the server, past what the host's address has behind the name.

        Raises:
            ConnectionLostError: There is no answer now.
            MissingError: There is nothing.
            KubeflowError: It is refused, or a page that asks for a password.
        """
        host = urllib3.util.parse_url(self._config.host)
        place = self._config.host.rstrip("/")
        if path.startswith("//"):
            place, path = f"{host.scheme}://{host.netloc}", path[1:]
        headers = {**self.default_headers, "Accept": content_type}
        if body is not None:
            headers["Content-Type"] = content_type
        if self.cookie:
            headers["Cookie"] = self.cookie
        self.update_params_for_auth(headers, [], ["Bearer"])
        method = "GET" if body is None else "POST"
        options = {"query_params": list((query or {}).items()), "headers": headers, "body": body}
        response = self._ask(method, f"{place}{path}", **options)
        return bytes(response.data)

    def fetch_object(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object that lies at a path of the host; the errors are those of `fetch`."""
        answer = _parse(self.fetch(path, query))
        if not isinstance(answer, dict):
            raise KubeflowError(f"{self._config.host}: GET {path}: {_LOGIN_PAGE}")
        return answer

    def _ask(self, method: str, url: str, **options: Any) -> Any:
        where = self._name(method, url)
        try:
            return super().request(method, url, **{**options, "_request_timeout": self._config.timeout})
        except api.ApiException as error:
            raise _choose_error(error)(_describe_refusal(where, error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLostError(f"{where}: {_describe_break(error, self._config.timeout)}") from error

    def _name(self, method: str, url: str) -> str:
        path = url.partition(_API)[2] or url.removeprefix(self._config.host.rstrip("/"))
        return f"{self._config.host}: {method} {path}"

    def deserialize(self, response: Any, response_type: str) -> Any:
        """Make the service's record of an answer."""
        try:
            return super().deserialize(response, response_type)
        except (api.ApiException, AttributeError, TypeError) as error:
            reason = getattr(error, "reason", None) or error
            raise KubeflowError(
                f"{self._config.host}: the answer is no {response_type} ({reason}); "
                "expected one of Kubeflow Pipelines 2; check host"
            ) from error


def _read_token(config: KubeflowConfig) -> dict[str, str]:
    """Return the token by the name of the header that it is sent in; nothing where there is none."""
    try:
        token = Path(config.token_file).read_text() if config.token_file else os.environ.get("KUBEFLOW_TOKEN", "")
        return {"authorization": token.strip()} if token.strip() else {}
    except OSError as error:
        raise KubeflowError(f"token_file {config.token_file}: cannot be read ({error.strerror}); restore it") from error


def _choose_error(error: api.ApiException) -> type[KubeflowError]:
    if error.status == 404:
        return MissingError
    return ConnectionLostError if (error.status or 0) >= 500 else KubeflowError


def _describe_break(error: Exception, timeout: int) -> str:
    reason = getattr(error, "reason", None) or error
    late = isinstance(reason, urllib3.exceptions.TimeoutError)
    if late and not isinstance(reason, urllib3.exceptions.NewConnectionError):
        return f"no answer within {timeout} s; try again later"
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        why = str(reason).rpartition("] ")[2] or reason
        return f"nothing answers there ({why}); check host, and that kubectl port-forward runs where it is needed"
    return f"no whole answer ({reason}); check host and network"


def _describe_refusal(where: str, error: api.ApiException) -> str:
    if not error.status:
        return f"{where}: no connection ({error.reason}); check host and certificate"
    server_fault = error.status >= 500
    remedy = _REMEDIES.get(error.status) or (
        "it cannot answer now; try again later" if server_fault else "it was refused"
    )
    return f"{where}: {error.status}, {remedy}" + _read_reason(error.body)


def _read_reason(body: bytes | None) -> str:
    try:
        message = _parse(body)["message"]
    except (KeyError, TypeError):
        return ""
    return f" ({' '.join(str(message).split())[:300]})"


def _parse(body: bytes | str | None) -> Any:
    """Return what is in an answer, None where it is no JSON."""
    try:
        return json.loads(body or "")
    except ValueError:
        return None
