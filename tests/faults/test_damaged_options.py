"""An option that can't be used is refused by its name, in a file as on the command line, and nothing is written."""

from __future__ import annotations

import pytest

from pipeline.config import RunOptions
from pipeline.declared import list_fields
from tests.faults.damage import NO_FILES, become
from tests.faults.refusals import check_refusal

pytestmark = pytest.mark.timeout(60, func_only=True)

# Written as TOML. `data` and `output` take any text, and what is no folder is refused elsewhere.
WRONG = {
    int: ("1.5", '"many"', "true", "[]", "{}", "-1", "10000000000000000000000", "nan"),
    float: ('"high"', "true", "[0.5]", "nan", "inf", "-0.1", "1e400"),
    bool: ("1", '"yes"', "[]"),
    str: ("1", "true", "[]"),
}
VALUES = [
    (field.name, value)
    for field in list_fields(RunOptions)
    for kind, values in WRONG.items()
    if field.kind in (kind, kind | None)
    for value in values
]


def refuse(tmp_path, content: bytes | str, culprit: str) -> str:
    file = tmp_path / "pipeline.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    output = tmp_path / "output"
    sentence = check_refusal("run", "--config", file, "--output", output, culprit=culprit)
    assert not output.exists()
    return sentence


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_a_value(tmp_path, name, value):
    assert name in refuse(tmp_path, f"{name} = {value}\n", "pipeline.toml")


FILES = {
    "an unknown key": b"epoch = 3\n",
    "an empty key": b'"" = 3\n',
    "a key with an escape": b'"\\u001b[31m" = 3\n',
    "a key that is markup": b'"[/bold]" = 3\n',
    "a table": b"[epochs]\nepochs = 3\n",
    "a key twice": b"epochs = 3\nepochs = 4\n",
    "no value": b"epochs = ",
    "no TOML": b"epochs: 3\n",
    "JSON": b'{"epochs": 3}',
    "an open string": b'data = "sample',
    "UTF-16": "epochs = 3\n".encode("utf-16"),
    "Latin-1": 'data = "Schön"\n'.encode("latin-1"),
    "NUL": b"epochs = 3\0\n",
    "a surrogate": b'data = "\xed\xa0\x80"\n',
    "a thousand brackets": b"epochs = " + b"[" * 1000 + b"\n",
    "a thousand brackets, closed": b"epochs = " + b"[" * 1000 + b"]" * 1000 + b"\n",
    "a thousand tables": b"epochs = " + b"{a=" * 1000 + b"\n",
    "a number of 5000 digits": b"epochs = " + b"9" * 5000 + b"\n",
    "a name of 100,000 letters": b"x" * 100_000 + b" = 1\n",
    "a value of 100,000 letters": b'epochs = "' + b"x" * 100_000 + b'"\n',
}


@pytest.mark.parametrize("content", FILES)
def test_a_file(tmp_path, content):
    refuse(tmp_path, FILES[content], "pipeline.toml")


@pytest.mark.parametrize("damage", [*(set(NO_FILES) - {"a named pipe"}), "nothing there"])
def test_what_is_no_file(tmp_path, damage):
    file = tmp_path / "pipeline.toml"
    become(b"")(file)
    NO_FILES.get(damage, lambda path: path.unlink())(file)
    check_refusal("run", "--config", file, "--output", tmp_path / "output", culprit="pipeline.toml")


OPTIONS = [
    ("--epochs", "0"),
    ("--epochs", "10001"),
    ("--batch-size", "-1"),
    ("--learning-rate", "nan"),
    ("--learning-rate", "0"),
    ("--min-accuracy", "1.1"),
    ("--min-accuracy", "-inf"),
    ("--seed", "99999999999999999999"),
    ("--sample-size", "99"),
    ("--output", "out [1]"),
    ("--output", ""),
    ("--output", "/dev/null/x"),
    ("--output", "s3://bucket/x"),
    ("--output", "x" * 300),
    ("--output", "x\ny"),
]


@pytest.mark.parametrize(("option", "value"), OPTIONS)
def test_an_option(tmp_path, monkeypatch, option, value):
    monkeypatch.chdir(tmp_path)
    more = () if option == "--output" else ("--output", "output")
    check_refusal("run", "--data", "nowhere", *more, option, value, culprit=option, untouched=tmp_path)
