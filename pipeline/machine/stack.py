"""Which stack this machine gets: `python -m pipeline.machine.stack [VERSION]` prints the Python for it, and says why.

The bounds are those of the wheels: TFX 1.21's are for manylinux_2_39_x86_64 and macosx_11_0_arm64, TFX 1.16's for
manylinux_2_17_x86_64 and macosx_12_0_x86_64 (tensorflow-data-validation, tfx-bsl and ml-metadata on PyPI).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Optional, Tuple

from pipeline.machine.system import Machine, Version, look_at_machine


class StackError(RuntimeError):
    """What was asked for can't work on this machine; the message says what to do instead."""


@dataclass(frozen=True)
class Stack:
    """Releases that belong together."""

    name: str
    pythons: Tuple[Version, ...]
    """Those that it runs on, the one that is taken first at the front."""
    glibc: Version
    """The oldest that its wheels run with, on Linux on x86_64."""
    mac: str
    """The processor of the Macs that it has wheels for."""
    needs_compiler: bool


CURRENT = Stack("TFX 1.21 with TensorFlow 2.21", ((3, 13), (3, 12), (3, 11)), (2, 39), "arm64", needs_compiler=False)
OLD = Stack("TFX 1.16 with TensorFlow 2.16", ((3, 10),), (2, 17), "x86_64", needs_compiler=True)


@dataclass(frozen=True)
class Choice:
    """The stack of a machine, and the Python to install it on."""

    stack: Stack
    version: Version
    program: Optional[str]
    """The Python that is there; None where uv has to get one."""
    reason: str

    @property
    def sentence(self) -> str:
        """What was chosen and why, in one sentence."""
        python = "Python {}.{}".format(*self.version) + ("" if self.program else ", which uv gets")
        return f"{self.stack.name} on {python}: {self.reason}."


def choose_stack(machine: Machine, wish: str = "") -> Choice:
    """Choose the current stack where it fits, else the old one.

    Args:
        machine: What it is to run on.
        wish: A version of Python, such as `3.12`, that decides instead.

    Raises:
        StackError: No stack fits the machine, or the one that was wished for does not.
    """
    if wish:
        return _follow_wish(machine, wish)
    obstacle = find_obstacle(machine, CURRENT)
    if not obstacle:
        return _choose_python(machine, CURRENT, f"the current stack fits {machine.name}")
    if find_obstacle(machine, OLD):
        raise StackError(f"no stack runs on {machine.name}: {_suggest_machine(machine)}")
    return _choose_python(machine, OLD, f"the current stack {obstacle}, and this is {machine.name}")


def find_obstacle(machine: Machine, stack: Stack) -> str:
    """Say why the stack does not run there; empty where it does."""
    needs = f"needs Linux on x86_64 with glibc {'.'.join(map(str, stack.glibc))} or newer, or macOS on {stack.mac}"
    if machine.system == "Darwin":
        return "" if machine.processor == stack.mac else needs
    if machine.system == "Linux" and machine.processor == "x86_64" and machine.glibc:
        return "" if machine.glibc >= stack.glibc else needs
    return needs


def _follow_wish(machine: Machine, wish: str) -> Choice:
    known = {"{}.{}".format(*version): (stack, version) for stack in (CURRENT, OLD) for version in stack.pythons}
    found = known.get(".".join(wish.split(".")[:2]))
    if not found:
        raise StackError(f"PYTHON_VERSION={wish}: no stack runs on it; expected one of {', '.join(known)}")
    stack, version = found
    obstacle = find_obstacle(machine, stack)
    if obstacle:
        other = OLD if stack is CURRENT else CURRENT
        instead = "{}.{}".format(*other.pythons[0])
        remedy = _suggest_machine(machine) if find_obstacle(machine, other) else f"PYTHON_VERSION={instead}, or none"
        raise StackError(f"PYTHON_VERSION={wish}: {stack.name} {obstacle}, and this is {machine.name}; take {remedy}")
    return _choose_python(machine, stack, f"PYTHON_VERSION={wish} was asked for", (version,))


def _choose_python(machine: Machine, stack: Stack, reason: str, versions: Tuple[Version, ...] = ()) -> Choice:
    if stack.needs_compiler and not machine.compiler:
        raise StackError(
            f"{stack.name} is what fits {machine.name}, and one of its packages is built from source: "
            "install a C++ compiler (Debian: apt-get install g++; macOS: xcode-select --install)"
        )
    there = [version for version in versions or stack.pythons if version in machine.pythons]
    version = (there or list(versions) or list(stack.pythons))[0]
    return Choice(stack, version, machine.pythons.get(version), reason)


def _suggest_machine(machine: Machine) -> str:
    if machine.system == "Windows":
        return "WSL 2 with Ubuntu 24.04 or Debian 13 (wsl --install -d Ubuntu-24.04), and run it in there"
    if machine.system == "Linux" and machine.processor == "arm64":
        return "an x86_64 machine or container (TFX has no wheels for Linux on arm64)"
    return "Debian 13, Ubuntu 24.04 or another Linux on x86_64 with glibc, on a machine or in a container"


def main() -> None:
    """Print the Python to install on, its version first, and on standard error what was chosen and why."""
    try:
        choice = choose_stack(look_at_machine(), "".join(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"Error: {error}.")
    print(choice.sentence, file=sys.stderr)
    print(choice.program or "{}.{}".format(*choice.version))


if __name__ == "__main__":
    main()
