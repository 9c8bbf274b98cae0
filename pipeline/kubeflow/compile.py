"""From `create_pipeline` to one YAML file: KFP's PipelineSpec 2.1.0 and the platform document for Kubernetes.

The format: https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.version import __version__ as tfx_version

from pipeline.declared import ConfigError
from pipeline.kubeflow.config import (
    RUN_ID,
    KubeflowConfig,
    describe_fixed,
    list_parameters,
    make_pipeline_config,
)
from pipeline.kubeflow.graph import REPORT_STAGE, ClusterStage, list_stages
from pipeline.kubeflow.spec import constant, describe_resources, mount_volume
from pipeline.notify.settings import POD_VARIABLE

_TRAINER = "Trainer"
# All stages but the report are one task of the root: only of one task it can be told that another follows it whatever
# became of it. KFP's own SDK compiles its ExitHandler to the same.
STAGES = "Stages"
_TYPES = {int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", str: "STRING", bool: "BOOLEAN"}


def compile_pipeline(config: KubeflowConfig) -> str:
    """Return the YAML file. Equal configurations give equal bytes.

    Raises:
        ConfigError: A stage is configured that the pipeline does not have.
    """
    stages = list_stages(config)
    every = [*stages, REPORT_STAGE]
    names = [stage.name for stage in every]
    unknown = sorted(config.stages.keys() - {*names, "default"})
    if unknown:
        raise ConfigError(f"[stages.{unknown[0]}]: no such stage; expected {', '.join(names)}.")
    spec = {
        "schemaVersion": "2.1.0",
        "sdkVersion": f"tfx-{tfx_version}",
        "pipelineInfo": {"name": config.pipeline_name},
        "root": {
            "inputDefinitions": {"parameters": _define_parameters(config)},
            "dag": {"tasks": {STAGES: _make_task(STAGES), REPORT_STAGE.name: _make_report_task(config)}},
        },
        "components": {
            f"comp-{STAGES}": _make_dag(config, stages),
            **{f"comp-{stage.name}": _make_component(stage) for stage in every},
        },
        "deploymentSpec": {"executors": {f"exec-{stage.name}": _make_executor(config, stage) for stage in every}},
    }
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())  # refuses what KFP would refuse
    platform = {f"exec-{stage.name}": _make_platform(config, stage) for stage in every}
    documents = [spec, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}}]
    return yaml.safe_dump_all(documents, sort_keys=True, width=120)


def _define_parameters(config: KubeflowConfig) -> dict[str, Any]:
    defaults = make_pipeline_config(config)
    return {
        name: {
            "parameterType": _TYPES[kind],
            "defaultValue": config.data if name == "data" else getattr(defaults, name),
        }
        for name, kind in list_parameters().items()
    }


def _make_dag(config: KubeflowConfig, stages: Sequence[ClusterStage]) -> dict[str, Any]:
    return {
        "inputDefinitions": {"parameters": _declare_parameters(list_parameters())},
        "dag": {"tasks": {stage.name: _make_stage_task(config, stage) for stage in stages}},
    }


def _make_task(name: str) -> dict[str, Any]:
    """Return a task that gets all parameters of the run: the pod of a stage builds the whole pipeline."""
    return {
        "taskInfo": {"name": name},
        "componentRef": {"name": f"comp-{name}"},
        "inputs": {
            "parameters": {parameter: {"componentInputParameter": parameter} for parameter in list_parameters()}
        },
        # KFP's cache takes artifacts that are no longer there; the first stage looks whether anything changed.
        "cachingOptions": {"enableCache": False},
    }


def _make_stage_task(config: KubeflowConfig, stage: ClusterStage) -> dict[str, Any]:
    task = _make_task(stage.name)
    # Only as a constant of its own is it replaced by the run's id.
    task["inputs"]["parameters"][RUN_ID] = constant("{{$.pipeline_job_uuid}}")
    task["inputs"]["artifacts"] = {
        key: {"taskOutputArtifact": {"producerTask": source.stage, "outputArtifactKey": source.key}}
        for key, source in stage.inputs.items()
    }
    task["dependentTasks"] = list(stage.after)
    if stage.condition:
        task["triggerPolicy"] = {"condition": stage.condition}
    task["retryPolicy"] = {
        "maxRetryCount": 0 if stage.is_final else config.retries,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "600s",
    }
    return task


def _make_report_task(config: KubeflowConfig) -> dict[str, Any]:
    task = _make_stage_task(config, REPORT_STAGE)
    return {**task, "dependentTasks": [STAGES], "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}


def _make_component(stage: ClusterStage) -> dict[str, Any]:
    inputs = {key: source.title for key, source in stage.inputs.items()}
    return {
        "executorLabel": f"exec-{stage.name}",
        "inputDefinitions": {
            "artifacts": _declare(inputs),
            "parameters": _declare_parameters({**list_parameters(), RUN_ID: str}),
        },
        "outputDefinitions": {"artifacts": _declare(stage.outputs)},
    }


def _declare_parameters(types: Mapping[str, type]) -> dict[str, Any]:
    return {name: {"parameterType": _TYPES[kind]} for name, kind in types.items()}


def _declare(titles: Mapping[str, str]) -> dict[str, Any]:
    return {key: {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}} for key, title in titles.items()}


def _make_executor(config: KubeflowConfig, stage: ClusterStage) -> dict[str, Any]:
    gpu = config.gpu if stage.name == _TRAINER else None
    resources = describe_resources(config.get_stage(stage.name))
    if gpu:
        count = str(gpu.count)
        resources["accelerator"] = {
            "count": count, "type": gpu.resource, "resourceCount": count, "resourceType": gpu.resource,
        }  # fmt: skip
    return {
        "container": {
            "image": gpu.image if gpu else config.image,
            "command": ["python", "-m", "pipeline.kubeflow.entrypoint"],
            "args": [
                "--stage", stage.name,
                "--fixed", json.dumps(describe_fixed(config), sort_keys=True),
                "--sample-size", str(config.sample_size),
                "--retries", str(0 if stage.is_final else config.retries),
                *(["--work-dir", config.engine.volume.mount_path] if config.engine and stage.uses_beam else []),
                *(["--when", ",".join(config.notify.when)] if stage is REPORT_STAGE and config.notify else []),
                "--executor-input", "{{$}}",
            ],
            "resources": resources,
        }
    }  # fmt: skip


def _make_platform(config: KubeflowConfig, stage: ClusterStage) -> dict[str, Any]:
    """Return what PipelineSpec has no words for. A name is given twice: older backends know only its first form.

    The format: https://github.com/kubeflow/pipelines/blob/master/kubernetes_platform/proto/kubernetes_executor_config.proto
    """
    wanted = config.get_stage(stage.name)
    volumes = [config.serving] if stage.uses_serving else []
    volumes += [config.data_volume] if config.data_volume and stage.reads_data else []
    volumes += [config.engine.volume] if config.engine and stage.uses_beam else []
    platform: dict[str, Any] = {"pvcMount": [mount_volume(volume) for volume in volumes]}
    secrets = [(secret.name, secret.key, secret.env) for secret in config.secrets] if stage.reads_data else []
    if stage is REPORT_STAGE and config.notify:
        secrets.append((config.notify.secret, config.notify.key, POD_VARIABLE))
    platform["secretAsEnv"] = [
        {
            "secretName": name,
            "secretNameParameter": constant(name),
            "keyToEnv": [{"secretKey": key, "envVar": variable}],
        }
        for name, key, variable in secrets
    ]
    if wanted.node_selector:
        platform["nodeSelector"] = {"labels": wanted.node_selector}
    platform["tolerations"] = wanted.tolerations
    return {name: value for name, value in platform.items() if value}
