"""Processes that go on by themselves after the command that started them, and are ended by another one (Linux)."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Background:
    """Processes that belong together, known by what a folder has noted of them.

    Attributes:
        home: The folder, with the log of each process.
    """

    def __init__(self, home: Path) -> None:
        if not Path("/proc/self/stat").exists():
            sys.exit("Processes in the background are known by /proc, which needs Linux.")
        self.home = home
        self._state = home / "processes.json"

    def start(self, name: str, *command: object) -> None:
        """Start a process, and note its number before anything else."""
        self.home.mkdir(exist_ok=True)
        with (self.home / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._state.write_text(json.dumps({**self._read(), name: (process.pid, read_start(process.pid))}))

    def find(self, name: str) -> int:
        """Return the number of a process, which is that of its group."""
        return self._read()[name][0]

    def end(self) -> None:
        """End all that was started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + 10
            while alive := [pid for pid, started in self._read().values() if started and read_start(pid) == started]:
                for pid in alive:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, number)
                if time.monotonic() > deadline:
                    break
                time.sleep(0.2)
        self._state.unlink(missing_ok=True)

    def _read(self) -> dict[str, tuple[int, str]]:
        """Return the number of each process, and when it started, for numbers come again."""
        return json.loads(self._state.read_text()) if self._state.is_file() else {}


def read_start(pid: int) -> str:
    """Return when a process started, as proc(5) has it; "" for one that has ended."""
    try:
        state, *values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state == "Z" else values[18]


def find_free_port() -> int:
    """Return a port that nothing listens on, and that Linux gives to nobody who asks for any: those begin at 32,768."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - it is no secret
        with suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
