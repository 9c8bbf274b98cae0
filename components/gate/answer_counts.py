"""Counting of answers, so that those of two shards add up to those of both. Numpy only."""

from __future__ import annotations

import heapq
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from components.gate.answers import Answer, AnsweredImage, Answers, ModelAnswers
from components.gate.calibration import bin_answers

CANDIDATE, BASELINE = "candidate", "baseline"
SHOWN_IMAGES = 24
# Keras' bound of probabilities in a loss, so that a wrong answer of probability 0 costs 16 and not infinity.
_LEAST_PROBABILITY = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCounts:
    """Sums over the answers of one model, by label.

    Attributes:
        confusion: int64 [classes, classes], images by label and predicted class.
        bins: float64 [classes, BINS, 3], as in calibration.py.
        loss: float64 [classes], sum of the crossentropies.
    """

    confusion: NDArray[np.int64]
    bins: NDArray[np.float64]
    loss: NDArray[np.float64]

    def __add__(self, other: ModelCounts) -> ModelCounts:
        return ModelCounts(
            confusion=self.confusion + other.confusion, bins=self.bins + other.bins, loss=self.loss + other.loss
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCounts:
    """What `Answers` holds, of some images.

    Attributes:
        models: By name, the baseline only where there is one.
        pairs: int64 [classes, 4], all 0 without a baseline.
        changed: int64 [classes], likewise.
        lost: The most confident, at most SHOWN_IMAGES; likewise `won` and `mistakes`.
    """

    models: dict[str, ModelCounts]
    pairs: NDArray[np.int64]
    changed: NDArray[np.int64]
    lost: list[AnsweredImage]
    won: list[AnsweredImage]
    mistakes: list[AnsweredImage]

    def __add__(self, other: AnswerCounts) -> AnswerCounts:
        return AnswerCounts(
            models={name: counts + other.models[name] for name, counts in self.models.items()},
            pairs=self.pairs + other.pairs,
            changed=self.changed + other.changed,
            lost=_keep_most_confident(self.lost + other.lost),
            won=_keep_most_confident(self.won + other.won),
            mistakes=_keep_most_confident(self.mistakes + other.mistakes),
        )


def count_answers(
    images: Sequence[bytes], labels: NDArray[np.int64], probabilities: Mapping[str, NDArray[np.float32]]
) -> AnswerCounts:
    """Count the answers to some images.

    Args:
        images: Their pixels.
        labels: int64 [N].
        probabilities: float32 [N, classes], of CANDIDATE, and of BASELINE where there is one.
    """
    candidate = probabilities[CANDIDATE]
    baseline = probabilities.get(BASELINE)
    right = candidate.argmax(axis=1) == labels
    was_right = right if baseline is None else baseline.argmax(axis=1) == labels
    pairs = np.zeros((candidate.shape[1], 4), np.int64)
    changed = np.zeros(candidate.shape[1], np.int64)
    if baseline is not None:
        np.add.at(pairs, (labels, 2 * ~right + ~was_right), 1)
        np.add.at(changed, labels[candidate.argmax(axis=1) != baseline.argmax(axis=1)], 1)

    confidence = np.nan_to_num(candidate.max(axis=1))

    def show(chosen: NDArray[np.bool_]) -> list[AnsweredImage]:
        # Most of the chosen are less sure than the last that is shown: no need to describe them.
        least = np.sort(confidence[chosen])[-SHOWN_IMAGES:].min(initial=np.inf)
        indices = np.flatnonzero(chosen & (confidence >= least)).tolist()
        return _keep_most_confident(_describe(images[i], int(labels[i]), candidate[i], baseline, i) for i in indices)

    return AnswerCounts(
        models={name: _count_model(labels, answers) for name, answers in probabilities.items()},
        pairs=pairs,
        changed=changed,
        lost=show(~right & was_right),
        won=show(right & ~was_right),
        mistakes=show(~right),
    )


def add_counts(counts: Iterable[AnswerCounts]) -> AnswerCounts:
    """Return the counts of all shards together."""
    return reduce(AnswerCounts.__add__, counts)


def build_answers(counts: AnswerCounts, image_shape: tuple[int, int], class_names: Sequence[str]) -> Answers:
    """Return the counts of all images as they are written."""
    models = {
        name: ModelAnswers(confusion=model.confusion.tolist(), bins=model.bins.sum(axis=0).tolist())
        for name, model in counts.models.items()
    }
    return Answers(
        image_shape=image_shape,
        class_names=tuple(class_names),
        candidate=models[CANDIDATE],
        baseline=models.get(BASELINE),
        pairs=counts.pairs.tolist() if BASELINE in models else [],
        changed=counts.changed.tolist() if BASELINE in models else [],
        lost=counts.lost,
        won=counts.won,
        mistakes=counts.mistakes,
    )


def _count_model(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> ModelCounts:
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    confidence = probabilities[np.arange(len(labels)), predicted].astype(np.float64)
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses = -np.log(np.clip(of_label, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY))
    bins = [bin_answers(confidence[labels == k], predicted[labels == k] == k) for k in range(classes)]
    return ModelCounts(
        confusion=confusion, bins=np.stack(bins), loss=np.bincount(labels, losses, classes).astype(np.float64)
    )


def _describe(
    pixels: bytes, label: int, candidate: NDArray[np.float32], baseline: NDArray[np.float32] | None, index: int
) -> AnsweredImage:
    return AnsweredImage(
        pixels=b64encode(pixels).decode(),
        label=label,
        candidate=_read_answer(candidate),
        baseline=None if baseline is None else _read_answer(baseline[index]),
    )


def _read_answer(probabilities: NDArray[np.float32]) -> Answer:
    predicted = int(probabilities.argmax())
    return Answer(predicted=predicted, confidence=float(probabilities[predicted]))


def _keep_most_confident(images: Iterable[AnsweredImage]) -> list[AnsweredImage]:
    """Keep what is shown, in an order that does not depend on the shards: ties go by content."""
    return heapq.nsmallest(
        SHOWN_IMAGES, images, lambda image: (-np.nan_to_num(image.candidate.confidence), image.label, image.pixels)
    )
