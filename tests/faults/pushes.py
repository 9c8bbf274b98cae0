"""Pushes of small models, in processes of their own: a push takes milliseconds, and can be stopped anywhere."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace

from components import pusher
from components.images.summary import write_description
from components.serving.directory_lock import lock_serving_dir
from components.serving.manifest import Manifest, digest_model
from tests.faults.processes import call_apart

# What Python tells of before it does it: https://docs.python.org/3/library/audit_events.html
CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.utime", "os.chmod", "shutil.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A push of a small model, to be made in a process of its own; it returns the version.

    The answers of the copy are not compared: that reads, in another process, and takes seconds.
    """

    model: Path
    serving_dir: Path
    examples: Path
    summary: Path
    manifest: Manifest

    def __call__(self) -> int:
        """Push it."""
        pusher.verify_copy = lambda *_: 0
        with lock_serving_dir(self.serving_dir):
            return pusher.push_model(self.model, self.serving_dir, self.manifest, self.examples, self.summary)


def make_push(models: SimpleNamespace, name: str, directory: Path) -> Push:
    """Return the push of model `a` or `b` into `directory`/serving."""
    summary = directory / "summary"
    summary.mkdir(exist_ok=True)
    write_description(summary, (28, 28), ("cat", "dog"))
    model = getattr(models, name)
    manifest = Manifest(
        digest=digest_model(model),
        recipe=name,
        run_id="r",
        baseline_version=None,
        pushed_at="2025-01-01T00:00:00+00:00",
    )
    serving_dir = directory / "serving"
    return Push(model=model, serving_dir=serving_dir, examples=models.examples, summary=summary, manifest=manifest)


def watch(directory: Path, act: Callable[[str, tuple[object, ...]], None]) -> None:
    """Call `act` before each change that this process makes below a folder, from now on: this can't be undone."""
    busy = False

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal busy
        if busy or not _is_change(event, arguments) or not any(_is_below(each, directory) for each in arguments):
            return
        busy = True
        act(event, arguments)
        busy = False

    sys.addaudithook(hear)


def _is_change(event: str, arguments: tuple[object, ...]) -> bool:
    """To open a file in order to read it is none."""
    flags = arguments[2] if event == "open" else os.O_CREAT
    return event.startswith(CHANGES) and isinstance(flags, int) and bool(flags & (os.O_CREAT | os.O_ACCMODE))


def _is_below(argument: object, directory: Path) -> bool:
    return isinstance(argument, (str, os.PathLike)) and str(argument).startswith(str(directory))


def kill_push(push: Push, step: int) -> int | signal.Signals:
    """Push, and be killed before the given change of many; return the version, or what killed it."""
    return call_apart(_push_and_be_killed, push, step)


def _push_and_be_killed(push: Push, step: int) -> int:
    steps = count()

    def kill(*_: object) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(push.serving_dir, kill)
    return push()
