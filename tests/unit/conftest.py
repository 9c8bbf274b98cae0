"""What tests of pushes and of the stage that pushes share."""

from __future__ import annotations

import pytest

from components import pusher


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes that take the copy for good: the check starts a process that imports TensorFlow, which takes seconds."""
    monkeypatch.setattr(pusher, "verify_copy", lambda *_: None)
