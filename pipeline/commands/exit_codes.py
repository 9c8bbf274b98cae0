"""How a command ends, for the shell and for schedulers."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import NoReturn

from pipeline.commands.plain_text import show_controls


class ExitCode(IntEnum):
    """What the exit code says; a scheduler can tell a bad model from a broken machine."""

    OK = 0
    ERROR = 1
    BAD_INPUT = 2
    NOT_BLESSED = 3
    DATA_REJECTED = 4
    INTERRUPTED = 130


def fail(error: Exception | str, code: ExitCode) -> NoReturn:
    """Say in one sentence what is wrong, and end."""
    print(show_controls(f"Error: {error}"), file=sys.stderr)
    raise SystemExit(code)
