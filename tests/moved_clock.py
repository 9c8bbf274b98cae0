"""A clock that is moved for Python alone: TensorFlow's threads sleep by the system's, and never wake under another."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import time_machine
from grpc import _channel, _common, _server
from grpc._cython import cygrpc


@contextmanager
def move_clock(now: datetime) -> Iterator[None]:
    """Let Python's clock go on from another time.

    TFX's launcher starts gRPC servers, whose native code is told by Python when to wake: they keep the system's time.
    """
    clocks = [(module, module.time) for module in (_channel, _common, _server, cygrpc)]
    try:
        for module, _ in clocks:
            module.time = time_machine.escape_hatch.time
        with time_machine.travel(now, tick=True):
            yield
    finally:
        for module, clock in clocks:
            module.time = clock


def main() -> None:
    """Run a command of the pipeline: `python -m tests.moved_clock DAYS COMMAND ...`."""
    from pipeline.cli import main as run_command
    from pipeline.commands.guard import run_guarded

    now = datetime.now(timezone.utc) + timedelta(days=float(sys.argv.pop(1)))
    with move_clock(now):
        run_guarded(run_command)


if __name__ == "__main__":
    main()
