"""The runs of the experiment with their verdicts, from the metrics that they wrote, and the report of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from pipeline.commands.console import VERDICTS, Terminal, make_table
from pipeline.commands.plain_text import show_line
from pipeline.kubeflow.client import Client
from pipeline.kubeflow.metadata import RunMetadata
from pipeline.kubeflow.transport import KubeflowError
from pipeline.kubeflow.verdict_stages import PAGE, REPORT

_WIDTH = 200  # as wide as the rows are: an id that is cut can't be copied


def read_metrics(client: Client, run_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return the metrics that these runs wrote, by the id of the run.

    Raises:
        KubeflowError: ML Metadata is not to be had.
    """
    missing, found = set(run_ids), {}
    if not missing:
        return {}
    for artifact in RunMetadata(client.transport, client.config.namespace).list_metrics():
        for run_id in missing.intersection(artifact.uri.split("/")):
            found[run_id] = artifact.properties
            missing.discard(run_id)
        if not missing:
            break
    return found


def choose_verdict(run: Any, metrics: Mapping[str, Any]) -> str:
    """Return the verdict of a run, as `VERDICTS` names it; "" where nothing tells of it."""
    if verdict := metrics.get("verdict"):
        return str(verdict)
    return {"SUCCEEDED": "", "FAILED": "error", "CANCELED": "interrupted"}.get(str(run.state), "running")


def print_runs(client: Client, runs: Sequence[Any]) -> str:
    """Print runs, and return why their verdicts are not among what is printed; "" where they are."""
    trouble = ""
    try:
        metrics = read_metrics(client, [str(run.run_id) for run in runs if run.state not in ("PENDING", "RUNNING")])
    except KubeflowError as error:
        metrics, trouble = {}, str(error)
    table = make_table("When", "Run", "State", "Verdict", ">Accuracy", ">Churn", "Pushed", "Name")
    for run in runs:
        numbers = metrics.get(str(run.run_id), {})
        verdict, colour = VERDICTS.get(choose_verdict(run, numbers), ("", ""))
        version = numbers.get("pushed_version")
        table.add_row(
            f"{run.created_at.astimezone():%d %b %Y %H:%M}" if run.created_at else "",
            Text(str(run.run_id)),
            Text(run.state or ""),
            Text(verdict, colour),
            f"{numbers['accuracy']:.4f}" if "accuracy" in numbers else "",
            f"{numbers['churn']:.2%}" if "churn" in numbers else "",
            f"version {version:.0f}" if version else "",
            show_line(run.display_name or ""),
        )
    Terminal(width=_WIDTH).print(table, soft_wrap=True)
    return trouble


def fetch_report(client: Client, run_id: str) -> str:
    """Return the page of a run.

    Raises:
        KubeflowError: The run wrote none, or it is not to be had.
    """
    state = client.read_run(run_id).state
    metadata = RunMetadata(client.transport, client.config.namespace)
    page = metadata.read_outputs(run_id).get(f"{REPORT}.{PAGE}")
    if page is None:
        raise KubeflowError(f"run {run_id}: it is {state} and wrote no report; kubeflow logs {run_id} says more")
    content = metadata.fetch_file(page).decode(errors="replace")
    if run_id not in content:
        raise KubeflowError(f"{client.config.host}: the answer is no report of run {run_id}; check host and token")
    return content
