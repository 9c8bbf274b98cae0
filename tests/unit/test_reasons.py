"""A reason is kept as one line of text, or refused in a sentence."""

from __future__ import annotations

import pytest

from pipeline.reasons import ReasonError, read_reason


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  bags\nare\tmissing ", "bags are missing"),
        ("<b>Größe</b> “28” 鞄 👩\u200d🔧", "<b>Größe</b> “28” 鞄 👩\u200d🔧"),
        ("x" * 1_000, "x" * 1_000),
    ],
)
def test_text_is_kept_on_one_line(given: str, kept: str) -> None:
    assert read_reason(given) == kept


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (" \n", '--reason "": expected a sentence that says why'),
        ("x" * 10_000, "--reason: it has 10,000 characters, expected at most 1,000"),
        ("\x1b[2J", r"--reason: it holds the character U\+001B"),
        ("a\x00b", r"U\+0000"),
        ("a\u202eb", r"U\+202E"),
        ("a\udcffb", r"U\+DCFF"),
    ],
)
def test_anything_else_is_refused(given: str, complaint: str) -> None:
    with pytest.raises(ReasonError, match=complaint) as error:
        read_reason(given)
    assert str(error.value).isprintable()
