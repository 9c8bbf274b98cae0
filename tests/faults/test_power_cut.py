"""After a power cut in a push, what was not synced is gone; what a server would load is whole all the same."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from components.serving import publishing
from tests.faults.power import cut_at_each_change
from tests.faults.processes import call_apart
from tests.faults.pushes import Push, make_push
from tests.faults.whole import check_serving


def check_whole(left: Path) -> None:
    check_serving(left / "serving")


def check_versions(left: Path) -> None:
    assert check_serving(left / "serving") in ([1], [1, 2])


@pytest.fixture
def place(tmp_path) -> Path:
    directory = tmp_path / "place"
    directory.mkdir()
    return directory


@pytest.fixture
def scratch(tmp_path) -> Path:
    directory = tmp_path / "scratch"
    directory.mkdir()
    return directory


def push_without_syncing(push: Push) -> int:
    publishing.sync_to_disk = lambda _: None
    return push()


def test_a_power_cut_at_any_moment_of_a_push_leaves_whole_versions_only(constant_models, place, scratch, tally):
    assert call_apart(make_push(constant_models, "a", place)) == 1
    push = make_push(constant_models, "b", place)
    cuts = call_apart(cut_at_each_change, place, push, check_versions, scratch)
    assert cuts > 40
    assert check_serving(place / "serving") == [1, 2]
    last = scratch / str(cuts - 2)
    assert check_serving(last / "serving") == [1, 2], "what a push that has ended says is pushed stays so"
    tally.power_cuts += cuts


def test_the_harness_finds_a_push_that_does_not_sync(constant_models, place, scratch):
    push = partial(push_without_syncing, make_push(constant_models, "a", place))
    with pytest.raises(AssertionError, match="state='damaged'"):
        call_apart(cut_at_each_change, place, push, check_whole, scratch)
