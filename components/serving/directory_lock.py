"""The lock of a serving directory: one push at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.serving.manifest import ServingError

_LOCK = ".lock"


@contextmanager
def lock_serving_dir(serving_dir: Path) -> Iterator[None]:
    """Hold the serving directory for a push; it is made where it is missing, and let go when the process ends.

    Raises:
        ServingError: It cannot be written, or its file system has no locks.
    """
    try:
        serving_dir.mkdir(parents=True, exist_ok=True)
        lock = (serving_dir / _LOCK).open("w")
    except OSError as error:
        raise ServingError(
            f"{serving_dir}: cannot be written ({error.strerror}); expected a folder that this user may write, "
            "or name another with --output."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            raise ServingError(
                f"{serving_dir}: its file system has no locks ({error.strerror}), and a push needs one; "
                "choose an --output on a local disk, or on NFS 4."
            ) from error
        yield
