"""Which process a number meant: after a restart, or a few hours, the same number is another process."""

from __future__ import annotations

import subprocess
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def identify_process(process: int) -> str:
    """Return what tells a process from any other of that number, "" where there is none.

    Linux: the id of the boot and the 22nd field of /proc/<n>/stat, the start in clock ticks since then (proc(5)); the
    name, which may hold anything, stands before the last `)`. Elsewhere ps tells the time of the start.
    """
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if state == "Z" else f"{_BOOT_ID.read_text().strip()} {fields[18]}"
    except (OSError, ValueError):
        return "" if _BOOT_ID.exists() else _ask_ps(process)


def _ask_ps(process: int) -> str:
    command = ["ps", "-o", "lstart=", "-p", str(process)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
