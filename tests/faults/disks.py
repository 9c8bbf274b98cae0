"""Small disks in memory, in a mount namespace of a process of their own: nobody else sees them."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.processes import call_apart

_CLONE_NEWNS = 0x00020000  # sched.h
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk; try sudo make torture")


def on_a_disk(place: Path, size: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of a module where a tmpfs of that size is at `place`, and return what it returns.

    Raises:
        AssertionError: It raised something.
    """
    return call_apart(_mount_and_call, place, size, function, arguments)


def _mount_and_call(place: Path, size: str, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    return function(*arguments)


def remount(place: Path, options: str) -> None:
    """Give the disk another size, or let nobody write there: `ro`."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def fill(place: Path, left: int) -> Path:
    """Write a file that leaves so many bytes of the disk; return it."""
    filler = place / "filler"
    filler.unlink(missing_ok=True)
    state = os.statvfs(place)
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(1, state.f_bavail * state.f_frsize - left))
    return filler
