"""Commands on a cluster's volume: each a pipeline of one task, in the image of the stages, told as if it ran here."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from components.report.push import RECIPE_PROPERTY
from pipeline.commands.console import StageDisplay
from pipeline.commands.exit_codes import ExitCode
from pipeline.commands.plain_text import show_controls
from pipeline.commands.promote import PromotionError
from pipeline.kubeflow.client import Client
from pipeline.kubeflow.config import describe_fixed
from pipeline.kubeflow.logs import read_log
from pipeline.kubeflow.metadata import RunMetadata
from pipeline.kubeflow.promotion import IMPORTED
from pipeline.kubeflow.task import compile_task, name_pipeline
from pipeline.kubeflow.told import ARGUMENTS, find_told
from pipeline.kubeflow.transport import KubeflowError
from pipeline.kubeflow.watch import follow_run
from pipeline.reasons import read_reason

_COMMAND, _PROMOTION = "pipeline.kubeflow.command", "pipeline.kubeflow.promotion"
# Of the Evaluator's blessing: the version that the model was compared with.
_COMPARED = "compared_with"


def run_on_cluster(client: Client, command: str, arguments: Sequence[str], *, wait: bool) -> ExitCode:
    """Run a command of the command line on the serving volume.

    Args:
        client: Where to.
        command: Its name, which the task has, too.
        arguments: Its other arguments; the folder of the output is added.
        wait: Wait for its end, and print what it has printed.

    Returns:
        Its exit code; with `wait` unset, 0.

    Raises:
        KubeflowError: It can't be run, or what it has printed is not to be had.
    """
    line = [command, *arguments, "--output", client.config.serving.mount_path]
    package = compile_task(client.config, command, _COMMAND)
    return _run(client, command, package, {ARGUMENTS: json.dumps(line)}, wait=wait)


def promote_on_cluster(client: Client, run_id: str, reason: str, *, wait: bool) -> ExitCode:
    """Push the model of a run on a cluster in spite of the gate; arguments and errors else as of `run_on_cluster`.

    Raises:
        ReasonError: The reason is none that could be kept.
        PromotionError: The run has no evaluated model.
    """
    reason = read_reason(reason)
    run = client.read_run(run_id)
    outputs = RunMetadata(client.transport, client.config.namespace).read_outputs(run_id)
    if not {*IMPORTED, "Evaluator.blessing"} <= outputs.keys():
        raise PromotionError(f"{run_id}: this run has no evaluated model ({run.state}); promote another.")
    pushed = outputs.get("Pusher.pushed_model")
    given = {
        "run_id": run_id,
        "reason": reason,
        "recipe": pushed.properties.get(RECIPE_PROPERTY, "") if pushed else "",
        "baseline_version": outputs["Evaluator.blessing"].properties.get(_COMPARED),
        "serving_dir": f"{describe_fixed(client.config)['output_dir']}/serving",
    }
    addresses = {output.partition(".")[2]: outputs[output].uri for output in IMPORTED}
    types = {output.partition(".")[2]: title for output, title in IMPORTED.items()}
    package = compile_task(client.config, "promote", _PROMOTION, types)
    return _run(client, "promote", package, {ARGUMENTS: json.dumps(given), **addresses}, wait=wait)


def _run(client: Client, command: str, package: str, parameters: Mapping[str, str], *, wait: bool) -> ExitCode:
    run_id = client.submit(package, name_pipeline(client.config, command), parameters)
    link = client.make_link(run_id)
    if not wait:
        print(f"Run {run_id}: {link}")
        return ExitCode.OK
    try:
        with StageDisplay(sys.stderr, quiet=False) as display:
            display.print(f"Run {run_id}: {link}")
            run = follow_run(client, client.read_run(run_id), display)
    except KeyboardInterrupt:
        print(f"Interrupted: {command} goes on; kubeflow logs {run_id} shows what it says.", file=sys.stderr)
        return ExitCode.INTERRUPTED
    told = find_told(read_log(client, run_id, command)[1])
    if told is None:
        raise KubeflowError(f"run {run_id}: {command} did not come to its end, it is {run.state}; {link} says more")
    print(show_controls(told.text), end="")
    return ExitCode(told.exit_code)
