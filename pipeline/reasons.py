"""Why a person did something: one line of text, kept for ever, shown on terminals and pages."""

from __future__ import annotations

import unicodedata

_MOST_CHARACTERS = 1_000
# Controls, marks that are invisible or turn the direction of writing, halves of characters, what has no meaning.
_NO_TEXT = {"Cc", "Cf", "Cs", "Co", "Cn"}
_JOINERS = "\u200c\u200d"  # Persian and emoji need them


class ReasonError(ValueError):
    """It is no sentence that could be kept."""


def read_reason(given: str) -> str:
    """Return a reason on one line.

    Raises:
        ReasonError: It is empty, too long, or holds what is no text.
    """
    reason = " ".join(given.split())
    if not reason:
        raise ReasonError('--reason "": expected a sentence that says why.')
    if len(reason) > _MOST_CHARACTERS:
        raise ReasonError(
            f"--reason: it has {len(reason):,} characters, expected at most {_MOST_CHARACTERS:,}; "
            "say it shorter, and where the rest is to be read."
        )
    for character in reason:
        if unicodedata.category(character) in _NO_TEXT and character not in _JOINERS:
            raise ReasonError(f"--reason: it holds the character U+{ord(character):04X}; expected text alone.")
    return reason
