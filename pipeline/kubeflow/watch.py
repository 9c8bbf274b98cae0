"""Shows a run on a cluster as a local one is shown: the stages as they go, and the verdict."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.console import StageDisplay, describe_accuracy, print_summary
from pipeline.commands.exit_codes import CODE_OF_VERDICT, ExitCode
from pipeline.commands.plain_text import show_line
from pipeline.kubeflow.client import ENDED, Client
from pipeline.kubeflow.patience import POLL_SECONDS, ask_patiently
from pipeline.kubeflow.pods import Pod, Pods
from pipeline.kubeflow.stages import Stage, read_stages
from pipeline.kubeflow.verdict import judge_run


def watch_run(client: Client, run_id: str, *, as_json: bool = False) -> ExitCode:
    """Show a run until it ends, and tell its verdict.

    Returns:
        The exit code that a local run with this verdict has; where one is interrupted, the run goes on.

    Raises:
        KubeflowError: The run is not there, or there was no answer for too long.
    """
    run = client.read_run(run_id)
    try:
        with StageDisplay(sys.stderr, quiet=as_json) as display:
            display.print(f"Run {run_id}: {client.make_link(run_id)}")
            run = follow_run(client, run, display)
    except KeyboardInterrupt:
        again = f"kubeflow watch {run_id} shows it again, kubeflow terminate {run_id} stops it"
        print(f"Interrupted: the run goes on; {again}.", file=sys.stderr)
        return ExitCode.INTERRUPTED
    judged = ask_patiently(lambda: judge_run(client, run), lambda lost: print(show_line(lost), file=sys.stderr))
    if as_json:
        print(judged.record.to_json())
    else:
        facts = [("accuracy", describe_accuracy(judged.record, judged.images))] if judged.images else []
        if judged.record.same_as:
            facts.append(("note", f"nothing changed since run {judged.record.same_as}"))
        facts += [("report", f"python run_pipeline.py kubeflow report {run_id}")] if judged.images else []
        facts += [("seconds", f"{judged.record.seconds:.0f}"), ("page", client.make_link(run_id))]
        print_summary(judged.record, facts, quiet=False)
    return CODE_OF_VERDICT[judged.record.verdict]


def follow_run(client: Client, run: Any, display: StageDisplay) -> Any:
    """Show the stages of a V2beta1Run until it ends, and return it as it is then."""
    run_id = str(run.run_id)
    shown = _ShownStages(display, Pods(client.transport, run_id))
    shown.update(read_stages(run))
    while run.state not in ENDED:
        time.sleep(POLL_SECONDS)
        run = ask_patiently(lambda: client.read_run(run_id), display.warn)
        shown.update(read_stages(run))
    return run


class _ShownStages:
    """What a display shows already of the stages of a run."""

    def __init__(self, display: StageDisplay, pods: Pods) -> None:
        self._display = display
        self._pods = pods
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._told: set[tuple[str, str]] = set()

    def update(self, stages: Sequence[Stage]) -> None:
        """Show what is new."""
        new = [stage for stage in stages if stage.state != "not run" and stage.name not in self._ended]
        pods = self._pods.read() if new else {}
        for stage in new:
            if stage.name not in self._begun:
                self._begun.add(stage.name)
                self._display.start_stage(stage.name)
            if stage.ended or stage.state in ("succeeded", "failed"):
                self._end(stage, pods)
            else:
                self._note_waiting(pods.get(stage.name))

    def _end(self, stage: Stage, pods: Mapping[str, Pod]) -> None:
        self._ended.add(stage.name)
        failed = stage.state == "failed"
        note = self._pods.explain_failure(pods.get(stage.name)) if failed else ""
        # KFP makes no pod of a stage that it takes from its cache.
        cached = bool(pods) and not failed and stage.name not in pods
        self._display.note_stage(stage.name, "")
        self._display.end_stage(stage.name, stage.seconds, cached=cached, note=note, failed=failed)

    def _note_waiting(self, pod: Pod | None) -> None:
        if pod is None:
            return
        reason = self._pods.explain_waiting(pod) if pod.phase == "Pending" else ""
        self._display.note_stage(pod.stage, f"waits: {reason}" if reason else "")
        if reason and (pod.stage, reason) not in self._told:
            self._told.add((pod.stage, reason))
            self._display.warn(f"{pod.stage} waits: {reason}")
