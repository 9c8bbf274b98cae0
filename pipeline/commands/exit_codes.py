"""How a command ends, for the shell and for schedulers."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code says; a scheduler can tell a bad model from a broken machine."""

    OK = 0
    ERROR = 1
    BAD_INPUT = 2
    NOT_BLESSED = 3
    DATA_REJECTED = 4
    INTERRUPTED = 130


CODE_OF_VERDICT = {
    "pushed": ExitCode.OK,
    "not_blessed": ExitCode.NOT_BLESSED,
    "data_rejected": ExitCode.DATA_REJECTED,
    "error": ExitCode.ERROR,
    "interrupted": ExitCode.INTERRUPTED,
}
