"""The container's command: `python -m pipeline.kubeflow.entrypoint` runs one stage between KFP's launcher and TFX."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.commands.messages import explain
from pipeline.commands.plain_text import show_controls
from pipeline.kubeflow.again import try_again
from pipeline.kubeflow.message import Outputs, Task, read_task, write_output
from pipeline.kubeflow.small_stages import SMALL_STAGES
from pipeline.notify.settings import POD_VARIABLE, Notify

# Kubernetes makes it for every container, and tells what is in it once that has ended; Argo makes it the message of the
# stage: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
TERMINATION_LOG = Path("/dev/termination-log")
_LONGEST_TERMINATION = 4096  # bytes


def run_stage(
    stage: str,
    fixed: Mapping[str, Any],
    executor_input: Mapping[str, Any],
    *,
    sample_size: int,
    retries: int,
    notify: Notify | None = None,
    work_dir: Path | None = None,
) -> None:
    """Run a stage and write what came of it where the launcher looks for it.

    Args:
        stage: Its name in the pipeline.
        fixed: Options that were fixed when the pipeline was compiled, see `describe_fixed`.
        executor_input: KFP's message of that name, parsed from JSON.
        sample_size: Training images that `data = sample` generates.
        retries: How often it is tried again where a bucket, ML Metadata or a network file system is away.
        notify: Who is told of the run.
        work_dir: A folder that an engine's workers share, for a stage that runs on one.

    Raises:
        ConfigError: A parameter is out of its range.
        Exception: What the stage raised.
    """
    task = read_task(stage, fixed, executor_input)
    task = replace(task, sample_size=sample_size, notify=notify, work_dir=work_dir)

    def run() -> Outputs:
        if task.stage in SMALL_STAGES:
            return SMALL_STAGES[task.stage](task)
        return _run_tfx_stage(task)

    write_output(task, try_again(run, retries, lambda why: print(f"{stage}: {why}", file=sys.stderr, flush=True)))


def _run_tfx_stage(task: Task) -> Outputs:
    from pipeline.environment import prepare_environment

    prepare_environment()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    from pipeline.kubeflow.tfx_stage import run_tfx_stage

    with tempfile.TemporaryDirectory(prefix=f"{task.stage}-", dir=task.work_dir) as scratch:
        return run_tfx_stage(task, Path(scratch))


def tell_failure(stage: str, error: BaseException) -> None:
    """Say why a stage failed, in the last line of its log and where Kubernetes looks for it."""
    first, *more = explain(error).sentence.splitlines() or [""]
    sentence = show_controls(f"{stage} failed: {first} {'; '.join(more)}".rstrip())
    print(f"Error: {sentence}", file=sys.stderr, flush=True)
    with suppress(OSError):
        if TERMINATION_LOG.is_file():
            TERMINATION_LOG.write_bytes(sentence.encode()[:_LONGEST_TERMINATION])


def main(arguments: list[str] | None = None) -> int:
    """Run the stage that the command line names; the last line of the log says why it failed.

    Returns:
        The exit code of the container.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.entrypoint")
    for option in ("--stage", "--fixed", "--executor-input"):
        parser.add_argument(option, required=True)
    for option in ("--sample-size", "--retries"):
        parser.add_argument(option, required=True, type=int)
    parser.add_argument("--work-dir", type=Path, help="that an engine's workers share")
    parser.add_argument("--when", help="events that are told, with commas, to the addresses in $" + POD_VARIABLE)
    options = parser.parse_args(arguments)
    sys.argv = sys.argv[:1]  # TFX and Beam take what stands there for flags of theirs
    try:
        fixed, executor_input = json.loads(options.fixed), json.loads(options.executor_input)
        notify = Notify(env=POD_VARIABLE, when=tuple(options.when.split(","))) if options.when else None
        run_stage(
            options.stage,
            fixed,
            executor_input,
            sample_size=options.sample_size,
            retries=options.retries,
            notify=notify,
            work_dir=options.work_dir,
        )
    except Exception as error:  # noqa: BLE001 - whatever a stage raises: all of it in the log, and the reason last
        traceback.print_exc()
        tell_failure(options.stage, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
