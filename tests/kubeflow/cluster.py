"""Argo's and the kubelet's part of a run: KFP's own driver and launcher are called, stage by stage, as they would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.kubeflow.kubernetes_server import NAMESPACE, KubernetesServer

ROOT = Path(__file__).parents[2]
POD = Path(__file__).with_name("pod.sh")
STAGE_SECONDS = 300
ALWAYS = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


@dataclass
class StageRun:
    """What a stage did: the container as KFP's driver patched it, its exit code and its log."""

    container: dict[str, Any]
    pod: dict[str, Any]
    exit_code: int
    log: str


@dataclass
class Run:
    """A run: its id and its stages in the order in which they ran. After one that fails there is but the report.

    Attributes:
        omitted: Tasks whose condition does not hold, and what depends on those: Argo starts nothing of theirs.
        drivers: How many pods of the driver there would have been.
    """

    run_id: str
    stages: dict[str, StageRun] = field(default_factory=dict)
    omitted: set[str] = field(default_factory=set)
    drivers: int = 0

    @property
    def failed(self) -> list[str]:
        return [name for name, stage in self.stages.items() if stage.exit_code]

    def goes_on(self, until: str) -> bool:
        return not self.failed and until not in self.stages


class _Compiled(NamedTuple):
    """What was compiled, and the stage after which no other is run ("" for all)."""

    spec: dict[str, Any]
    kubernetes: dict[str, Any]
    until: str


