"""How a command has to refuse: one sentence that names the culprit, the documented exit code, and nothing written."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner, Result

from pipeline.cli import app
from tests.faults.tally import TALLY
from tests.faults.whole import describe_tree

BAD_INPUT = 2
ERROR = 1
# What Python and its libraries say of themselves, and no person can do anything with.
_JARGON = re.compile(
    r"Traceback|\bobject has no attribute|\binvalid literal|\[Errno|\bNoneType\b|<class |0x7f|(values to|cannot) unpack"
)
_LONGEST = 700
# More than any command takes for a bad input, and less than a bomb would.
_MEMORY_BYTES = 300 * 2**20


def invoke(*arguments: object) -> Result:
    """Call a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@contextmanager
def bound_memory() -> Iterator[None]:
    """Let this process have 300 MiB more than it has, and no more: VmData in proc(5), in KiB."""
    used = int(re.search(r"VmData:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + _MEMORY_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def check_sentence(text: str, culprit: str) -> None:
    """It is one line that a person can do something with."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert text.startswith("Error: "), text
    assert lines[0].endswith((".", "?")), text
    assert lines[0].isprintable(), text
    assert len(lines[0]) <= _LONGEST, text
    assert culprit in text, text
    assert not _JARGON.search(text), text


def _shorten(text: str, arguments: tuple[object, ...]) -> str:
    """Leave out what was given, where that is long itself."""
    for argument in map(str, arguments):
        text = text.replace(argument, "…") if len(argument) > _LONGEST else text
    return text


def check_refusal(*arguments: object, culprit: str, code: int = BAD_INPUT, untouched: Path | None = None) -> str:
    """Call a command, and look at how it refuses; return the sentence.

    Args:
        arguments: the command and its options.
        culprit: what has to be named.
        code: how it has to end.
        untouched: a folder in which nothing may change.
    """
    before = describe_tree(untouched) if untouched else None
    with bound_memory():
        result = invoke(*arguments)
    assert result.exit_code == code, (result.exit_code, result.stderr, result.stdout)
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit), result.exception
    check_sentence(_shorten(result.stderr, arguments), culprit)
    assert not result.stdout, result.stdout
    if untouched:
        assert describe_tree(untouched) == before
    TALLY.inputs += 1
    return result.stderr
