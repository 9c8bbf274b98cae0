"""Runs of the pipeline in processes of their own, watched stage by stage, and killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# As quick as a run can be, and pushed whatever the model is like.
FAST = (
    "--epochs", "1", "--batch-size", "16", "--min-accuracy", "0", "--min-class-accuracy", "0",
    "--max-calibration-error", "1", "--max-loss", "1", "--max-class-loss", "1",
)  # fmt: skip
STAGES = (
    "Start-up", "ExampleGen", "Schema", "StatisticsGen", "ExampleValidator", "DataValidator", "DataGate", "Transform",
    "Trainer", "Baseline", "Evaluator", "Pusher", "Report",
)  # fmt: skip
_ENDED = re.compile(r"✓ (\S+)")
# How long a child may outlive the run that was killed.
_LAST_BREATH_SECONDS = 30
_COPIES = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: as a stage ends, or where `seconds` are given, so long after it has begun."""

    stage: str
    seconds: float | None = None


def make_command(*arguments: object, days_ahead: int = 0) -> list[str]:
    """Return the command line of the pipeline, with a clock that is so many days ahead."""
    program = ["-m", "tests.moved_clock", days_ahead] if days_ahead else ["run_pipeline.py"]
    return [sys.executable, *map(str, [*program, *arguments])]


def call(*arguments: object, days_ahead: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the pipeline to its end."""
    return subprocess.run(
        make_command(*arguments, days_ahead=days_ahead),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        **options,
    )


def complete_run(*arguments: object, **options: Any) -> dict[str, Any]:
    """Run the pipeline to its end, which has to be a push; return the record."""
    process = call("run", "--json", *arguments, *FAST, **options)
    assert process.returncode == 0, process.stderr
    record: dict[str, Any] = json.loads(process.stdout)
    assert record["verdict"] == "pushed"
    return record


def kill_run(moment: Moment, arguments: Sequence[object], number: int = signal.SIGKILL) -> tuple[str, str]:
    """Start a run and kill its process; return the stage that was running, and what the run had said.

    Raises:
        AssertionError: It ended before, or children of it were left.
    """
    # Where a shell has started this in the background, SIGINT is ignored, and would be by whatever is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        make_command("run", *arguments, *FAST),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr
    said = []
    try:
        begins = STAGES[STAGES.index(moment.stage) - 1] if moment.stage != STAGES[0] else None
        awaited = moment.stage if moment.seconds is None else begins
        for line in process.stderr if awaited else ():
            said.append(line)
            found = _ENDED.search(line)
            if found and found[1] == awaited:
                break
        time.sleep(moment.seconds or 0)
        process.send_signal(number)
        said += process.stderr.readlines()
        assert process.wait() == -number, (process.returncode, said)
        _await_last_child(process.pid)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
    ended = [found[1] for line in said if (found := _ENDED.search(line))]
    running = STAGES[STAGES.index(ended[-1]) + 1 :][:1] if ended else STAGES[:1]
    return (running or ("the end",))[0], "".join(said)


def _await_last_child(group: int) -> None:
    """Wait for the children of a killed run: they end by themselves, for nobody speaks to them any more."""
    deadline = time.monotonic() + _LAST_BREATH_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("A child of the killed run goes on.")


def call_apart(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of a module in a process of its own, and return what it returns, or the signal that killed it.

    The process is a copy of one that imports the Pusher once and does no more: a copy of this one would wait for ever
    for what threads of TensorFlow held when it was made.

    Raises:
        AssertionError: The function raised something.
    """
    _COPIES.set_forkserver_preload(["__main__", "components.pusher"])
    reader, writer = _COPIES.Pipe(duplex=False)
    process = _COPIES.Process(target=_answer, args=(writer, function, arguments))
    process.start()
    writer.close()
    try:
        well, answer = reader.recv()
    except EOFError:
        process.join()
        return signal.Signals(-(process.exitcode or 0))
    process.join()
    assert well, answer
    return answer


def _answer(writer: Connection, function: Callable[..., Any], arguments: Sequence[object]) -> None:
    try:
        answer = (True, function(*arguments))
    except BaseException as error:  # noqa: BLE001 - told to the parent
        answer = (False, f"{type(error).__name__}: {error}")
    writer.send(answer)
