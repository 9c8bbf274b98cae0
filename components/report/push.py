"""What the Pusher did, as its artifact tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.gate.checks import OVERALL, Check

# Properties of a PushedModel artifact. There is no version where nothing was pushed; the recipe is that of the model.
VERSION_PROPERTY = "pushed_version"
NEWLY_PROPERTY = "newly_pushed"
SAME_ANSWERS_PROPERTY = "same_answers"
WITHHELD_PROPERTY = "withheld"
RECIPE_PROPERTY = "recipe"
ROLLBACK_PROPERTY = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What became of a blessed model.

    Attributes:
        version: The version that is this model, None for none.
        newly: Whether it was this run that pushed it.
        same_answers: Where `version` has other bytes than this model: the evaluation images that both answer alike, to
            the bit. 0 where it is this very model.
        withheld: Why it was not pushed although the gate blessed it; "" where it was.
        rollback: What was served in the end, where a person had rolled back to it, and why; else "".
    """

    version: int | None = None
    newly: bool = False
    same_answers: int = 0
    withheld: str = ""
    rollback: str = ""

    @property
    def checks(self) -> list[Check]:
        """The check that keeps back what a person took back; none where it did not come to that."""
        if not self.withheld:
            return []
        return [Check(name="rollback", slice=OVERALL, passed=False, reason=self.withheld)]


def read_push(properties: Mapping[str, Any]) -> Push:
    """Read the properties of a PushedModel artifact; {} where there is none.

    Those of before there was `same_answers` say 0 for no version.
    """
    version = properties.get(VERSION_PROPERTY)
    return Push(
        version=version if SAME_ANSWERS_PROPERTY in properties else version or None,
        newly=bool(properties.get(NEWLY_PROPERTY, 0)),
        same_answers=properties.get(SAME_ANSWERS_PROPERTY, 0),
        withheld=properties.get(WITHHELD_PROPERTY, ""),
        rollback=properties.get(ROLLBACK_PROPERTY, ""),
    )
