"""The stack follows from the machine, and a wish that can't work is refused, with what to do instead."""

from __future__ import annotations

import re

import pytest

from pipeline.machine.stack import CURRENT, OLD, StackError, choose_stack
from pipeline.machine.system import Machine

DEBIAN_12 = Machine("Linux", "x86_64", (2, 36), {(3, 13): "/p/python3.13", (3, 10): "/p/python3.10"})
DEBIAN_13 = Machine("Linux", "x86_64", (2, 41), {(3, 12): "/p/python3.12", (3, 10): "/p/python3.10"}, compiler=False)
MAC = Machine("Darwin", "arm64")
INTEL_MAC = Machine("Darwin", "x86_64")
WINDOWS = Machine("Windows", "x86_64")
ARM_LINUX = Machine("Linux", "arm64", (2, 41))
ALPINE = Machine("Linux", "x86_64", None)


@pytest.mark.parametrize(
    ("machine", "stack", "version", "program"),
    [
        (DEBIAN_13, CURRENT, (3, 12), "/p/python3.12"),
        (Machine("Linux", "x86_64", (2, 39)), CURRENT, (3, 13), None),
        (MAC, CURRENT, (3, 13), None),
        (DEBIAN_12, OLD, (3, 10), "/p/python3.10"),
        (INTEL_MAC, OLD, (3, 10), None),
    ],
)
def test_the_current_stack_is_taken_where_it_fits_and_else_the_old_one(machine, stack, version, program) -> None:
    choice = choose_stack(machine)
    assert (choice.stack, choice.version, choice.program) == (stack, version, program)
    assert machine.name in choice.sentence


def test_a_wish_decides() -> None:
    assert choose_stack(DEBIAN_13, "3.11").version == (3, 11)
    assert choose_stack(Machine("Linux", "x86_64", (2, 41)), "3.10.4").stack is OLD


@pytest.mark.parametrize(
    ("machine", "wish", "remedy"),
    [
        (DEBIAN_12, "3.12", "PYTHON_VERSION=3.10"),
        (INTEL_MAC, "3.13", "PYTHON_VERSION=3.10"),
        (MAC, "3.10", "PYTHON_VERSION=3.13"),
        (WINDOWS, "", "WSL 2"),
        (WINDOWS, "3.12", "WSL 2"),
        (ARM_LINUX, "", "x86_64 machine or container"),
        (ALPINE, "", "Debian 13"),
        (DEBIAN_13, "3.10", "apt-get install g++"),
        (DEBIAN_13, "3.14", "one of 3.13, 3.12, 3.11, 3.10"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(machine: Machine, wish: str, remedy: str) -> None:
    with pytest.raises(StackError, match=re.escape(remedy)):
        choose_stack(machine, wish)
