"""What a pod tries again, and how long it waits: what may be otherwise in a minute, and nothing else.

Kubernetes and Argo know of lost pods and nodes, and try those again. Of a container that ended with an error they do
not know whether it is worth it; here one does.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.commands.messages import explain

# A network file system or a server that is away for a while.
_PASSING = {
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EREMOTEIO, errno.ECONNREFUSED, errno.ECONNRESET,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
}  # fmt: skip
_ERRNO = re.compile(r"\[Errno (\d+)\]")  # Beam makes a new error of the text
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 20, 300

Result = TypeVar("Result")


class UnavailableError(RuntimeError):
    """A bucket or ML Metadata can't be had now; one sentence says which, and why."""


def is_passing(error: BaseException) -> bool:
    """Tell whether an error may be gone in a minute."""
    if isinstance(error, UnavailableError):
        return True
    found = _ERRNO.search(str(error))
    number = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
    return number in _PASSING


def try_again(
    action: Callable[[], Result],
    retries: int,
    tell: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
) -> Result:
    """Return what an action does, which is tried again where its error may pass.

    Args:
        action: Has to be one that can be done twice.
        retries: How often it is tried again at most; between them lie 20, 40, 80 seconds and so on, up to 300.
        tell: Is told why, and when it is tried again.
        wait: Waits for some seconds.

    Raises:
        Exception: What the action raised: the first that does not pass, or the last.
    """
    for attempt in range(retries):
        try:
            return action()
        except Exception as error:
            if not is_passing(error):
                raise
            seconds = min(_FIRST_WAIT_SECONDS * 2**attempt, _LONGEST_WAIT_SECONDS)
            tell(f"{explain(error).sentence}; tried again in {seconds} s ({attempt + 1} of {retries})")
        wait(seconds)
    return action()
