"""The guard around every command: whatever happens becomes one sentence and an exit code, never a traceback.

Only Python's own library is imported here, so that a missing package is told like everything else.
"""

from __future__ import annotations

import codecs
import errno
import locale
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from pipeline.commands.exit_codes import ExitCode
from pipeline.commands.messages import explain
from pipeline.commands.plain_text import prepare_streams, show_line

DEBUG = "PIPELINE_DEBUG"


@contextmanager
def tell_errors() -> Iterator[None]:
    """Tell an error in one sentence and end with its exit code; with PIPELINE_DEBUG=1, with its traceback.

    Raises:
        SystemExit: There was an error.
        KeyboardInterrupt: As it came; so do a broken pipe, and what the command line has against its arguments.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("click", "typer"):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
            error.filename = "standard output"  # a run names its folder, and other commands write nothing else
            _drop_unwritten()
        explanation = explain(error)
        _say(f"Error: {explanation.sentence}{'' if explanation.known else _keep_details()}.")
        raise SystemExit(explanation.code) from error


def run_guarded(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process, whatever the environment is like and whatever happens."""
    prepare_streams()
    _start_plainly()
    code = call_guarded(command)
    _drop_unwritten()
    sys.exit(code)


def call_guarded(command: Callable[[], object]) -> int:
    """Call a command, and return the exit code."""
    try:
        with tell_errors():
            try:
                command()
            finally:
                sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.OK
    except KeyboardInterrupt:
        _say("Interrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # nobody reads any more
        _drop_unwritten()
        return ExitCode.ERROR
    return ExitCode.OK


def _drop_unwritten() -> None:
    """Drop what can't be written, which Python would try once more when it ends, and end with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _start_plainly() -> None:
    """Start anew without what the environment must not decide, for libraries and children do not bear it.

    That is `-O`, which takes docstrings and asserts away; warnings that are errors; a safe path, which does not lead to
    the sources; and files read in another encoding than UTF-8, which the terminal may have.
    """
    changed: dict[str, str | None] = {}
    if sys.flags.optimize:
        changed["PYTHONOPTIMIZE"] = None
    if any("error" in option for option in sys.warnoptions):
        changed["PYTHONWARNINGS"] = None
    if getattr(sys.flags, "safe_path", False):
        changed["PYTHONSAFEPATH"] = None
    if codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name != "utf-8":
        changed |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": os.environ.get("PYTHONIOENCODING") or sys.stdout.encoding}
    if not changed:
        return
    environment = {name: value for name, value in {**os.environ, **changed}.items() if value is not None}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606 - the same Python, and no shell


def _keep_details() -> str:
    """Write the traceback of the error in hand where a person finds it, and say where."""
    if os.environ.get(DEBUG):
        traceback.print_exc()
        return ""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="run_pipeline-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        return f"; details are in {log.name}"
    except OSError:
        return f"; {DEBUG}=1 in the environment shows details"


def _say(sentence: str) -> None:
    """Say it if anybody can hear it."""
    try:
        print(show_line(sentence), file=sys.stderr, flush=True)
    except OSError:
        return
