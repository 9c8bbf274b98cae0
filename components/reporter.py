"""Report: the last stage, which writes down what the others found and decided, for people and for dashboards."""

import json
from datetime import datetime, timezone
from pathlib import Path

import msgspec
from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.data_validator import DataValidation
from components.report.lineage import Artifact, Origin, read_properties
from components.report.page import render_page
from components.report.record import gather_report, list_key_metrics

REPORT_FILE = "report.html"
METRICS_FILE = "metrics.json"


class RunReport(types.Artifact):
    """The report of a run (`report.html`) and its key metrics (`metrics.json`, numbers by name)."""

    TYPE_NAME = "RunReport"


@component
def Reporter(
    examples: InputArtifact[standard_artifacts.Examples],
    validation: InputArtifact[DataValidation],
    model_run: InputArtifact[standard_artifacts.ModelRun],
    baseline: InputArtifact[standard_artifacts.Model],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    pushed_model: InputArtifact[standard_artifacts.PushedModel],
    report: OutputArtifact[RunReport],
    run_id: Parameter[str],
    origin: Parameter[str],
) -> None:
    """Write down what the artifacts hold, and the `origin` of the run: the fields of an Origin, in JSON."""
    told = {
        "examples": examples,
        "validation": validation,
        "model_run": model_run,
        "baseline": baseline,
        "evaluation": evaluation,
        "pushed_model": pushed_model,
    }
    gathered = gather_report(
        {name: _describe_artifact(artifact) for name, artifact in told.items()},
        run_id=run_id,
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        origin=msgspec.json.decode(origin, type=Origin),
    )
    Path(report.uri, REPORT_FILE).write_text(render_page(gathered), encoding="utf-8")
    Path(report.uri, METRICS_FILE).write_text(json.dumps(list_key_metrics(gathered), indent=2))


def _describe_artifact(artifact: types.Artifact) -> Artifact:
    properties = read_properties(artifact.mlmd_artifact.custom_properties)
    return Artifact(id=artifact.id, type=artifact.type_name, uri=Path(artifact.uri), properties=properties)
