"""Statistics of answers that are right or wrong: intervals, and whether two models that saw the same images differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

Interval = tuple[float, float]

# Of the normal distribution: 95 % lie within so many standard deviations.
_Z = 1.959963984540054


class Pairs(NamedTuple):
    """How many images both models got right, only the candidate, only the baseline, and neither."""

    both: int
    only_candidate: int
    only_baseline: int
    neither: int

    @property
    def change(self) -> float:
        """The candidate's accuracy less the baseline's, -1 to 1."""
        return (self.only_candidate - self.only_baseline) / sum(self)


@cache  # scipy takes a millisecond, and a simulation asks the same again and again
def estimate_accuracy(right: int, images: int) -> Interval:
    """Return the 95 % interval of an accuracy of which `right` of `images` were seen.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212; as in Newcombe, Stat. Med. 17 (1998), 857-872, method 3.
    """
    from scipy.stats import binomtest  # here, because its import is slow; in the Evaluator, TFX has done it already

    least, most = binomtest(right, images).proportion_ci(method="wilson")
    return float(least), float(most)


def estimate_change(pairs: Pairs) -> Interval:
    """Return the 95 % score interval of the change in accuracy.

    Its ends are the changes at which the score statistic is +-1.96. Source: Tango, Stat. Med. 17 (1998), 891-908,
    eqs. 4 and 9, whose ends are the outer real roots of the polynomial of Yang, Sun and Hardin, Stat. Med. 32 (2013),
    1336-1342.
    """
    images, square = sum(pairs), _Z * _Z
    gain, discordant = pairs.only_candidate - pairs.only_baseline, pairs.only_candidate + pairs.only_baseline
    # Divided by images**2, so that the coefficients stay near 1 at any number of images.
    change, share, per = gain / images, discordant / images, square / images
    polynomial = (
        (1 + per) ** 2,
        -change * (1 + per) * (4 + per),
        2 * change**2 * (3 + 2 * per) - per * (share + per),
        change * per * (2 * share + per) - change**3 * (4 + per),
        change**2 * (change**2 - per * share),
    )
    roots = np.roots(polynomial)
    ends = roots.real[np.abs(roots.imag) < 1e-6]
    return max(float(ends.min()), -1.0), min(float(ends.max()), 1.0)


def compute_p_value(pairs: Pairs) -> float:
    """Return the probability that two equally good models differ by so much or more, either way.

    Source: McNemar, Psychometrika 12 (1947), 153-157, with exact binomial probabilities.
    """
    fewer = min(pairs.only_candidate, pairs.only_baseline)
    return min(1.0, 2 * float(bdtr(fewer, pairs.only_candidate + pairs.only_baseline, 0.5)))


def correct_for_many(p_values: Sequence[float]) -> list[float]:
    """Return p values that may be held against one level together: if all is chance, one is below it that rarely.

    Source: Holm, Scand. J. Stat. 6 (1979), 65-70.
    """
    corrected, most = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        most = max(most, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = most
    return corrected
