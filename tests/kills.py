"""Killing what is tested at each of its operations on files."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def run_and_kill(action: Any, operation: int) -> bool:
    """Run `action` in a fork that kills itself at its nth operation on a file; return whether it came to that."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    remaining = operation

    def kill_in_time(event: str, _: object) -> None:
        nonlocal remaining
        if event == "open" or event.startswith(("os.", "shutil.")):
            remaining -= 1
            if not remaining:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(kill_in_time)
        action()
    finally:
        os._exit(0)
