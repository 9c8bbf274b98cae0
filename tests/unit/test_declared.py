"""A mistake in what a person wrote is told by where it stands, what it is, and what was expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt, Interval

from pipeline.declared import ConfigError, Declared, Option, build, list_fields, read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp(Declared):
    watts: Annotated[float, Gt(0), Option("Power.", unit="W")] = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room(Declared):
    name: Annotated[str, Option("What it is called.")]
    doors: Annotated[int, Interval(ge=1, le=4), Option("Doors.")] = 1
    lit: Annotated[bool, Option("Whether there is light.")] = True
    floor: Annotated[Literal["wood", "stone", "tiles"], Option("What one stands on.")] = "wood"
    books: Annotated[tuple[str, ...], Option("Titles.")] = ()
    lamp: Lamp | None = None
    lamps: dict[str, Lamp] = field(default_factory=dict)
    spare: list[Lamp] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.name == "cellar":
            raise ConfigError("name cellar: expected a room with a window.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "name is missing."),
        ({"name": 3}, "name = 3: expected text."),
        ({"name": "hall", "doors": 5}, "doors = 5: expected 1 to 4."),
        ({"name": "hall", "doors": True}, "doors = True: expected a whole number."),
        ({"name": "hall", "doors": 1.0}, "doors = 1.0: expected a whole number."),
        ({"name": "hall", "lit": 1}, "lit = 1: expected true or false."),
        ({"name": "hall", "floor": "wool"}, "floor = 'wool': expected wood, stone or tiles."),
        ({"name": "hall", "floor": 3}, "floor = 3: expected wood, stone or tiles."),
        ({"name": "hall", "books": "one"}, "books = 'one': expected a list."),
        ({"name": "hall", "door": 2}, "unknown key door; did you mean doors?"),
        (
            {"name": "hall", "zebra": 2},
            "unknown key zebra; expected one of name, doors, lit, floor, books, lamp, lamps, spare.",
        ),
        ({"name": "hall", "lamp": 3}, "lamp = 3: expected a table."),
        ({"name": "hall", "lamp": {"watts": 0}}, "[lamp] watts = 0: expected a number above 0."),
        ({"name": "hall", "lamps": {"left": {"watt": 1}}}, "[lamps.left] unknown key watt; did you mean watts?"),
        ({"name": "hall", "lamps": {"left": 3}}, "lamps = 3: expected a table."),
        ({"name": "hall", "spare": [{}, {"watts": "x"}]}, "[spare.1] watts = 'x': expected a number."),
        ({"name": "cellar"}, "name cellar: expected a room with a window."),
    ],
)
def test_a_mistake_is_one_sentence(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        build(Room, values, where="house.toml")
    assert str(refusal.value) == f"house.toml: {message}"


def test_what_is_right_becomes_a_record_of_the_declared_types() -> None:
    room = build(Room, {"name": "hall", "books": ["a"], "lamp": {"watts": 7}, "lamps": {"left": {}}})
    assert room == Room(name="hall", books=("a",), lamp=Lamp(watts=7.0), lamps={"left": Lamp()})


def test_options_are_the_fields_that_are_told_of() -> None:
    assert [each.name for each in list_fields(Room)] == ["name", "doors", "lit", "floor", "books"]


@pytest.mark.parametrize("content", [b"doors = ", b"\xff\xfe", b"doors = 1\ndoors = 2"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "house.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"house\.toml: not TOML"):
        read_toml(path, "write one")


def test_a_file_that_cannot_be_read_is_told_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\); write one\."):
        read_toml(tmp_path, "write one")
