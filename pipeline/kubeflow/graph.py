"""The stages of a run on a cluster: those of `create_pipeline`, one before them, and two that say what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

from pipeline.kubeflow.changes import ANYTHING_CHANGED, CHANGES, KNOWN
from pipeline.kubeflow.config import KubeflowConfig, make_pipeline_config
from pipeline.kubeflow.data import DATA_DIR
from pipeline.kubeflow.verdict_stages import REPORT, REPORT_OUTPUTS, VERDICT
from pipeline.pipeline import create_pipeline

# Stages that read or write what is served have an execution property of this name.
_SERVING_DIR = "serving_dir"
# They say no, and would again.
_FINAL = ("DataGate", VERDICT)


class Source(NamedTuple):
    """Where an input artifact comes from: KFP's type, the stage that makes it, and what it calls it."""

    title: str
    stage: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStage:
    """What the compiler has to know of a stage.

    Attributes:
        name: Of its task, its component, its executor.
        inputs: By key.
        outputs: KFP's types, by key.
        after: The stages that have to succeed before.
        uses_serving: Whether it needs the volume of what is served.
        reads_data: Whether it needs the data of the run.
        uses_beam: Whether it may run on an engine.
        is_final: Whether what it says is never tried again.
        condition: Over its inputs, in KFP's words; where it is false, the stage and all that need it are passed over.
    """

    name: str
    inputs: Mapping[str, Source] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    uses_serving: bool = False
    reads_data: bool = False
    uses_beam: bool = False
    is_final: bool = False
    condition: str = ""


CHANGES_STAGE = ClusterStage(name=CHANGES, outputs={KNOWN: "system.Artifact"}, uses_serving=True, reads_data=True)
# Runs at the very end, whatever became of the others.
REPORT_STAGE = ClusterStage(name=REPORT, outputs=REPORT_OUTPUTS, uses_serving=True)


def list_stages(config: KubeflowConfig) -> list[ClusterStage]:
    """Return the stages of a run but for the report, in their order."""
    pipeline = create_pipeline(make_pipeline_config(config))
    first, *others = (_describe(component) for component in pipeline.components if component.id != REPORT)
    known = Source(CHANGES_STAGE.outputs[KNOWN], CHANGES, KNOWN)
    first = replace(first, inputs={**first.inputs, KNOWN: known}, after=(CHANGES,), condition=ANYTHING_CHANGED)
    stages = [CHANGES_STAGE, first, *others]
    if config.fail_when_rejected:
        stages.append(_make_verdict_stage({stage.name: stage for stage in stages}))
    return stages


def _describe(component: BaseComponent) -> ClusterStage:
    return ClusterStage(
        name=component.id,
        inputs={
            key: Source(_name_type(channel.type), channel.producer_component_id, channel.output_key)
            for key, channel in component.inputs.items()
        },
        outputs={key: _name_type(channel.type) for key, channel in component.outputs.items()},
        after=tuple(sorted(node.id for node in component.upstream_nodes)),
        uses_serving=_SERVING_DIR in component.exec_properties,
        reads_data=DATA_DIR in component.exec_properties,
        uses_beam=isinstance(component.executor_spec, BeamExecutorSpec),
        is_final=component.id in _FINAL,
    )


def _make_verdict_stage(stages: Mapping[str, ClusterStage]) -> ClusterStage:
    made = {"evaluation": "Evaluator", "pushed_model": "Pusher"}
    inputs = {key: Source(stages[stage].outputs[key], stage, key) for key, stage in made.items()}
    return ClusterStage(name=VERDICT, inputs=inputs, after=tuple(sorted(made.values())), is_final=True)


def _name_type(artifact_type: type) -> str:
    return f"tfx.{artifact_type.TYPE_NAME}"  # type: ignore[attr-defined]
