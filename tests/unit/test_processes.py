"""A number of a process means the one that had it at that time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipeline import processes
from pipeline.processes import identify_process


def test_two_processes_are_told_apart_and_one_stays_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert identify_process(child.pid) == identify_process(child.pid)
        assert identify_process(child.pid) != identify_process(os.getpid())
        assert child.stdin is not None
        child.stdin.close()
    assert identify_process(child.pid) == ""


def test_a_process_that_ended_and_was_not_collected_is_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identify_process(child.pid) == ""
    child.wait()


def test_where_there_is_no_proc_ps_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(processes, "_BOOT_ID", tmp_path / "none")
    monkeypatch.setattr(processes, "_ask_ps", lambda process: f"started {process}")
    assert identify_process(os.getpid()) == f"started {os.getpid()}"
