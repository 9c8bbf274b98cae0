"""A batch that is divided among devices is the batch of one device."""

from __future__ import annotations

import numpy as np
import pytest

from components.training.distributed import draw_batches
from components.training.loop import shuffle_batches


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
@pytest.mark.parametrize(("count", "batch_size"), [(0, 8), (3, 8), (64, 8), (67, 8), (1000, 33)])
def test_the_batches_are_those_of_one_device(count: int, batch_size: int, replicas: int) -> None:
    divided = draw_batches(count, batch_size, replicas, np.random.default_rng(1))
    assert divided.shape == (-(-count // batch_size), replicas, -(-batch_size // replicas))
    whole = [
        step
        for turn in shuffle_batches(count, batch_size, np.random.default_rng(1))
        for step in turn.reshape(-1, turn.shape[-1])
    ]
    assert [[row for row in step.ravel().tolist() if row >= 0] for step in divided] == [step.tolist() for step in whole]
