"""Run a command and measure it: seconds, and memory of the process with all that it starts."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 3_600
TAIL_LINES = 25
WIDTH = 120  # of tables that go into a file
MIB = 1 << 20
_PAGE_BYTES = resource.getpagesize()


class CommandError(RuntimeError):
    """A measured command failed; the message holds the end of its standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A command that ended well."""

    started_at: float
    """When the process was started, in seconds since the epoch."""

    seconds: float
    """From the start of the process to its end, by the clock on the wall."""

    cpu_seconds: float
    """Processor time of the process and of those that it started and waited for."""

    peak_rss_mib: float
    """Highest sum of the resident sets of the process tree; pages that processes share count once for each."""

    timeline: list[tuple[float, float]]
    """Seconds since the start, and that sum in MiB."""

    result: dict[str, Any]
    """The JSON object in the last line of standard output."""


def measure_command(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, interval: float = 0.05
) -> Measurement:
    """Run a command in the root of the repository, in a session of its own.

    Args:
        command: Program and arguments; the last line that it prints is a JSON object.
        environment: Variables to set beside those of this process.
        interval: Seconds between two looks at the memory.

    Raises:
        CommandError: It failed, printed no JSON, or was not done after an hour.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        cpu_before, started_at, started = _read_child_cpu(), time.time(), time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        timeline: list[tuple[float, float]] = []
        done = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process.pid, started, interval, done, timeline))
        sampler.start()
        try:
            exit_code: int | str = process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            exit_code = f"not done after {TIMEOUT_SECONDS} s"
        finally:
            seconds = time.monotonic() - started
            done.set()
            sampler.join()
            _end_session(process)
        stdout.seek(0)
        stderr.seek(0)
        result = _parse_last_line(stdout.read())
        if exit_code != 0 or result is None:
            tail = "".join(stderr.readlines()[-TAIL_LINES:])
            reasons = "\n".join((result or {}).get("reasons", []))
            raise CommandError(f"{' '.join(command)}\nexit code {exit_code}\n{tail}{reasons}")
        return Measurement(
            started_at=started_at,
            seconds=seconds,
            cpu_seconds=_read_child_cpu() - cpu_before,
            peak_rss_mib=max((mib for _, mib in timeline), default=0.0),
            timeline=timeline,
            result=result,
        )


def sum_tree_rss(root: int, processes: Mapping[int, tuple[int, int, int]]) -> int:
    """Sum up the resident sets of a session and of all descendants of its processes.

    Args:
        root: Process id of the session's leader. By the session, processes whose parent is gone are found as well.
        processes: For each process id the parent's id, the session's id, and the resident set.
    """
    tree = {pid for pid, (_, session, _) in processes.items() if session == root}
    found = True
    while found:
        children = {pid for pid, (parent, _, _) in processes.items() if parent in tree} - tree
        tree |= children
        found = bool(children)
    return sum(processes[pid][2] for pid in tree)


def read_processes() -> dict[int, tuple[int, int, int]]:
    """Return parent, session and resident set in bytes of every process; source: proc_pid_stat(5)."""
    processes = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - called twenty times a second
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:  # noqa: PTH123 - as above
                    fields = stream.read().rpartition(b")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            processes[int(name)] = (int(fields[1]), int(fields[3]), int(fields[21]) * _PAGE_BYTES)
    return processes


def describe_machine() -> dict[str, Any]:
    """Return what a reader of the figures wants to know of the machine and the releases."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / (1 << 30), 1),
        "load_average_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("tfx", "tensorflow", "keras", "apache-beam")},
    }


def hash_sources() -> str:
    """Return the SHA-256 of the pipeline's sources: figures belong to one version of them."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in ("components", "pipeline") for path in (ROOT / folder).rglob("*.p*")):
        if path.suffix in (".py", ".pbtxt"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def make_console() -> Console:
    """Return a console as wide as the terminal, or wide enough for the tables where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps(report, indent=2) + "\n")


def _sample(
    root: int, started: float, interval: float, done: threading.Event, timeline: list[tuple[float, float]]
) -> None:
    while not done.wait(interval):
        rss = sum_tree_rss(root, read_processes())
        timeline.append((round(time.monotonic() - started, 3), round(rss / MIB, 1)))


def _end_session(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End what is left of the command, which is all of it when it is we who were interrupted."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _read_child_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _parse_last_line(output: str) -> dict[str, Any] | None:
    lines = output.strip().splitlines()
    try:
        result = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        return None
    return result if isinstance(result, dict) else None
