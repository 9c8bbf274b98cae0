"""From a command to one YAML file: a pipeline of one task, on the volume that models are pushed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.kubeflow.config import KubeflowConfig
from pipeline.kubeflow.spec import describe_resources, mount_volume
from pipeline.kubeflow.told import ARGUMENTS

# The stage that works on the volume as a command does, which gets its resources and its nodes.
_LIKE_STAGE = "Pusher"
_ADDRESS = "uri"


def name_pipeline(config: KubeflowConfig, command: str) -> str:
    """Return what the pipeline of a command is called: it is one of its own, beside that of the stages."""
    return f"{config.pipeline_name}-{command}"


def compile_task(config: KubeflowConfig, command: str, module: str, imported: Mapping[str, str] | None = None) -> str:
    """Return the YAML file of a pipeline of one task.

    Args:
        config: Has the image, the volume and the limits.
        command: Name of the task.
        module: What runs in the pod, with KFP's executor input as its argument.
        imported: Artifacts of another run that it is given: KFP's name of the type, by the key. For each there is an
            importer, and a parameter of the run with the name of the key, which holds the address.
    """
    types = imported or {}
    importers = {key: f"import-{key}" for key in types}
    executors: dict[str, Any] = {f"exec-{command}": {"container": _make_container(config, module)}}
    components: dict[str, Any] = {
        f"comp-{command}": {
            "executorLabel": f"exec-{command}",
            "inputDefinitions": {
                **_declare_parameters(ARGUMENTS),
                "artifacts": {key: _declare_artifact(title) for key, title in types.items()},
            },
        }
    }
    tasks: dict[str, Any] = {
        command: {
            **_refer(command),
            "inputs": {
                "parameters": {ARGUMENTS: {"componentInputParameter": ARGUMENTS}},
                "artifacts": {
                    key: {"taskOutputArtifact": {"producerTask": importer, "outputArtifactKey": "artifact"}}
                    for key, importer in importers.items()
                },
            },
            "dependentTasks": sorted(importers.values()),
        }
    }
    for key, importer in importers.items():
        kind = _declare_artifact(types[key])["artifactType"]
        executors[f"exec-{importer}"] = {
            "importer": {"artifactUri": {"runtimeParameter": _ADDRESS}, "typeSchema": kind}
        }
        components[f"comp-{importer}"] = {
            "executorLabel": f"exec-{importer}",
            "inputDefinitions": _declare_parameters(_ADDRESS),
            "outputDefinitions": {"artifacts": {"artifact": _declare_artifact(types[key])}},
        }
        tasks[importer] = {
            **_refer(importer), "inputs": {"parameters": {_ADDRESS: {"componentInputParameter": key}}},
        }  # fmt: skip
    spec = {
        "schemaVersion": "2.1.0",
        "sdkVersion": "2.1.0",
        "pipelineInfo": {"name": name_pipeline(config, command)},
        "root": {"inputDefinitions": _declare_parameters(ARGUMENTS, *types), "dag": {"tasks": tasks}},
        "components": components,
        "deploymentSpec": {"executors": executors},
    }
    platform = {f"exec-{command}": _make_platform(config)}
    documents = [spec, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}}]
    return yaml.safe_dump_all(documents, sort_keys=True, width=120)


def _refer(name: str) -> dict[str, Any]:
    return {
        "taskInfo": {"name": name},
        "componentRef": {"name": f"comp-{name}"},
        "cachingOptions": {"enableCache": False},
    }


def _declare_parameters(*names: str) -> dict[str, Any]:
    return {"parameters": {name: {"parameterType": "STRING"} for name in names}}


def _declare_artifact(title: str) -> dict[str, Any]:
    return {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}}


def _make_container(config: KubeflowConfig, module: str) -> dict[str, Any]:
    return {
        "image": config.image,
        "command": ["python", "-m", module],
        "args": ["{{$}}"],
        "resources": describe_resources(config.get_stage(_LIKE_STAGE)),
    }


def _make_platform(config: KubeflowConfig) -> dict[str, Any]:
    limits = config.get_stage(_LIKE_STAGE)
    platform: dict[str, Any] = {"pvcMount": [mount_volume(config.serving)]}
    if limits.node_selector:
        platform["nodeSelector"] = {"labels": limits.node_selector}
    if limits.tolerations:
        platform["tolerations"] = limits.tolerations
    return platform
