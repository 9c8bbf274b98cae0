"""Asks again where a connection was lost: what is watched goes on meanwhile, and the network comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.kubeflow.transport import ConnectionLostError

POLL_SECONDS = 5
_PATIENCE_SECONDS = 600

Answer = TypeVar("Answer")


def ask_patiently(ask: Callable[[], Answer], tell: Callable[[str], None]) -> Answer:
    """Return what `ask` does, asked until there is an answer.

    Args:
        ask: The question.
        tell: Is told, once, why there is no answer yet.

    Raises:
        ConnectionLostError: There was none for ten minutes.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    told = False
    while True:
        try:
            return ask()
        except ConnectionLostError as error:
            if time.monotonic() >= end:
                raise
            if not told:
                tell(f"{error}; asking again for {_PATIENCE_SECONDS // 60} minutes")
            told = True
        time.sleep(POLL_SECONDS)
