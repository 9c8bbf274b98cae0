"""What a stage of a run has printed."""

from __future__ import annotations

from pipeline.kubeflow.client import Client
from pipeline.kubeflow.metadata import RunMetadata
from pipeline.kubeflow.pods import Pods
from pipeline.kubeflow.stages import read_stages
from pipeline.kubeflow.transport import KubeflowError

# The artifact that the launcher keeps a log as, from KFP 2.5 on.
_COPY = "executor-logs"


class UnknownStageError(ValueError):
    """The run has no such stage; one sentence says which it has."""


def read_log(client: Client, run_id: str, stage: str | None) -> tuple[str, str]:
    """Return the name and the log of a stage: of the one that is named, else of one that failed, else of the last.

    Raises:
        UnknownStageError: No stage of that name has begun.
        KubeflowError: The run or the log is not to be had.
    """
    begun = [each for each in read_stages(client.read_run(run_id)) if each.state != "not run"]
    if not begun:
        raise KubeflowError(f"run {run_id}: no stage of it has begun; try again later")
    chosen = stage or next((each.name for each in begun if each.state == "failed"), begun[-1].name)
    names = [each.name for each in begun]
    if chosen not in names:
        raise UnknownStageError(f"{chosen}: no stage of run {run_id} that has begun; expected {', '.join(names)}.")
    return chosen, _read(client, run_id, chosen)


def _read(client: Client, run_id: str, stage: str) -> str:
    """Return the log of a stage: its pod's, or where the pod is gone the copy that KFP's launcher keeps of it."""
    pods = Pods(client.transport, run_id)
    pod = pods.read().get(stage)
    try:
        if pod:
            return pods.read_log(pod)
    except KubeflowError:
        pass
    try:
        metadata = RunMetadata(client.transport, client.config.namespace)
        return metadata.fetch_file(metadata.read_outputs(run_id)[f"{stage}.{_COPY}"]).decode(errors="replace")
    except (KeyError, KubeflowError):
        namespace = (pod and pod.namespace) or client.config.namespace or "kubeflow"
        which = pod.name if pod else f"-l pipeline/runid={run_id} --prefix --tail -1"
        raise KubeflowError(
            f"{client.config.host} has no log of {stage}; use kubectl logs -n {namespace} {which} -c main"
        ) from None
