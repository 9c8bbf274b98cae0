"""What KFP gives a container to do, and what it wants to hear of it: no more than all of its releases send."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pipeline.config import PipelineConfig
from pipeline.kubeflow.config import RUN_ID, restore_pipeline_config
from pipeline.notify.settings import Notify

# The metadata of each output, by its key.
Outputs: TypeAlias = dict[str, dict[str, Any]]

_FACTS = ("data_digest", "image_shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stage of one run.

    Attributes:
        stage: Its name in the pipeline.
        run_id: The run's.
        config: That of the pipeline, with the parameters of the run.
        inputs: What KFP says of each input artifact, by key.
        outputs: What it says of each output artifact, by key.
        output_file: Where the launcher looks for what came of it.
        sample_size: Training images that `data = sample` generates.
        notify: Who is told of the run, None for nobody; the Report alone knows.
        work_dir: A folder that an engine's workers share, for a stage that runs on one.
    """

    stage: str
    run_id: str
    config: PipelineConfig
    inputs: Mapping[str, list[Mapping[str, Any]]]
    outputs: Mapping[str, Mapping[str, Any]]
    output_file: Path
    sample_size: int = 0
    notify: Notify | None = None
    work_dir: Path | None = None


def read_task(stage: str, fixed: Mapping[str, Any], executor_input: Mapping[str, Any]) -> Task:
    """Read KFP's message.

    Args:
        stage: Name of the stage.
        fixed: Options that were fixed when the pipeline was compiled, see `describe_fixed`.
        executor_input: KFP's message of that name, parsed from JSON.

    Raises:
        ConfigError: A parameter is out of its range.
    """
    given, outputs = executor_input.get("inputs", {}), executor_input["outputs"]
    parameters = dict(given.get("parameterValues", {}))
    run_id = parameters.pop(RUN_ID, "")
    inputs = {key: listed["artifacts"] for key, listed in given.get("artifacts", {}).items()}
    facts = read_facts(artifacts[0].get("metadata", {}) for artifacts in inputs.values())
    return Task(
        stage=stage,
        run_id=run_id,
        config=restore_pipeline_config({**fixed, **facts}, parameters),
        inputs=inputs,
        outputs={key: listed["artifacts"][0] for key, listed in outputs.get("artifacts", {}).items()},
        output_file=Path(outputs["outputFile"]),
    )


def read_facts(properties: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a local run knows of the data before it starts, and a pod from the examples that it is given."""
    facts: dict[str, Any] = {}
    for values in properties:
        facts |= {name: values[name] for name in _FACTS if name in values}
    if "image_shape" in facts:
        facts["image_shape"] = tuple(json.loads(facts["image_shape"]))
    return facts


def write_output(task: Task, outputs: Outputs) -> None:
    """Write KFP's ExecutorOutput: the outputs as they were declared, with their metadata."""
    listed = {}
    for key, metadata in outputs.items():
        declared = task.outputs[key]
        listed[key] = {"artifacts": [{"name": declared.get("name", ""), "uri": declared["uri"], "metadata": metadata}]}
    task.output_file.parent.mkdir(parents=True, exist_ok=True)
    task.output_file.write_text(json.dumps({"artifacts": listed}))
