"""Addresses are read where [notify] says, and no sentence repeats them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.notify.addresses import AddressError, read_addresses
from pipeline.notify.settings import Notify

SECRET = "s3cr3t"


def test_they_come_from_a_variable_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALARMS", "json://a\n mailto://b  slack://c")
    assert read_addresses(Notify(env="ALARMS")) == ("json://a", "mailto://b", "slack://c")
    path = tmp_path / "alarms"
    path.write_text("# json://old\njson://a/#b\n\n  mailto://c\n", encoding="utf-8-sig")
    assert read_addresses(Notify(file=str(path))) == ("json://a/#b", "mailto://c")


def test_without_any_it_is_said_where_they_were_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ALARMS", raising=False)
    with pytest.raises(AddressError, match=r"^\$ALARMS: not set"):
        read_addresses(Notify(env="ALARMS"))
    monkeypatch.setenv("ALARMS", " \n")
    with pytest.raises(AddressError, match=r"^\$ALARMS: no address there"):
        read_addresses(Notify(env="ALARMS"))
    path = tmp_path / "alarms"
    with pytest.raises(AddressError, match=f"^{path}: cannot be read"):
        read_addresses(Notify(file=str(path)))
    os.mkfifo(path)
    with pytest.raises(AddressError, match="no regular file"):
        read_addresses(Notify(file=str(path)))


@pytest.mark.parametrize("content", [f"json://a\n{SECRET}", f"{SECRET}\xff", "json://a\n" * 51 + SECRET])
def test_what_is_no_address_is_told_by_its_number(tmp_path: Path, content: str) -> None:
    path = tmp_path / "alarms"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(AddressError) as refusal:
        read_addresses(Notify(file=str(path)))
    assert str(path) in str(refusal.value)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__context__ is None
