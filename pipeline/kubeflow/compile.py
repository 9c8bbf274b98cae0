"""From `create_pipeline` to one YAML file: KFP's PipelineSpec 2.1.0 and the platform document for Kubernetes.

The format: https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.version import __version__ as tfx_version

from pipeline.declared import ConfigError
from pipeline.kubeflow.artifacts import list_outputs
from pipeline.kubeflow.config import (
    RUN_ID,
    KubeflowConfig,
    Volume,
    describe_fixed,
    list_parameters,
    make_pipeline_config,
)
from pipeline.kubeflow.data import DATA_DIR
from pipeline.pipeline import create_pipeline

# It says no to the data, and would again.
_NEVER_RETRIED = ("DataGate",)
_TRAINER = "Trainer"
# Stages that read or write what is served have an execution property of this name.
_SERVING_DIR = "serving_dir"
_TYPES = {int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", str: "STRING", bool: "BOOLEAN"}


def compile_pipeline(config: KubeflowConfig) -> str:
    """Return the YAML file. Equal configurations give equal bytes.

    Raises:
        ConfigError: A stage is configured that the pipeline does not have.
    """
    stages: list[BaseComponent] = create_pipeline(make_pipeline_config(config)).components
    unknown = sorted(config.stages.keys() - {stage.id for stage in stages} - {"default"})
    if unknown:
        raise ConfigError(f"[stages.{unknown[0]}]: no such stage; expected {', '.join(stage.id for stage in stages)}.")
    spec = {
        "schemaVersion": "2.1.0",
        "sdkVersion": f"tfx-{tfx_version}",
        "pipelineInfo": {"name": config.pipeline_name},
        "root": {
            "inputDefinitions": {"parameters": _define_parameters(config)},
            "dag": {"tasks": {stage.id: _make_task(config, stage) for stage in stages}},
        },
        "components": {f"comp-{stage.id}": _make_component(stage) for stage in stages},
        "deploymentSpec": {"executors": {f"exec-{stage.id}": _make_executor(config, stage) for stage in stages}},
    }
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())  # refuses what KFP would refuse
    platform = {f"exec-{stage.id}": _make_platform(config, stage) for stage in stages}
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


def _make_task(config: KubeflowConfig, stage: BaseComponent) -> dict[str, Any]:
    retries = 0 if stage.id in _NEVER_RETRIED else config.retries
    artifacts = {
        key: {
            "taskOutputArtifact": {
                "producerTask": channel.producer_component_id,
                "outputArtifactKey": channel.output_key,
            }
        }
        for key, channel in stage.inputs.items()
    }
    # All of them: the pod of a stage builds the whole pipeline.
    parameters = {name: {"componentInputParameter": name} for name in list_parameters()}
    # Only as a constant of its own is it replaced by the run's id.
    parameters[RUN_ID] = _constant("{{$.pipeline_job_uuid}}")
    return {
        "taskInfo": {"name": stage.id},
        "componentRef": {"name": f"comp-{stage.id}"},
        "inputs": {"artifacts": artifacts, "parameters": parameters},
        "dependentTasks": sorted(node.id for node in stage.upstream_nodes),
        # Every run reads the data anew, and what follows from it has inputs that no earlier run had.
        "cachingOptions": {"enableCache": False},
        "retryPolicy": {
            "maxRetryCount": retries,
            "backoffDuration": "30s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": "600s",
        },
    }


def _make_component(stage: BaseComponent) -> dict[str, Any]:
    inputs = {key: f"tfx.{channel.type.TYPE_NAME}" for key, channel in stage.inputs.items()}
    outputs = list_outputs({key: channel.type for key, channel in stage.outputs.items()})
    types = {**list_parameters(), RUN_ID: str}
    return {
        "executorLabel": f"exec-{stage.id}",
        "inputDefinitions": {
            "artifacts": _declare(inputs),
            "parameters": {name: {"parameterType": _TYPES[kind]} for name, kind in types.items()},
        },
        "outputDefinitions": {"artifacts": _declare(outputs)},
    }


def _declare(titles: dict[str, str]) -> dict[str, Any]:
    return {key: {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}} for key, title in titles.items()}


def _make_executor(config: KubeflowConfig, stage: BaseComponent) -> dict[str, Any]:
    gpu = config.gpu if stage.id == _TRAINER else None
    limits = config.get_stage(stage.id)
    # Each limit twice: older backends read numbers, newer ones Kubernetes' quantities.
    resources: dict[str, Any] = {
        "cpuLimit": limits.cpu,
        "memoryLimit": limits.memory_gb,
        "resourceCpuLimit": f"{limits.cpu:g}",
        "resourceMemoryLimit": f"{limits.memory_gb:g}G",
    }
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
                "--stage", stage.id,
                "--fixed", json.dumps(describe_fixed(config), sort_keys=True),
                "--sample-size", str(config.sample_size),
                "--executor-input", "{{$}}",
            ],
            "resources": resources,
        }
    }  # fmt: skip


def _make_platform(config: KubeflowConfig, stage: BaseComponent) -> dict[str, Any]:
    """Return what PipelineSpec has no words for. A name is given twice: older backends know only its first form.

    The format: https://github.com/kubeflow/pipelines/blob/master/kubernetes_platform/proto/kubernetes_executor_config.proto
    """
    limits = config.get_stage(stage.id)
    reads_data = DATA_DIR in stage.exec_properties
    volumes = [config.serving] if _SERVING_DIR in stage.exec_properties else []
    volumes += [config.data_volume] if config.data_volume and reads_data else []
    platform: dict[str, Any] = {"pvcMount": [_mount(volume) for volume in volumes]}
    if reads_data:
        platform["secretAsEnv"] = [
            {
                "secretName": secret.name,
                "secretNameParameter": _constant(secret.name),
                "keyToEnv": [{"secretKey": secret.key, "envVar": secret.env}],
            }
            for secret in config.secrets
        ]
    if limits.node_selector:
        platform["nodeSelector"] = {"labels": limits.node_selector}
    platform["tolerations"] = limits.tolerations
    return {name: value for name, value in platform.items() if value}


def _mount(volume: Volume) -> dict[str, Any]:
    return {"constant": volume.claim, "pvcNameParameter": _constant(volume.claim), "mountPath": volume.mount_path}


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}
