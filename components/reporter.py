"""Report: the last stage, which writes down what the others found and decided, for people and for dashboards."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.data_validator import DataValidation
from components.report.lineage import Artifact, Origin, read_properties
from components.report.page import render_page
from components.report.record import gather_report, list_key_metrics

REPORT_FILE = "report.html"
METRICS_FILE = "metrics.json"


class RunReport(types.Artifact):
    """The report of a run (`report.html`) and its key metrics (`metrics.json`, numbers by name)."""

    TYPE_NAME = "RunReport"


class Executor(base_executor.BaseExecutor):
    """Render the report from the artifacts."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write `report.html` and `metrics.json`.

        Args:
            input_dict: The artifacts that hold what is to be told, one of each.
            output_dict: `report`, one RunReport artifact.
            exec_properties: `origin`, the fields of an Origin in JSON.
        """
        (output,) = output_dict["report"]
        report = gather_report(
            {name: _describe_artifact(artifact) for name, (artifact,) in input_dict.items()},
            run_id=self._context.pipeline_run_id if self._context else "",
            started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            origin=Origin(**json.loads(exec_properties["origin"])),
        )
        directory = Path(output.uri)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / REPORT_FILE).write_text(render_page(report), encoding="utf-8")
        (directory / METRICS_FILE).write_text(json.dumps(list_key_metrics(report), indent=2))


def _describe_artifact(artifact: types.Artifact) -> Artifact:
    properties = read_properties(artifact.mlmd_artifact.custom_properties)
    return Artifact(id=artifact.id, type=artifact.type_name, uri=Path(artifact.uri), properties=properties)


class ReporterSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of the Reporter."""

    PARAMETERS = {"origin": component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "validation": component_spec.ChannelParameter(type=DataValidation),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        "baseline": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {"report": component_spec.ChannelParameter(type=RunReport)}


class Reporter(base_component.BaseComponent):
    """Write the report of the run."""

    SPEC_CLASS = ReporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, origin: str, **channels: types.BaseChannel) -> None:
        super().__init__(ReporterSpec(origin=origin, report=types.Channel(type=RunReport), **channels))
