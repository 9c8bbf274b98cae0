"""Talks to Kubeflow Pipelines' API, v2beta1, through the kfp SDK's transport. Every answer is checked.

The API: https://www.kubeflow.org/docs/components/pipelines/reference/api/kubeflow-pipeline-api-spec/
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import kfp_server_api
import urllib3
from croniter import croniter

from pipeline.kubeflow.config import KubeflowConfig

_API = "/apis/v2beta1"
_PAGE = 100
_REMEDIES = {
    401: "the token is missing or has expired; set KUBEFLOW_TOKEN, KUBEFLOW_COOKIE or token_file",
    403: "this account may not do that; check namespace, and the account's role there",
    404: "there is no such thing; check host, namespace and name",
    409: "that is there already, or was changed meanwhile; look at what is there, and try again",
}


class KubeflowError(RuntimeError):
    """Kubeflow Pipelines did not do what it was asked for; one sentence says why and what to do."""


class Client:
    """Calls of the API that the commands are made of."""

    def __init__(self, config: KubeflowConfig) -> None:
        """Read the token or cookie; nothing is asked yet.

        Raises:
            KubeflowError: The file with the token cannot be read.
        """
        self._config = config
        transport = kfp_server_api.Configuration(host=config.host.rstrip("/"))
        transport.retries = urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=5)
        token = _read_token(config)
        if token:
            transport.api_key = {"authorization": token}
            transport.api_key_prefix = {"authorization": "Bearer"}
        self._transport = kfp_server_api.ApiClient(transport, cookie=os.environ.get("KUBEFLOW_COOKIE"))

    def submit(self, package: str) -> str:
        """Start a run of a compiled pipeline, and return its id."""
        now = datetime.now(timezone.utc)
        body = {"display_name": f"{self._config.pipeline_name} {now:%Y-%m-%d %H:%M:%S}", **self._describe_run(package)}
        return self._get_id(self._call("POST", "/runs", body), "run_id")

    def schedule(self, package: str) -> str:
        """Make the schedule what the configuration says, and return what was done: created, replaced or unchanged."""
        wanted = {
            "display_name": self._config.pipeline_name,
            **self._describe_run(package),
            "max_concurrency": 1,
            "no_catchup": True,
            "trigger": {"cron_schedule": {"cron": to_six_fields(self._config.cron)}},
            "mode": "ENABLE" if self._config.enabled else "DISABLE",
        }
        existing = self.find_schedules()
        if any(_is_same(schedule, wanted) for schedule in existing):
            return "unchanged"
        # First the new one, then the old one away: whatever fails between, there is a schedule.
        self._get_id(self._call("POST", "/recurringruns", wanted), "recurring_run_id")
        for schedule in existing:
            self._change_schedule("DELETE", schedule, "")
        return "replaced" if existing else "created"

    def list_schedules(self) -> list[dict[str, Any]]:
        """Return the schedules of the experiment."""
        return list(self._list("recurringRuns", "/recurringruns", experiment_id=self._find_experiment()))

    def find_schedules(self) -> list[dict[str, Any]]:
        """Return the schedules of this pipeline: one, or none."""
        return [item for item in self.list_schedules() if item.get("display_name") == self._config.pipeline_name]

    def pause(self) -> int:
        """Stop the schedule from starting runs; return how many there were."""
        return self._change_schedules("POST", ":disable")

    def resume(self) -> int:
        """Let the schedule start runs again; return how many there were."""
        return self._change_schedules("POST", ":enable")

    def delete(self) -> int:
        """Delete the schedule; its runs stay. Return how many there were."""
        return self._change_schedules("DELETE", "")

    def list_runs(self) -> list[dict[str, Any]]:
        """Return the runs of the experiment, newest first."""
        experiment = self._find_experiment()
        return list(self._list("runs", "/runs", experiment_id=experiment, sort_by="created_at desc"))

    def make_link(self, run_id: str) -> str:
        """Return the address of a run's page, with its graph and logs, once the run is known to be there."""
        self._get_id(self._call("GET", f"/runs/{run_id}"), "run_id")
        return f"{self._config.host.rstrip('/')}/#/runs/details/{run_id}"

    def _describe_run(self, package: str) -> dict[str, Any]:
        pipeline_id, version_id = self._upload(package)
        return {
            "experiment_id": self._find_experiment(),
            "pipeline_version_reference": {"pipeline_id": pipeline_id, "pipeline_version_id": version_id},
            # The package has the values as its defaults.
            "runtime_config": {"parameters": {}, "pipeline_root": self._config.pipeline_root},
            "service_account": self._config.service_account,
        }

    def _upload(self, package: str) -> tuple[str, str]:
        """Upload a package as a version of the pipeline, named for its contents; one that is there is used."""
        name = self._config.pipeline_name
        version = hashlib.sha256(package.encode()).hexdigest()[:16]
        pipeline = self._find_by_name("pipelines", "/pipelines", name)
        if not pipeline:
            body = {"display_name": name, "namespace": self._config.namespace}
            pipeline = self._call("POST", "/pipelines", body)
        pipeline_id = self._get_id(pipeline, "pipeline_id")
        for found in self._list("pipelineVersions", f"/pipelines/{pipeline_id}/versions"):
            if found.get("display_name") == f"{name}-{version}":
                return pipeline_id, self._get_id(found, "pipeline_version_id")
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, f"{name}.yaml")
            path.write_text(package)
            uploaded = self._call(
                "POST", "/pipelines/upload_version", upload=path, name=f"{name}-{version}", pipelineid=pipeline_id
            )
        return pipeline_id, self._get_id(uploaded, "pipeline_version_id")

    def _find_experiment(self) -> str:
        name = self._config.experiment
        experiment = self._find_by_name("experiments", "/experiments", name)
        if not experiment:
            body = {"display_name": name, "namespace": self._config.namespace}
            experiment = self._call("POST", "/experiments", body)
        return self._get_id(experiment, "experiment_id")

    def _find_by_name(self, key: str, path: str, name: str) -> dict[str, Any] | None:
        predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
        wanted = json.dumps({"predicates": [predicate]})
        return next(self._list(key, path, filter=wanted, namespace=self._config.namespace), None)

    def _change_schedules(self, method: str, action: str) -> int:
        schedules = self.find_schedules()
        for schedule in schedules:
            self._change_schedule(method, schedule, action)
        return len(schedules)

    def _change_schedule(self, method: str, schedule: dict[str, Any], action: str) -> None:
        self._call(method, f"/recurringruns/{self._get_id(schedule, 'recurring_run_id')}{action}")

    def _list(self, key: str, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self._call("GET", path, page_size=_PAGE, page_token=token, **query)
            yield from page.get(key) or page.get(_to_snake_case(key)) or []
            token = page.get("next_page_token") or ""
            if not token:
                return

    def _get_id(self, answer: dict[str, Any], key: str) -> str:
        if not answer.get(key):
            raise KubeflowError(f"{self._config.host}: the answer has no {key}; is this Kubeflow Pipelines 2?")
        return str(answer[key])

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, upload: Path | None = None, **query: Any
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        headers["Content-Type"] = "multipart/form-data" if upload else "application/json"
        where = f"{self._config.host}: {method} {path}"
        try:
            answer, *_ = self._transport.call_api(
                _API + path, method, {}, [(name, value) for name, value in query.items() if value != ""], headers,
                body=body, post_params=[], files={"uploadfile": str(upload)} if upload else {}, response_type="object",
                auth_settings=["Bearer"], _request_timeout=self._config.timeout,
            )  # fmt: skip
        except kfp_server_api.ApiException as error:
            raise KubeflowError(_describe_refusal(where, error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubeflowError(f"{where}: {_describe_break(error, self._config.timeout)}") from error
        if not isinstance(answer, dict):
            raise KubeflowError(
                f"{where}: the answer is a page and no data, most likely a login page; "
                "set KUBEFLOW_TOKEN, KUBEFLOW_COOKIE or token_file, and check host"
            )
        return answer


def to_six_fields(cron: str) -> str:
    """Put the seconds in front: KFP takes five fields for six and would run every hour."""
    return f"0 {cron}"


def list_next_runs(cron: str, start: datetime, count: int = 3) -> list[datetime]:
    """Return when a five-field cron expression starts the next runs after `start`; UTC."""
    times = croniter(cron, start.astimezone(timezone.utc))
    return [times.get_next(datetime) for _ in range(count)]


def _read_token(config: KubeflowConfig) -> str:
    if not config.token_file:
        return os.environ.get("KUBEFLOW_TOKEN", "").strip()
    try:
        return Path(config.token_file).read_text().strip()
    except OSError as error:
        raise KubeflowError(f"token_file {config.token_file}: cannot be read ({error.strerror})") from error


def _is_same(schedule: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether a schedule does what is wanted, whether it is paused or not."""

    def describe(values: dict[str, Any]) -> list[Any]:
        reference, trigger = values["pipeline_version_reference"], values["trigger"]
        return [
            reference["pipeline_version_id"],
            trigger["cron_schedule"]["cron"],
            (values.get("runtime_config") or {}).get("pipeline_root") or "",
            values.get("service_account") or "",
        ]

    try:
        # A cluster fills in its own account where none is asked for.
        return describe(
            {**schedule, "service_account": wanted["service_account"] and schedule.get("service_account")}
        ) == describe(wanted)
    except KeyError:
        return False


def _describe_break(error: Exception, timeout: int) -> str:
    reason = getattr(error, "reason", None) or error
    late = isinstance(reason, urllib3.exceptions.TimeoutError)
    if late and not isinstance(reason, urllib3.exceptions.NewConnectionError):
        return f"no answer within {timeout} s; try again later"
    return f"no whole answer ({reason}); check host and network"


def _describe_refusal(where: str, error: kfp_server_api.ApiException) -> str:
    if not error.status:
        return f"{where}: no connection ({error.reason}); check host and certificate"
    server_fault = error.status >= 500
    remedy = _REMEDIES.get(error.status) or (
        "it cannot answer now; try again later" if server_fault else "it was refused"
    )
    return f"{where}: {error.status}, {remedy}" + _read_reason(error.body)


def _read_reason(body: str | None) -> str:
    try:
        message = json.loads(body or "")["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({' '.join(str(message).split())[:300]})"


def _to_snake_case(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
