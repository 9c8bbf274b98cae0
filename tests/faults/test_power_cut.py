"""After a power cut in a push, what was not synced is gone; what a server would load is whole all the same."""

from __future__ import annotations

import pytest

from tests.faults.power import cut_at_each_change
from tests.faults.processes import fork
from tests.faults.pushes import make_push
from tests.faults.whole import check_serving


def test_a_power_cut_at_any_moment_of_a_push_leaves_whole_versions_only(constant_models, tmp_path, tally):
    place, scratch = tmp_path / "place", tmp_path / "scratch"
    place.mkdir()
    scratch.mkdir()
    assert fork(make_push(constant_models, "a", place)) == 1

    def check(left):
        assert check_serving(left / "serving") in ([1], [1, 2])

    push = make_push(constant_models, "b", place)
    cuts = fork(lambda: cut_at_each_change(place, push, check, scratch))
    assert cuts > 40
    assert check_serving(place / "serving") == [1, 2]
    (last,) = (scratch / str(cuts - 2),)
    assert check_serving(last / "serving") == [1, 2], "what a push that has ended says is pushed stays so"
    tally.power_cuts += cuts


def test_the_harness_finds_a_push_that_does_not_sync(constant_models, tmp_path):
    place, scratch = tmp_path / "place", tmp_path / "scratch"
    place.mkdir()
    scratch.mkdir()
    push = make_push(constant_models, "a", place)

    def push_without_syncing():
        from components.serving import publishing

        publishing.sync_to_disk = lambda _: None
        return push()

    def check(left):
        check_serving(left / "serving")

    with pytest.raises(AssertionError):
        fork(lambda: cut_at_each_change(place, push_without_syncing, check, scratch))
