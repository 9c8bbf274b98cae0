"""What a model has to be like. Bounds and arithmetic only; evaluator.py brings the answers.

Two models that answer the same images are compared by the images that only one of them got right. The candidate is
rejected where it loses more than the margin, and not by chance: McNemar's exact p value is at most 5 %, that of a class
after Holm's correction for the number of classes. Half of that are gains, so two equally good models are rejected at
most 2.5 % of the time for the whole, and as often for some class: 5 % together, at any number of images.

That is chance in the images, given both models. That two trainings are never the same is what the margins are for: they
are wide beside the spread between retrainings with nothing wrong, and narrow beside what a fault costs a class
(docs/decisions.md, 21; benchmarks/retraining.py). A difference within them is what the next seed may undo.

To ask that the whole interval be within the margin, as trials of non-inferiority do, would reject equally good models
half of the time: where 8 % of 10,000 answers differ, it reaches 0.55 points either way. To ask that all of it be beyond
the margin would let a loss of one point pass more often than not. benchmarks/gate_simulation.py shows the rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.gate.answers import Answers, ModelAnswers
from components.gate.calibration import compute_calibration_error
from components.gate.checks import OVERALL, Check, check_at_least, check_at_most
from components.gate.churn import Churn, add_churn, measure_churn
from components.gate.paired_tests import Pairs, compute_p_value, correct_for_many, estimate_accuracy, estimate_change

SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a model has to reach. All from 0 to 1.

    Attributes:
        min_accuracy: Least accuracy on all evaluation images.
        min_class_accuracy: Least accuracy on those of each class.
        max_calibration_error: Most that confidence may be away from accuracy on average.
        max_loss: Most that the accuracy may be below the baseline's.
        max_class_loss: The same for those of each class.
        max_churn: Most answers that may be others than the baseline's, right or wrong; 1 allows any.
    """

    min_accuracy: float
    min_class_accuracy: float
    max_calibration_error: float
    max_loss: float
    max_class_loss: float
    max_churn: float = 1.0


def check_model(answers: Answers, bounds: Bounds) -> Iterator[Check]:
    """Check the floors and the calibration, and where there is a baseline, that there is no loss, and the churn."""
    yield from check_floors(answers.candidate, answers.class_names, bounds)
    classes = measure_churn(answers)
    whole = add_churn(classes)
    if whole:
        changes = check_changes([Pairs(*counts) for counts in answers.pairs], answers.class_names, bounds)
        for check, churn in zip(changes, (whole, *classes), strict=True):
            yield replace(check, changed=churn.changed, lost=churn.lost, won=churn.won)
        if whole.changed is not None:
            yield check_churn(whole, bounds.max_churn)


def check_floors(answers: ModelAnswers, class_names: Sequence[str], bounds: Bounds) -> Iterator[Check]:
    """Check what a model is by itself: its accuracy, that of each class, and whether it is as sure as it is right."""
    confusion = np.array(answers.confusion)
    images, right = confusion.sum(axis=1).tolist(), confusion.diagonal().tolist()
    yield _check_accuracy("accuracy", OVERALL, sum(right), sum(images), bounds.min_accuracy)
    for counts in zip(class_names, right, images, strict=True):
        yield _check_accuracy("class accuracy", *counts, bounds.min_class_accuracy)
    error = compute_calibration_error(np.array(answers.bins))
    yield check_at_most("calibration error", OVERALL, error, bounds.max_calibration_error, images=sum(images))


def check_changes(pairs: Sequence[Pairs], class_names: Sequence[str], bounds: Bounds) -> Iterator[Check]:
    """Check that no accuracy is below the baseline's, from the pairs of each class."""
    whole = Pairs(*np.sum(pairs, axis=0).tolist())
    yield _check_change("change of accuracy", OVERALL, whole, bounds.max_loss, compute_p_value(whole))
    p_values = correct_for_many([compute_p_value(counts) for counts in pairs])
    for name, counts, p_value in zip(class_names, pairs, p_values, strict=True):
        yield _check_change("change of class accuracy", name, counts, bounds.max_class_loss, p_value)


def check_churn(churn: Churn, max_churn: float) -> Check:
    """Check that no more answers changed than may, and say how many did."""
    images, changed, lost, won = churn
    share = float("nan") if churn.share is None else churn.share
    check = check_at_most("churn", OVERALL, share, max_churn, images=images, changed=changed, lost=lost, won=won)
    counts = f"{changed:,} of {images:,} answers changed, {lost:,} from right to wrong, {won:,} from wrong to right"
    return replace(check, reason=f"{check.reason}: {counts}")


def check_evaluated_images(answers: Answers, expected: int) -> Check:
    """Check that as many images were answered as the data set has: a store that lost some would pass for whole."""
    answered = int(np.sum(answers.candidate.confusion))
    passed = answered == expected
    reason = (
        f"{answered:,} evaluation images were answered, {'' if passed else 'expected '}all {expected:,} of the data"
    )
    reason += "" if passed else "; files of the examples are missing, run again with --no-cache"
    # No margin: it is no share, and is not to be compared with those of the other checks.
    return Check(name="evaluated images", slice=OVERALL, passed=passed, reason=reason, value=answered, bound=expected)


def check_baseline(version: int | None, obstacle: str, *, accepted: bool) -> Check:
    """Say why there was no comparison, and fail unless that is as it should be.

    Args:
        version: What is pushed now, None for none.
        obstacle: Why it can't be compared.
        accepted: Whether a person said to go on without it.
    """
    if version is None:
        reason = "no other model is pushed that it could be compared with: the floors alone decide"
    elif accepted:
        reason = f"version {version} can't be compared: {obstacle}; --accept-new-baseline: the floors alone decide"
    else:
        reason = (
            f"version {version}, which is pushed, can't be compared: {obstacle}; "
            "restore it, or go on without it by --accept-new-baseline"
        )
    return Check(name="baseline", slice=OVERALL, passed=accepted or version is None, reason=reason)


def _check_accuracy(name: str, where: str, right: int, images: int, floor: float) -> Check:
    if not images:
        return _pass_unseen(name, where)
    return check_at_least(name, where, right / images, floor, images=images, interval=estimate_accuracy(right, images))


def _check_change(name: str, where: str, pairs: Pairs, max_loss: float, p_value: float) -> Check:
    if not sum(pairs):
        return _pass_unseen(name, where)
    interval, margin = estimate_change(pairs), pairs.change + max_loss
    beyond, significant = margin < 0, p_value <= SIGNIFICANCE
    allowed = f"the {100 * max_loss:g} points allowed"
    if beyond:
        finding = f"more is lost than {allowed}, " + ("and not by chance" if significant else "but that may be chance")
    else:
        certain = "can be ruled out" if interval[0] >= -max_loss else "is not seen, but can't be ruled out"
        finding = f"a loss of more than {allowed} {certain}"
    least, most = (_points(end) for end in interval)
    return Check(
        name=name,
        slice=where,
        passed=not (beyond and significant),
        reason=f"{name} of {where} is {_points(pairs.change)} points (95 %: {least} to {most}; p = {p_value:.2g}; "
        f"{pairs.only_candidate:,} images won, {pairs.only_baseline:,} lost): {finding}",
        value=pairs.change,
        bound=-max_loss,
        margin=margin,
        images=sum(pairs),
        interval=interval,
        p_value=p_value,
    )


def _pass_unseen(name: str, where: str) -> Check:
    """An empty class fails the checks of the data; there is nothing to add to that."""
    return Check(name=name, slice=where, passed=True, reason=f"{name} of {where}: there is no image of it", images=0)


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"
