"""What may pass is tried again, a bounded number of times; what will not is told at once."""

from __future__ import annotations

import errno

import pytest

from components.images.idx_folder import DataError
from pipeline.kubeflow.again import UnavailableError, is_passing, try_again

STALE = OSError(errno.ESTALE, "Stale file handle", "/mnt/models")


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (UnavailableError("bucket: does not answer"), True),
        (STALE, True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), True),
        (RuntimeError("[Errno 116] Stale file handle: '/mnt/data' [while running 'Write']"), True),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (DataError("no such folder"), False),
        (MemoryError(), False),
    ],
)
def test_what_may_be_otherwise_in_a_minute_is_told_from_what_will_not(error: BaseException, passing: bool) -> None:
    assert is_passing(error) == passing


def test_it_is_tried_again_until_it_is_done_with_longer_and_longer_waits() -> None:
    errors, told, waits = [STALE, UnavailableError("the object store does not answer")], [], []

    def act() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert try_again(act, 2, told.append, waits.append) == "done"
    assert told == [
        "/mnt/models: stale file handle; the network file system lost it; mount it again; tried again in 20 s (1 of 2)",
        "the object store does not answer; tried again in 40 s (2 of 2)",
    ]
    assert waits == [20, 40]


@pytest.mark.parametrize(("error", "retries", "expected"), [(STALE, 3, 4), (STALE, 0, 1), (DataError("no"), 3, 1)])
def test_the_last_error_is_raised(error: Exception, retries: int, expected: int) -> None:
    tries = []

    def act() -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        try_again(act, retries, lambda why: None, lambda seconds: None)
    assert len(tries) == expected
