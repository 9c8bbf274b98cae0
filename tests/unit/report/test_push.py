"""What the Pusher did is read back, and as it was written before versions could be none or 0."""

from __future__ import annotations

import pytest

from components.report.push import Push, read_push


@pytest.mark.parametrize(
    ("properties", "push"),
    [
        ({}, Push()),
        ({"pushed_version": 0, "newly_pushed": 0}, Push()),
        ({"pushed_version": 2, "newly_pushed": 1}, Push(version=2, newly=True)),
        ({"newly_pushed": 0, "same_answers": 0}, Push()),
        ({"pushed_version": 0, "newly_pushed": 0, "same_answers": 0}, Push(version=0)),
        ({"pushed_version": 3, "newly_pushed": 0, "same_answers": 200}, Push(version=3, same_answers=200)),
    ],
)
def test_no_version_is_none_and_0_is_one(properties: dict, push: Push) -> None:
    assert read_push(properties) == push


def test_what_is_withheld_is_a_check_that_failed() -> None:
    (check,) = read_push({"same_answers": 0, "withheld": "version 2 was taken back"}).checks
    assert (check.passed, check.reason) == (False, "version 2 was taken back")
    assert read_push({"same_answers": 0}).checks == []
