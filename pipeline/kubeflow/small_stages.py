"""Stages that need neither TensorFlow nor TFX, run without either: most of a pod's time would go into importing them.

Each does what the component of that name in `components/` does, by the same function; what `create_pipeline` tells that
one is told here once more, and a test holds the two against each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from components.features import CLASS_NAMES_PROPERTY
from components.gate.data_rejection import reject_unsound
from components.images.schema import write_schema
from components.report.record import MODEL_DIR
from components.serving.baseline_choice import VERSION_PROPERTY, copy_baseline
from components.serving.versions import get_pushed_version
from pipeline.kubeflow.changes import CHANGES
from pipeline.kubeflow.first_stage import run_changes
from pipeline.kubeflow.message import Outputs, Task
from pipeline.kubeflow.places import keep_folder, make_folder, restore_artifact
from pipeline.kubeflow.verdict_stages import REPORT, VERDICT, run_report, run_verdict


def run_schema(task: Task) -> Outputs:
    """Write the curated schema for the images and classes of the examples."""
    (examples,) = task.inputs["examples"]
    class_names = json.loads(restore_artifact(examples).properties[CLASS_NAMES_PROPERTY])
    write_schema(make_folder(task.outputs["schema"]["uri"]), task.config.image_shape, class_names)
    return _describe(task, "schema", {})


def run_data_gate(task: Task) -> Outputs:
    """Fail unless every check of the data passed.

    Raises:
        DataRejectedError: One did not.
    """
    (validation,) = task.inputs["validation"]
    reject_unsound(restore_artifact(validation).uri)
    return {}


def run_baseline(task: Task) -> Outputs:
    """Copy what the candidate is to be compared with.

    Raises:
        ServingError: It is damaged, or no longer there.
    """
    (model,) = task.inputs["model"]
    candidate, copy = restore_artifact(model).uri / MODEL_DIR, make_folder(task.outputs["baseline"]["uri"]) / MODEL_DIR
    serving_dir = task.config.serving_dir
    version = copy_baseline(serving_dir, get_pushed_version(serving_dir), candidate, copy)
    return _describe(task, "baseline", {} if version is None else {VERSION_PROPERTY: version})


def _describe(task: Task, key: str, properties: Mapping[str, Any]) -> Outputs:
    keep_folder(make_folder(task.outputs[key]["uri"]))
    return {key: {**properties, "tfx_version": metadata.version("tfx")}}


SMALL_STAGES: dict[str, Callable[[Task], Outputs]] = {
    CHANGES: run_changes,
    "Schema": run_schema,
    "DataGate": run_data_gate,
    "Baseline": run_baseline,
    VERDICT: run_verdict,
    REPORT: run_report,
}
