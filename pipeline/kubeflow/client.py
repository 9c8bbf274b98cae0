"""Talks to Kubeflow Pipelines' API, v2beta1, through the services of the kfp SDK. Every answer is checked.

The API: https://www.kubeflow.org/docs/components/pipelines/reference/api/kubeflow-pipeline-api-spec/
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import kfp_server_api as api
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
        transport = _CheckedTransport(config)
        self._experiments = api.ExperimentServiceApi(transport)
        self._pipelines = api.PipelineServiceApi(transport)
        self._uploads = api.PipelineUploadServiceApi(transport)
        self._runs = api.RunServiceApi(transport)
        self._schedules = api.RecurringRunServiceApi(transport)

    def submit(self, package: str) -> str:
        """Start a run of a compiled pipeline, and return its id."""
        name = f"{self._config.pipeline_name} {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}"
        run = api.V2beta1Run(display_name=name, **self._describe_run(package))
        return self._get_id(self._runs.run_service_create_run(run), "run_id")

    def schedule(self, package: str) -> str:
        """Make the schedule what the configuration says, and return what was done: created, replaced or unchanged."""
        cron = api.V2beta1CronSchedule(cron=to_six_fields(self._config.cron))
        wanted = api.V2beta1RecurringRun(
            display_name=self._config.pipeline_name,
            max_concurrency="1",
            no_catchup=True,
            trigger=api.V2beta1Trigger(cron_schedule=cron),
            mode=api.RecurringRunMode.ENABLE if self._config.enabled else api.RecurringRunMode.DISABLE,
            **self._describe_run(package),
        )
        existing = self.find_schedules()
        if any(_is_same(schedule, wanted) for schedule in existing):
            return "unchanged"
        # First the new one, then the old ones away: whatever fails between, there is a schedule.
        self._get_id(self._schedules.recurring_run_service_create_recurring_run(wanted), "recurring_run_id")
        for schedule in existing:
            self._schedules.recurring_run_service_delete_recurring_run(self._get_id(schedule, "recurring_run_id"))
        return "replaced" if existing else "created"

    def list_schedules(self) -> list[Any]:
        """Return the schedules of the experiment, as V2beta1RecurringRun."""
        ask = self._schedules.recurring_run_service_list_recurring_runs
        return list(_list("recurring_runs", ask, experiment_id=self._find_experiment()))

    def find_schedules(self) -> list[Any]:
        """Return the schedules of this pipeline: one, or none."""
        return [schedule for schedule in self.list_schedules() if schedule.display_name == self._config.pipeline_name]

    def pause(self) -> int:
        """Stop the schedule from starting runs; return how many there were."""
        return self._change_schedules(self._schedules.recurring_run_service_disable_recurring_run)

    def resume(self) -> int:
        """Let the schedule start runs again; return how many there were."""
        return self._change_schedules(self._schedules.recurring_run_service_enable_recurring_run)

    def delete(self) -> int:
        """Delete the schedule; its runs stay. Return how many there were."""
        return self._change_schedules(self._schedules.recurring_run_service_delete_recurring_run)

    def list_runs(self) -> list[Any]:
        """Return the runs of the experiment, newest first, as V2beta1Run."""
        ask = self._runs.run_service_list_runs
        return list(_list("runs", ask, experiment_id=self._find_experiment(), sort_by="created_at desc"))

    def make_link(self, run_id: str) -> str:
        """Return the address of a run's page, with its graph and logs, once the run is known to be there."""
        self._get_id(self._runs.run_service_get_run(run_id), "run_id")
        return f"{self._config.host.rstrip('/')}/#/runs/details/{run_id}"

    def _describe_run(self, package: str) -> dict[str, Any]:
        """Return what a run and a schedule say alike."""
        pipeline_id, version_id = self._upload(package)
        return {
            "experiment_id": self._find_experiment(),
            "pipeline_version_reference": api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline_id, pipeline_version_id=version_id
            ),
            # The package has the values as its defaults.
            "runtime_config": api.V2beta1RuntimeConfig(parameters={}, pipeline_root=self._config.pipeline_root),
            "service_account": self._config.service_account,
        }

    def _upload(self, package: str) -> tuple[str, str]:
        """Upload a package as a version of the pipeline, named for its contents; one that is there is used."""
        name = self._config.pipeline_name
        version = f"{name}-{hashlib.sha256(package.encode()).hexdigest()[:16]}"
        pipeline = self._find_by_name("pipelines", self._pipelines.pipeline_service_list_pipelines, name)
        if not pipeline:
            pipeline = api.V2beta1Pipeline(display_name=name, namespace=self._config.namespace)
            pipeline = self._pipelines.pipeline_service_create_pipeline(pipeline)
        pipeline_id = self._get_id(pipeline, "pipeline_id")
        ask = self._pipelines.pipeline_service_list_pipeline_versions
        for found in _list("pipeline_versions", ask, pipeline_id=pipeline_id):
            if found.display_name == version:
                return pipeline_id, self._get_id(found, "pipeline_version_id")
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, f"{name}.yaml")
            path.write_text(package)
            uploaded = self._uploads.upload_pipeline_version(str(path), name=version, pipelineid=pipeline_id)
        return pipeline_id, self._get_id(uploaded, "pipeline_version_id")

    def _find_experiment(self) -> str:
        name = self._config.experiment
        experiment = self._find_by_name("experiments", self._experiments.experiment_service_list_experiments, name)
        if not experiment:
            experiment = api.V2beta1Experiment(display_name=name, namespace=self._config.namespace)
            experiment = self._experiments.experiment_service_create_experiment(experiment)
        return self._get_id(experiment, "experiment_id")

    def _find_by_name(self, key: str, ask: Callable[..., Any], name: str) -> Any:
        predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
        wanted = json.dumps({"predicates": [predicate]})
        return next(_list(key, ask, filter=wanted, namespace=self._config.namespace), None)

    def _change_schedules(self, change: Callable[[str], Any]) -> int:
        schedules = self.find_schedules()
        for schedule in schedules:
            change(self._get_id(schedule, "recurring_run_id"))
        return len(schedules)

    def _get_id(self, answer: Any, key: str) -> str:
        if not getattr(answer, key):
            raise KubeflowError(
                f"{self._config.host}: the answer has no {key}; expected one of Kubeflow Pipelines 2; check host"
            )
        return str(getattr(answer, key))


