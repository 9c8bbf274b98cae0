"""A terminal gets characters that it can show, and none that it would obey."""

from __future__ import annotations

import io
import sys

import pytest

from pipeline.commands.plain_text import prepare_streams, show_controls


def test_characters_that_a_terminal_obeys_are_shown() -> None:
    assert show_controls("\x1b[31mred\x07\x9b\u202e") == "␛[31mred␇\ufffd\ufffd"
    assert show_controls("Größe\t28 → 29\n✓") == "Größe\t28 → 29\n✓"


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "+ x 5 % ### _* ??"), ("utf-8", "✓ ✗ 5\u202f% ███ ▁▇ 鞋♥")])
def test_a_terminal_that_cannot_show_a_mark_gets_a_stand_in(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    prepare_streams()
    print("✓ ✗ 5\u202f% ███ ▁▇ 鞋♥", end="", flush=True)
    assert stream.buffer.getvalue().decode(encoding) == shown  # type: ignore[attr-defined]
