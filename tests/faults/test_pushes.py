"""A push that is stopped anywhere leaves the versions as they were, or a whole one more; the next one ends well."""

from __future__ import annotations

import signal
from itertools import count

from tests.faults.processes import call_apart
from tests.faults.pushes import kill_push, make_push
from tests.faults.whole import check_serving


def test_a_push_killed_before_any_of_its_changes_is_survived(constant_models, tmp_path, tally):
    pushes = [make_push(constant_models, name, tmp_path) for name in "ab"]
    serving = pushes[0].serving_dir
    assert call_apart(pushes[0]) == 1
    versions = [1]
    for step in count():
        ended = kill_push(pushes[step % 2], step)
        found = check_serving(serving)
        assert set(found) >= set(versions)
        if ended != signal.SIGKILL:
            break
        assert len(found) <= len(versions) + 1
        versions = found
        tally.kills_in_pushes += 1
    assert found == [*versions, ended], "the push after all those kills"
    assert step > 20


def test_two_pushes_at_once_become_two_versions(constant_models, tmp_path, tally):
    from concurrent.futures import ThreadPoolExecutor

    pushes = [make_push(constant_models, name, tmp_path) for name in "abababab"]
    with ThreadPoolExecutor(len(pushes)) as pool:
        versions = list(pool.map(call_apart, pushes))
    assert sorted(versions) == check_serving(tmp_path / "serving") == [*range(1, 9)]
    tally.faults += 1
