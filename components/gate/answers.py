"""What the models answered on the evaluation images: counts for the gate, and some images for the report.

Written by the Evaluator as `answers.json` beside its metrics.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

ANSWERS_FILE = "answers.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One model's answer to one image.

    Attributes:
        predicted: The most probable class, 0 to classes - 1.
        confidence: Its probability, 0 to 1.
    """

    predicted: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredImage:
    """An evaluation image and what it was taken for.

    Attributes:
        pixels: uint8 [height * width] in base64.
        label: What it is.
        candidate: The new model's answer.
        baseline: The pushed model's answer; None where there was no baseline.
    """

    pixels: str
    label: int
    candidate: Answer
    baseline: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswers:
    """One model's answers to all evaluation images, counted.

    Attributes:
        confusion: [classes][classes] images, by label and then by predicted class.
        bins: [BINS][3] images, sum of their confidences, right answers; by confidence, as in calibration.py.
    """

    confusion: list[list[int]]
    bins: list[list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of both models.

    Attributes:
        image_shape: Height and width in pixels.
        class_names: In the order of the labels.
        candidate: Of the new model.
        baseline: Of the pushed model; None where there was no baseline.
        pairs: [classes][4] images by label: both right, only the candidate, only the baseline, both wrong. Empty
            without a baseline.
        changed: [classes] images by label that the models take for different classes. Empty without a baseline, and in
            the files of older versions, which did not count them.
        lost: Images that the baseline got right and the candidate gets wrong, most confident first, at most 24.
        won: The other way round, likewise.
        mistakes: The candidate's most confident mistakes, likewise.
    """

    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    candidate: ModelAnswers
    baseline: ModelAnswers | None
    pairs: list[list[int]]
    lost: list[AnsweredImage]
    won: list[AnsweredImage]
    mistakes: list[AnsweredImage]
    changed: list[int] = field(default_factory=list)


def write_answers(path: Path, answers: Answers) -> None:
    """Write the answers as JSON."""
    path.write_text(json.dumps(asdict(answers)))


def read_answers(path: Path) -> Answers:
    """Read what `write_answers` wrote."""
    return msgspec.convert(json.loads(path.read_text()), Answers)
