"""The statistics agree with published examples, with scipy, and with their definitions."""

from __future__ import annotations

import math
import random

import pytest
from scipy import optimize, stats

from components.gate.paired_tests import Pairs, compute_p_value, correct_for_many, estimate_accuracy, estimate_change

# Airway hyper-responsiveness before and after a transplantation: the example of Fagerland, Lydersen and Laake, BMC Med.
# Res. Methodol. 13 (2013), 91, and Stat. Med. 33 (2014), 2850-2875.
BENTUR = Pairs(1, 1, 7, 12)
EXTREMES = [(20, 0, 0, 0), (0, 0, 0, 5), (0, 9, 0, 0), (0, 0, 9, 0), (0, 1, 0, 0), (5, 1, 0, 0), (9_200, 0, 800, 0)]


def draw_pairs(number: int) -> list[Pairs]:
    """Draw counts of very different sizes."""
    rng = random.Random(3)
    drawn = []
    for _ in range(number):
        images = rng.choice([1, 2, 7, 30, 200, 10_000, 1_000_000])
        first, second, third = sorted(rng.randint(0, images) for _ in range(3))
        drawn.append(Pairs(first, second - first, third - second, images - third))
    return drawn


def score(pairs: Pairs, change: float) -> float:
    """Tango's statistic by its definition: the likelihood, under that change, is maximized numerically."""
    images, gain = sum(pairs), pairs.only_candidate - pairs.only_baseline

    def loss(lost: float) -> float:
        shares = (lost + change, lost, 1 - 2 * lost - change)
        counts = (pairs.only_candidate, pairs.only_baseline, pairs.both + pairs.neither)
        return -sum(count * math.log(max(share, 1e-300)) for count, share in zip(counts, shares, strict=True) if count)

    found = optimize.minimize_scalar(
        loss, bounds=(max(0.0, -change), (1 - change) / 2), method="bounded", options={"xatol": 1e-13}
    )
    return (gain - images * change) / math.sqrt(images * (2 * found.x + change - change**2))


def test_change_of_the_published_example() -> None:
    least, most = estimate_change(BENTUR)
    assert (round(least, 3), round(most, 3)) == (-0.517, -0.026)
    assert pytest.approx(-6 / 21) == BENTUR.change


def test_p_value_of_the_published_example() -> None:
    assert round(compute_p_value(BENTUR), 4) == 0.0703


@pytest.mark.parametrize(
    ("right", "images", "expected"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_accuracies_of_the_published_examples(right: int, images: int, expected: tuple[float, float]) -> None:
    """Newcombe, Stat. Med. 17 (1998), 857-872, table I, method 3."""
    assert estimate_accuracy(right, images) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("pairs", [pairs for pairs in draw_pairs(60) if sum(pairs) > 2], ids=str)
def test_the_ends_of_the_interval_are_where_the_score_is_that_of_95_percent(pairs: Pairs) -> None:
    for end, sign in zip(estimate_change(pairs), (1, -1), strict=True):
        if abs(end) < 0.999:
            assert score(pairs, end) == pytest.approx(sign * stats.norm.ppf(0.975), rel=2e-3)


@pytest.mark.parametrize("counts", EXTREMES, ids=str)
def test_extreme_counts_have_an_interval_with_the_change_in_it(counts: tuple[int, int, int, int]) -> None:
    pairs = Pairs(*counts)
    least, most = estimate_change(pairs)
    assert -1 <= least <= pairs.change + 1e-9
    assert pairs.change - 1e-9 <= most <= 1
    assert most - least > 1e-3


def test_no_differing_answer_is_no_evidence() -> None:
    least, most = estimate_change(Pairs(950, 0, 0, 50))
    assert least == pytest.approx(-most)
    assert compute_p_value(Pairs(950, 0, 0, 50)) == 1


def test_models_that_change_places_have_the_opposite_interval() -> None:
    for pairs in draw_pairs(30):
        least, most = estimate_change(pairs)
        swapped = pairs._replace(only_candidate=pairs.only_baseline, only_baseline=pairs.only_candidate)
        assert estimate_change(swapped) == pytest.approx((-most, -least), abs=1e-7)


def test_p_values_are_those_of_scipy() -> None:
    for pairs in draw_pairs(200):
        differing = pairs.only_candidate + pairs.only_baseline
        expected = stats.binomtest(pairs.only_candidate, differing, 0.5).pvalue if differing else 1
        assert compute_p_value(pairs) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_ends_of_an_accuracy_are_where_the_share_seen_is_1_96_standard_errors_away() -> None:
    """Wilson's definition: the standard error is that of the end, not of what was seen."""
    for pairs in draw_pairs(200):
        right, images = pairs.both, sum(pairs)
        for end, sign in zip(estimate_accuracy(right, images), (1, -1), strict=True):
            if 0 < end < 1:
                distance = (right / images - end) / math.sqrt(end * (1 - end) / images)
                assert distance == pytest.approx(sign * 1.959963984540054, rel=1e-8)


def test_correction_multiplies_the_smallest_by_the_number_left_and_never_turns_the_order() -> None:
    assert correct_for_many([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct_for_many([0.5, 0.9, 0.001]) == pytest.approx([1, 1, 0.003])
    assert correct_for_many([]) == []
