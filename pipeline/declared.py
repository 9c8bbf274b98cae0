"""Reads what people write, in a TOML file or on a command line, into records that declare what they take.

A record is a frozen dataclass below `Declared`. Its annotations hold type, range and what is told of a field; pydantic
checks them, and what it finds wrong becomes one sentence here: where, what, what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import tomli
from annotated_types import Ge, Gt, Interval

_TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path", tuple: "a list"}
_UNIONS = (Union, UnionType)
_MOST_BYTES = 1 << 20
_LONGEST_SHOWN = 100


class ConfigError(ValueError):
    """What was given can't be used; the message says where it stands, what it is and what is expected."""


class Declared:
    """A record whose fields are checked when `build` makes it: no key that it does not know, and every type exact."""

    __slots__ = ()
    __pydantic_config__ = {"extra": "forbid", "strict": True}


Record = TypeVar("Record", bound=Declared)


@dataclass(frozen=True, slots=True)
class Option:
    """What is told of a field that a person may set.

    Attributes:
        help: One sentence.
        unit: Of the value; "" for shares and counts of nothing in particular.
        metavar: What stands for the value where the type does not say it.
        stage: The stage that is told of it; "" for what only the runner needs.
        on_cluster: Whether it is a parameter of a run on Kubeflow.
    """

    help: str
    unit: str = ""
    metavar: str = ""
    stage: str = ""
    on_cluster: bool = True


class Field(NamedTuple):
    """A field as it was declared: `kind` without its annotations, `range` in words ("" for any value)."""

    name: str
    kind: Any
    default: Any
    range: str
    option: Option


def list_fields(record: type[Declared]) -> list[Field]:
    """Return the fields of a record that are options."""
    return [field for field in _read_fields(record).values() if field.option.help]


def build(record: type[Record], values: Mapping[str, Any], where: str = "", write: str = "{name} = {value}") -> Record:
    """Make a record of what was given.

    Args:
        record: The class; fields that are records themselves are made of nested mappings.
        values: By name, as JSON or TOML holds them.
        where: What the sentence of a mistake starts with, such as the name of a file.
        write: How a value stands where it was given: `--{option} {value}`, `{name} = {value}`.

    Raises:
        ConfigError: A key is unknown or missing, or a value has another type or is out of its range.
    """
    from pydantic import TypeAdapter, ValidationError  # takes a while, and not every command reads a configuration

    where = f"{where}: " if where else ""
    fields_ = _read_fields(record)
    for name, value in values.items():
        if not str(value).isascii() and any("\ud800" <= character <= "\udfff" for character in str(value)):
            given = write.format(name=name, option=name.replace("_", "-"), value=ascii(str(value)))
            raise ConfigError(f"{where}{given}: expected text in UTF-8.")
        if value == "" and name in fields_ and fields_[name].kind is Path:
            given = write.format(name=name, option=name.replace("_", "-"), value="''")
            raise ConfigError(f"{where}{given}: expected a path; leave it out for its default.")
    try:
        return TypeAdapter(record).validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
    raise ConfigError(where + _describe_mistake(record, mistake, write))


def read_toml(path: Path, remedy: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
    try:
        with path.open("rb") as file:  # which may be a device without an end
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {remedy}.") from error
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path}: more than {_MOST_BYTES:,} bytes, expected a few lines of TOML; {remedy}.")
    try:
        return tomli.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # TOML, or the characters that it is written in
        raise ConfigError(f"{path}: not TOML ({error}); correct it there.") from error


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which name was most likely meant, or which there are."""
    for close in get_close_matches(name, known, n=1):
        return f"did you mean {close}?"
    return f"expected one of {', '.join(known)}."


def describe_kind(kind: Any) -> str:
    """Say in words what values a type has."""
    kind = next((part for part in get_args(kind) if part in _TYPES), kind) if get_origin(kind) in _UNIONS else kind
    return _TYPES.get(get_origin(kind) or kind, "a table")


def _read_fields(record: type[Declared]) -> dict[str, Field]:
    hints = get_type_hints(record, include_extras=True)
    return {spec.name: _read_field(spec.name, hints[spec.name], spec.default) for spec in fields(record)}  # type: ignore[arg-type]


def _read_field(name: str, hint: Any, default: Any) -> Field:
    kind, *notes = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    option = next((note for note in notes if isinstance(note, Option)), Option(""))
    return Field(name, kind, default, " ".join(_describe_ranges(kind, notes)), option)


def _describe_ranges(kind: Any, notes: list[Any]) -> Iterator[str]:
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        yield f"{', '.join(others)} or {last}"
    for note in notes:
        if isinstance(note, Ge):
            yield f"{note.ge:,} or more"
        elif isinstance(note, Gt):
            yield f"a number above {note.gt:,}"
        elif isinstance(note, Interval):
            least = f"a number above {note.gt:,} and at most" if note.ge is None else f"{note.ge:,} to"
            yield f"{least} {note.le:,}"


def _describe_mistake(record: type[Declared], mistake: Mapping[str, Any], write: str) -> str:
    """Say what is wrong. `loc` leads from the record to the value, over names of fields, keys of tables and numbers."""
    if "error" in mistake.get("ctx", {}):
        return str(mistake["ctx"]["error"])
    steps = [str(step) for step in mistake["loc"]]
    owner, depth = _find_owner(record, steps)
    name, fields_ = steps[depth], _read_fields(owner)
    table = f"[{'.'.join(steps[:depth])}] " if depth else ""
    if mistake["type"] == "unexpected_keyword_argument":
        return f"{table}unknown key {_shorten(name)}; {suggest(name, fields_)}"
    if mistake["type"] == "missing":
        return f"{table}{name} is missing."
    value, field = mistake["input"], fields_[name]
    shown = value if type(value) in (int, float) else repr(value)
    out_of_range = mistake["type"].endswith(("_equal", "_than")) or mistake["type"] == "literal_error"
    given = write.format(name=name, option=name.replace("_", "-"), value=_shorten(str(shown)))
    return f"{table}{given}: expected {field.range if out_of_range else describe_kind(field.kind)}."


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _find_owner(record: type[Declared], steps: Sequence[str]) -> tuple[type[Declared], int]:
    """Return the innermost record on the way to a value, and which step names its field."""
    depth = 0
    while field := _read_fields(record).get(steps[depth]):
        inner = next(_find_records(field.kind), None)
        further = depth + (2 if get_origin(field.kind) in (dict, list) else 1)
        if inner is None or further >= len(steps):
            break
        record, depth = inner, further
    return record, depth


def _find_records(kind: Any) -> Iterator[type[Declared]]:
    """Yield the records that a type speaks of: `Gpu | None`, `dict[str, Stage]`."""
    if isinstance(kind, type) and issubclass(kind, Declared):
        yield kind
    for part in get_args(kind):
        yield from _find_records(part)
