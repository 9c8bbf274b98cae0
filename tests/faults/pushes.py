"""Pushes of small models, in forked copies of this process: a push takes milliseconds, and can be stopped anywhere."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from components import pusher
from components.images.summary import write_description
from components.serving.directory_lock import lock_serving_dir
from components.serving.manifest import Manifest, digest_model
from tests.faults.processes import fork

# What Python tells of before it does it: https://docs.python.org/3/library/audit_events.html
CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.utime", "os.chmod", "shutil.")


def make_push(models: SimpleNamespace, name: str, directory: Path) -> Callable[[], int]:
    """Return what pushes model `a` or `b` into `directory`/serving, and returns its version.

    The answers of the copy are not compared: that reads, in another process, and takes seconds.
    """
    summary = directory / "summary"
    summary.mkdir(exist_ok=True)
    write_description(summary, (28, 28), ("cat", "dog"))
    model, serving_dir = getattr(models, name), directory / "serving"
    manifest = Manifest(
        digest=digest_model(model),
        recipe=name,
        run_id="r",
        baseline_version=None,
        pushed_at="2025-01-01T00:00:00+00:00",
    )

    def push() -> int:
        pusher.verify_copy = lambda *_: 0  # in a forked copy of this process only
        with lock_serving_dir(serving_dir):
            return pusher.push_model(model, serving_dir, manifest, models.examples, summary)

    return push


def watch(directory: Path, act: Callable[[str, tuple[object, ...]], None]) -> None:
    """Call `act` before each change that this process makes below a folder, from now on: this can't be undone."""
    busy = False

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal busy
        if busy or not event.startswith(CHANGES) or not any(_is_below(each, directory) for each in arguments):
            return
        busy = True
        act(event, arguments)
        busy = False

    sys.addaudithook(hear)


def _is_below(argument: object, directory: Path) -> bool:
    return isinstance(argument, (str, os.PathLike)) and str(argument).startswith(str(directory))


def kill_push(push: Callable[[], int], directory: Path, step: int) -> int | signal.Signals:
    """Push, and be killed before the given change of many; return the version, or what killed it."""

    def killed() -> int:
        steps = 0

        def count(*_: object) -> None:
            nonlocal steps
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1

        watch(directory, count)
        return push()

    return fork(killed)
