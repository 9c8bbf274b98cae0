"""Talks to Kubeflow Pipelines' API, v2beta1, through the services of the kfp SDK: pipelines, experiments and runs.

The API: https://www.kubeflow.org/docs/components/pipelines/reference/api/kubeflow-pipeline-api-spec/
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import kfp_server_api as api

from pipeline.kubeflow.config import KubeflowConfig
from pipeline.kubeflow.transport import KubeflowError, Transport

_PAGE = 100
# A run in one of these states has ended.
ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}


class Client:
    """Calls of the API that the commands are made of."""

    def __init__(self, config: KubeflowConfig) -> None:
        """Read the token or cookie; nothing is asked yet.

        Raises:
            KubeflowError: The file with the token cannot be read.
        """
        self.config = config
        self.transport = Transport(config)
        self._experiments = api.ExperimentServiceApi(self.transport)
        self._pipelines = api.PipelineServiceApi(self.transport)
        self._uploads = api.PipelineUploadServiceApi(self.transport)
        self._runs = api.RunServiceApi(self.transport)

    def submit(self, package: str, name: str = "", parameters: Mapping[str, str] | None = None) -> str:
        """Start a run of a compiled pipeline, and return its id.

        Args:
            package: What `compile_pipeline` returned.
            name: Of the pipeline; by default the configuration's.
            parameters: Of the run; by default the package's defaults.
        """
        name = name or self.config.pipeline_name
        described = self.describe_run(package, name, parameters or {})
        run = api.V2beta1Run(display_name=f"{name} {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}", **described)
        return self.get_id(self._runs.run_service_create_run(run), "run_id")

    def list_runs(self, most: int | None = None, **equal: str) -> list[Any]:
        """Return the runs of the experiment, newest first, as V2beta1Run.

        Args:
            most: How many at most.
            equal: Only those whose fields of these names have these values.
        """
        query = {"filter": _make_filter(equal)} if equal else {}
        query |= {"experiment_id": self.find_experiment(), "sort_by": "created_at desc"}
        return list(islice(list_pages("runs", self._runs.run_service_list_runs, **query), most))

    def read_run(self, run_id: str) -> Any:
        """Return a run with the details of its tasks, as V2beta1Run."""
        run = self._runs.run_service_get_run(run_id)
        self.get_id(run, "run_id")
        return run

    def terminate(self, run_id: str) -> None:
        """Stop a run; what it has pushed stays."""
        self._runs.run_service_terminate_run(run_id)

    def make_link(self, run_id: str) -> str:
        """Return the address of a run's page, with its graph and logs."""
        return f"{self.config.host.rstrip('/')}/#/runs/details/{run_id}"

    def describe_run(self, package: str, name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Upload a package as a version of that pipeline, and return what a run and a schedule of it say alike."""
        pipeline_id, version_id = self._upload(package, name)
        return {
            "experiment_id": self.find_experiment(),
            "pipeline_version_reference": api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline_id, pipeline_version_id=version_id
            ),
            # Of all that are not named, the package has the values as its defaults.
            "runtime_config": api.V2beta1RuntimeConfig(parameters=parameters, pipeline_root=self.config.pipeline_root),
            "service_account": self.config.service_account,
        }

    def find_experiment(self) -> str:
        """Return the id of the experiment, which is made where it is not there."""
        name = self.config.experiment
        experiment = self._find_by_name("experiments", self._experiments.experiment_service_list_experiments, name)
        if not experiment:
            experiment = api.V2beta1Experiment(display_name=name, namespace=self.config.namespace)
            experiment = self._experiments.experiment_service_create_experiment(experiment)
        return self.get_id(experiment, "experiment_id")

    def get_id(self, answer: Any, key: str) -> str:
        """Return the id in an answer.

        Raises:
            KubeflowError: There is none, as in the answers of what is no Kubeflow Pipelines.
        """
        if not getattr(answer, key):
            raise KubeflowError(
                f"{self.config.host}: the answer has no {key}; expected one of Kubeflow Pipelines 2; check host"
            )
        return str(getattr(answer, key))

    def _upload(self, package: str, name: str) -> tuple[str, str]:
        """Upload a package as a version of the pipeline, named for its contents; one that is there is used."""
        version = f"{name}-{hashlib.sha256(package.encode()).hexdigest()[:16]}"
        pipeline = self._find_by_name("pipelines", self._pipelines.pipeline_service_list_pipelines, name)
        if not pipeline:
            pipeline = api.V2beta1Pipeline(display_name=name, namespace=self.config.namespace)
            pipeline = self._pipelines.pipeline_service_create_pipeline(pipeline)
        pipeline_id = self.get_id(pipeline, "pipeline_id")
        ask = self._pipelines.pipeline_service_list_pipeline_versions
        for found in list_pages("pipeline_versions", ask, pipeline_id=pipeline_id):
            if found.display_name == version:
                return pipeline_id, self.get_id(found, "pipeline_version_id")
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, f"{name}.yaml")
            path.write_text(package)
            uploaded = self._uploads.upload_pipeline_version(str(path), name=version, pipelineid=pipeline_id)
        return pipeline_id, self.get_id(uploaded, "pipeline_version_id")

    def _find_by_name(self, key: str, ask: Callable[..., Any], name: str) -> Any:
        query = {"filter": _make_filter({"display_name": name}), "namespace": self.config.namespace}
        return next(list_pages(key, ask, **query), None)


def list_pages(key: str, ask: Callable[..., Any], **query: Any) -> Iterator[Any]:
    """Yield what a service lists as `key`, page by page."""
    token = ""
    while True:
        page = ask(page_size=_PAGE, page_token=token, **query)
        yield from getattr(page, key) or []
        token = page.next_page_token
        if not token:
            return


def _make_filter(equal: dict[str, str]) -> str:
    """Write KFP's filter for fields that have these values."""
    predicates = [{"operation": "EQUALS", "key": key, "string_value": value} for key, value in equal.items()]
    return json.dumps({"predicates": predicates})
