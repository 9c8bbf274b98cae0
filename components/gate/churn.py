"""Churn: how many answers are others than the baseline's, whether they were right or wrong.

Source: Milani Fard, Cormier, Canini and Gupta, Launch and Iterate: Reducing Prediction Churn, NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from components.gate.answers import Answers

# Of the default training on Fashion-MNIST, as `make benchmark-retraining` measures it: two trainings that differ in
# nothing but the seed, and two that see other random 90 % of the images.
USUAL_SAME_IMAGES, USUAL_OTHER_IMAGES = 0.040, 0.043


class Churn(NamedTuple):
    """Some images, and how many of them are answered otherwise than by the baseline.

    Attributes:
        images: All of them.
        changed: Taken for another class than before, be it right or wrong; None where an older version did not count.
        lost: Right then and wrong now.
        won: Wrong then and right now.
    """

    images: int
    changed: int | None
    lost: int
    won: int

    @property
    def share(self) -> float | None:
        """Share of the images that is answered otherwise, 0 to 1; None where it is not known."""
        return None if self.changed is None or not self.images else self.changed / self.images


def measure_churn(answers: Answers) -> list[Churn]:
    """Return the churn of each class; [] without a baseline."""
    changed: Sequence[int | None] = answers.changed or [None] * len(answers.pairs)
    return [
        Churn(sum(pairs), others, lost=pairs[2], won=pairs[1])
        for pairs, others in zip(answers.pairs, changed, strict=True)
    ]


def add_churn(classes: Sequence[Churn]) -> Churn | None:
    """Return the churn of all classes together; None without a baseline."""
    if not classes:
        return None
    images, changed, lost, won = zip(*classes, strict=True)
    return Churn(sum(images), None if None in changed else sum(changed), sum(lost), sum(won))
