"""The pods of a run: their names, what they wait for, their logs. Of all that the API tells where it does, or not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.kubeflow.transport import KubeflowError, Transport

# A task's pod is the node `executor` in it; where it is tried again, `executor(0)`, `executor(1)`.
_POD = re.compile(r"\.(?P<task>[^.]+)\.executor(\(\d+\))?$")
# A pod that waits for these is on its way.
_STARTING = {"ContainerCreating", "PodInitializing"}
# The API server's way to a log, and that of the web page's server, which stands before it and knows only its own.
_LOG, _LOG_OF_PAGE = "/apis/v1alpha1/runs/{run}/nodes/{pod}/log", "/k8s/pod/logs"
# The last line of a stage that failed, see `pipeline.kubeflow.entrypoint`.
_ERROR = re.compile(r"^Error: (?P<sentence>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of a stage, by its last attempt.

    Attributes:
        name: In Kubernetes.
        namespace: Where it is.
        stage: Whose it is.
        phase: Argo's word: `Pending`, `Running`, `Succeeded`, `Failed`, `Error`.
        message: What Argo has to say of it; "" for nothing.
    """

    name: str
    namespace: str
    stage: str
    phase: str
    message: str


class Pods:
    """The pods of one run, as far as the host tells of them; a host that does not is asked no more."""

    def __init__(self, transport: Transport, run_id: str) -> None:
        self._transport = transport
        self._run_id = run_id
        self._tells_of_pods = True

    def read(self) -> dict[str, Pod]:
        """Return the last pod of each stage; {} where the host has no Workflow of the run."""
        try:
            answer = self._transport.fetch_object(f"/apis/v1beta1/runs/{self._run_id}")
            return read_pods((answer.get("pipeline_runtime") or {}).get("workflow_manifest") or "")
        except (KubeflowError, ValueError):
            return {}

    def explain_waiting(self, pod: Pod) -> str:
        """Return why a pod does not start, in Kubernetes' words; "" where that is not told."""
        if pod.message or not self._tells_of_pods:
            return pod.message
        try:
            found = self._transport.fetch_object("/k8s/pod", {"podname": pod.name, "podnamespace": pod.namespace})
            return find_reason(found)
        except KubeflowError:
            self._tells_of_pods = False
            return ""

    def read_log(self, pod: Pod) -> str:
        """Return what a pod has printed.

        Raises:
            KubeflowError: It is not to be had.
        """
        of_page = {"podname": pod.name, "runid": self._run_id, "podnamespace": pod.namespace}
        for path, query in ((_LOG.format(run=self._run_id, pod=pod.name), {}), (_LOG_OF_PAGE, of_page)):
            try:
                log = self._transport.fetch(path, query).decode(errors="replace")
            except KubeflowError:
                continue
            # An error is told by a page, or after a status of success by an object.
            if not log.lstrip().startswith(('{"error_message"', "<!DOCTYPE", "<!doctype")):
                return log
        raise KubeflowError(f"{self._transport.configuration.host}: has no log of {pod.name}; use kubectl logs")

    def explain_failure(self, pod: Pod | None) -> str:
        """Return why a stage failed: the sentence that its log ends in, else Argo's word, else ""."""
        if pod is None:
            return ""
        try:
            sentences = [found["sentence"] for found in _ERROR.finditer(self.read_log(pod))]
        except KubeflowError:
            sentences = []
        return sentences[-1].removeprefix(f"{pod.stage} failed: ") if sentences else pod.message


def read_pods(manifest: str) -> dict[str, Pod]:
    """Return the last pod of each stage out of the Argo Workflow that the older API has of a run.

    The names of pods: https://argo-workflows.readthedocs.io/en/release-3.5/upgrading/ (POD_NAMES v2)
    """
    workflow = json.loads(manifest or "{}")
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    metadata = workflow.get("metadata") or {}
    attempts = sorted(_list_pods(metadata, nodes.values()), key=lambda found: found[0])
    return {pod.stage: pod for _, pod in attempts}


def _list_pods(metadata: Mapping[str, Any], nodes: Any) -> Iterator[tuple[str, Pod]]:
    for node in nodes:
        found = _POD.search(node.get("name", ""))
        if node.get("type") != "Pod" or not found:
            continue
        pod = Pod(
            name="-".join([metadata.get("name", ""), node.get("templateName", ""), node["id"].rpartition("-")[2]]),
            namespace=metadata.get("namespace", ""),
            stage=found["task"],
            phase=node.get("phase", ""),
            message=node.get("message", ""),
        )
        yield node.get("startedAt") or "", pod


def find_reason(pod: Mapping[str, Any]) -> str:
    """Return why a pod does not start, out of Kubernetes' object; "" where it says nothing, or nothing is wrong."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in _STARTING:
            return ": ".join(str(waiting[key]) for key in ("reason", "message") if waiting.get(key))
    return ""