class _CheckedTransport(api.ApiClient):
    """What the services ask through; whatever they ask, the answer is checked here."""

    def __init__(self, config: KubeflowConfig) -> None:
        settings = api.Configuration(host=config.host.rstrip("/"))
        settings.retries = urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=5)
        token = _read_token(config)
        if token:
            settings.api_key = {"authorization": token}
            settings.api_key_prefix = {"authorization": "Bearer"}
        super().__init__(settings, cookie=os.environ.get("KUBEFLOW_COOKIE"))
        self._config = config

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Ask, within the time of the configuration, and return an answer that is a JSON object."""
        where = f"{self._config.host}: {method} {url.partition(_API)[2]}"
        try:
            response = super().request(method, url, **{**options, "_request_timeout": self._config.timeout})
        except api.ApiException as error:
            raise KubeflowError(_describe_refusal(where, error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubeflowError(f"{where}: {_describe_break(error, self._config.timeout)}") from error
        if not isinstance(_parse(response.data), dict):
            raise KubeflowError(
                f"{where}: the answer is a page and no data, most likely a login page; "
                "set KUBEFLOW_TOKEN, KUBEFLOW_COOKIE or token_file, and check host"
            )
        return response

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


def _list(key: str, ask: Callable[..., Any], **query: Any) -> Iterator[Any]:
    """Yield what a service lists as `key`, page by page."""
    token = ""
    while True:
        page = ask(page_size=_PAGE, page_token=token, **query)
        yield from getattr(page, key) or []
        token = page.next_page_token
        if not token:
            return


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
        raise KubeflowError(f"token_file {config.token_file}: cannot be read ({error.strerror}); restore it") from error


def _is_same(schedule: Any, wanted: Any) -> bool:
    """Tell whether a schedule does what is wanted, whether it is paused or not."""

    def describe(values: Any) -> list[str]:
        return [
            values.pipeline_version_reference.pipeline_version_id,
            values.trigger.cron_schedule.cron,
            (values.runtime_config and values.runtime_config.pipeline_root) or "",
            # A cluster fills in its own account where none is asked for.
            (wanted.service_account and values.service_account) or "",
        ]

    try:
        return describe(schedule) == describe(wanted)
    except AttributeError:  # a schedule that somebody else made, of another kind
        return False


def _describe_break(error: Exception, timeout: int) -> str:
    reason = getattr(error, "reason", None) or error
    late = isinstance(reason, urllib3.exceptions.TimeoutError)
    if late and not isinstance(reason, urllib3.exceptions.NewConnectionError):
        return f"no answer within {timeout} s; try again later"
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


def _parse(body: bytes | None) -> Any:
    """Return what is in an answer, None where it is no JSON."""
    try:
        return json.loads(body or "")
    except ValueError:
        return None
