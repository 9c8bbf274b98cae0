"""A line of sparks goes from the lowest to the highest."""

from __future__ import annotations

import math

import pytest

from pipeline.history.sparks import draw_sparks


@pytest.mark.parametrize(
    ("values", "sparks"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0.9, None, 0.8, math.nan], "█·▁·"),
        ([0.9, 0.9], "▁▁"),
        ([None], "·"),
        ([], ""),
    ],
)
def test_each_value_is_as_high_as_it_is(values: list[float | None], sparks: str) -> None:
    assert draw_sparks(values) == sparks