@dataclass(frozen=True)
class Cluster:
    """KFP's programs, and the services that they talk to.

    Attributes:
        programs: Folder of `driver` and `launcher-v2`.
        kubernetes: Holds config maps, secrets and the pod.
        metadata_port: Of ML Metadata.
        volumes: Folder of the volumes; a claim is the folder of that name.
    """

    programs: Path
    kubernetes: KubernetesServer
    metadata_port: int
    volumes: Path

    @property
    def environment(self) -> dict[str, str]:
        """What KFP's programs find in the environment of a pod. `python` is the one that runs the tests."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self.kubernetes.port),
            "METADATA_GRPC_SERVICE_HOST": "127.0.0.1",
            "METADATA_GRPC_SERVICE_PORT": str(self.metadata_port),
            "POD_NAMESPACE": NAMESPACE,
            "KFP_POD_NAME": "pod",
            "KFP_POD_UID": "uid",
        }

    def make_command(self, command: list[str], volumes: dict[str, Path], directory: str) -> list[str]:
        """Wrap a command so that it runs in a pod's file system; `directory` has to stay until it has ended."""
        root = Path(directory, "root")
        root.mkdir()
        mounts = [f"{folder}:{path}" for path, folder in volumes.items()]
        return [
            "unshare",
            "--mount",
            str(POD),
            str(root),
            str(self.kubernetes.service_account),
            *mounts,
            "--",
            *command,
        ]

    def run(self, package: str, *, until: str = "", **parameters: Any) -> Run:
        """Run a compiled pipeline, or its stages `until` one, with these parameters; the others have their defaults."""
        spec, platform = yaml.safe_load_all(package)
        run = Run(str(uuid.uuid4()))
        defined = spec["root"]["inputDefinitions"]["parameters"]
        # The defaults are filled in by the API server.
        values = {name: parameters.get(name, definition.get("defaultValue")) for name, definition in defined.items()}
        root = self._drive(
            spec["pipelineInfo"]["name"],
            run.run_id,
            type="ROOT_DAG",
            component=json.dumps(spec["root"]),
            runtime_config=json.dumps({"parameterValues": values}),
        )["execution_id_path"]
        kubernetes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        self._run_tasks(_Compiled(spec, kubernetes, until), run, spec["root"]["dag"], root)
        return run

    def _run_tasks(self, compiled: _Compiled, run: Run, dag: dict[str, Any], dag_execution: str) -> None:
        """Run the tasks of a DAG in order, up to one that fails; then, as Argo's hook does, those that always run."""
        always = [name for name, task in dag["tasks"].items() if task.get("triggerPolicy") == ALWAYS]
        for name, task in order_tasks(dag["tasks"]):
            if name in always or not run.goes_on(compiled.until):
                continue
            if run.omitted.intersection(task.get("dependentTasks", [])):
                run.omitted.add(name)
                continue
            self._run_task(compiled, run, name, task, dag_execution)
        for name in always:
            if compiled.until not in run.stages:
                self._run_task(compiled, run, name, dag["tasks"][name], dag_execution)

    def _run_task(self, compiled: _Compiled, run: Run, name: str, task: dict[str, Any], dag_execution: str) -> None:
        component = compiled.spec["components"][task["componentRef"]["name"]]
        options = {"dag_execution_id": dag_execution, "component": json.dumps(component), "task": json.dumps(task)}
        options["task_name"] = name
        pipeline = compiled.spec["pipelineInfo"]["name"]
        if "dag" in component:
            execution = self._drive(pipeline, run.run_id, type="DAG", **options)["execution_id_path"]
            self._run_tasks(compiled, run, component["dag"], execution)
            return
        label = component["executorLabel"]
        if importer := compiled.spec["deploymentSpec"]["executors"][label].get("importer"):
            self._import(pipeline, run.run_id, dag_execution, importer, component, task)
            return
        driven = self._drive(
            pipeline,
            run.run_id,
            type="CONTAINER",
            container=json.dumps(compiled.spec["deploymentSpec"]["executors"][label]["container"]),
            kubernetes_config=json.dumps(compiled.kubernetes.get(label, {})),
            **options,
        )
        run.drivers += 1
        if driven.get("condition_path") == "false":
            run.omitted.add(name)
            return
        run.stages[name] = self._run_pod(json.loads(driven["pod_spec_patch_path"]))

    def _drive(self, pipeline: str, run_id: str, **options: str) -> dict[str, str]:
        """Call the driver and return what it wrote, by the option that named the file."""
        written = (
            "execution_id_path",
            "iteration_count_path",
            "condition_path",
            "cached_decision_path",
            "pod_spec_patch_path",
        )
        with tempfile.TemporaryDirectory() as directory:
            files = {name: str(Path(directory, name)) for name in written}
            values = {
                **options, **files, "pipeline_name": pipeline, "run_id": run_id, "run_name": "run",
                "run_display_name": "run", "http_proxy": "", "https_proxy": "", "no_proxy": "",
                "mlmd_server_address": "127.0.0.1", "mlmd_server_port": str(self.metadata_port),
            }  # fmt: skip
            arguments = [argument for name, value in values.items() for argument in (f"--{name}", value)]
            command = self.make_command([str(self.programs / "driver"), *arguments], {}, directory)
            result = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)
            assert result.returncode == 0, result.stderr[-3000:]
            return {name: Path(path).read_text() for name, path in files.items() if Path(path).exists()}

    def _import(self, pipeline: str, run_id: str, dag: str, importer: Any, component: Any, task: Any) -> None:
        """Let the launcher note an artifact that another run made."""
        values = {
            "executor_type": "importer", "task_spec": json.dumps(task), "component_spec": json.dumps(component),
            "importer_spec": json.dumps(importer), "pipeline_name": pipeline, "run_id": run_id, "parent_dag_id": dag,
            "pod_name": "pod", "pod_uid": "uid", "mlmd_server_address": "127.0.0.1",
            "mlmd_server_port": str(self.metadata_port),
        }  # fmt: skip
        arguments = [argument for name, value in values.items() for argument in (f"--{name}", value)]
        with tempfile.TemporaryDirectory() as directory:
            command = self.make_command([str(self.programs / "launcher-v2"), *arguments], {}, directory)
            result = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr[-3000:]

    def _run_pod(self, pod: dict[str, Any]) -> StageRun:
        (container,) = pod["containers"]
        claims = {
            volume["name"]: volume["persistentVolumeClaim"]["claimName"]
            for volume in pod.get("volumes", [])
            if "persistentVolumeClaim" in volume
        }
        mounts = {
            mount["mountPath"]: self.volumes / claims[mount["name"]]
            for mount in container.get("volumeMounts", [])
            if mount["name"] in claims
        }
        for folder in mounts.values():
            folder.mkdir(parents=True, exist_ok=True)
        environment = {**self.environment, **dict(self._read_environment(container))}
        arguments = [
            re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1], match[0]), argument)
            for argument in [*container["command"], *container.get("args", [])]
        ]
        arguments[0] = str(self.programs / "launcher-v2")
        with tempfile.TemporaryDirectory() as directory:
            command = self.make_command(arguments, mounts, directory)
            result = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=STAGE_SECONDS, errors="replace",
            )  # fmt: skip
        return StageRun(container, pod, result.returncode, result.stdout)

    def _read_environment(self, container: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                yield variable["name"], self.kubernetes.get_secret(reference["name"], reference["key"])
            elif "value" in variable:
                yield variable["name"], variable["value"]


def order_tasks(tasks: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give each task after all those that it depends on."""
    done: set[str] = set()
    while len(done) < len(tasks):
        ready = [
            name for name, task in tasks.items() if name not in done and set(task.get("dependentTasks", [])) <= done
        ]
        assert ready, f"no task can start: {tasks.keys() - done}"
        for name in ready:
            yield name, tasks[name]
            done.add(name)
