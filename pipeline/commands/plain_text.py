"""What reaches a terminal: characters that it can show, and of what comes from outside nothing that it obeys."""

from __future__ import annotations

import codecs
import os
import re
import sys
from typing import TextIO

# Stand-ins for a terminal or a log in ASCII or Latin-1; anything else becomes a question mark.
_STAND_INS = {
    "✓": "+",
    "✗": "x",
    **dict(zip("▁▂▃▄▅▆▇█·", "_,-~=+*#.", strict=True)),
    "…": "...",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u202f": " ",
    "\xa0": " ",
    "“": '"',
    "”": '"',
    "━": "-",
    "╸": "-",
}
_ERRORS = "stand-in"
# C0 and C1 but for tab and newline, and marks that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def show_controls(text: str) -> str:
    r"""Replace each character that a terminal would obey by a visible one: ESC by `\N{SYMBOL FOR ESCAPE}`."""
    return _CONTROLS.sub(lambda found: chr(0x2400 + ord(found[0])) if ord(found[0]) < ord(" ") else "\ufffd", text)


def show_line(text: str) -> str:
    r"""Do so with line breaks as well: what somebody named by two lines is told in one."""
    return show_controls("\N{SYMBOL FOR NEWLINE}".join(text.splitlines()))


def prepare_streams() -> None:
    """Make standard output and error take any text, and be there at all: `2>&-` leaves a process without one.

    A file that is opened later would else be given the number of the one that is missing, and get what is meant for it.
    """
    codecs.register_error(_ERRORS, _replace)
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors=_ERRORS)  # type: ignore[union-attr]


def open_like(stream: TextIO, descriptor: int) -> TextIO:
    """Open a descriptor with the encoding of a stream."""
    return os.fdopen(descriptor, "w", encoding=stream.encoding, errors=stream.errors)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    stands = (_STAND_INS.get(each, "?") for each in error.object[error.start : error.end])
    return "".join(stands), error.end
