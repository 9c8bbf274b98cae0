"""Answers are counted by label and by who was right, and the images that are shown do not depend on the shards."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from components.gate.answer_counts import BASELINE, CANDIDATE, add_counts, build_answers, count_answers
from components.gate.answers import Answer, Answers, read_answers, write_answers

# Three classes, six images; nothing is ever taken for class 2.
LABELS = np.array([0, 0, 1, 1, 2, 0])
IMAGES = [bytes([value]) * 4 for value in range(6)]
CANDIDATE_SAYS = [[0.9, 0.1, 0], [0.3, 0.7, 0], [0.2, 0.8, 0], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [1, 0, 0]]
BASELINE_SAYS = [[0.8, 0.2, 0], [0.6, 0.4, 0], [0.7, 0.3, 0], [0.9, 0.1, 0], [0, 0, 1], [0, 1, 0]]


def count(images: list[bytes], labels: np.ndarray, *says: list) -> Answers:
    """Count the answers of a candidate, and of a baseline where there is one."""
    probabilities = dict(zip((CANDIDATE, BASELINE), (np.array(each, np.float32) for each in says), strict=False))
    return build_answers(count_answers(images, labels, probabilities), (2, 2), ("a", "b", "c"))


def test_numbers_worked_out_by_hand() -> None:
    answers = count(IMAGES, LABELS, CANDIDATE_SAYS, BASELINE_SAYS)
    assert answers.candidate.confusion == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert answers.baseline.confusion == [[2, 1, 0], [2, 0, 0], [0, 0, 1]]
    # Both right, only the candidate, only the baseline, both wrong.
    assert answers.pairs == [[1, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]
    assert answers.changed == [2, 1, 1]
    assert [b64decode(image.pixels)[0] for image in answers.lost] == [1, 4]
    assert [b64decode(image.pixels)[0] for image in answers.won] == [5, 2]
    assert [b64decode(image.pixels)[0] for image in answers.mistakes] == [1, 3, 4]
    first = answers.lost[0]
    assert (first.label, first.candidate, first.baseline) == (
        0,
        Answer(predicted=1, confidence=pytest.approx(0.7)),
        Answer(predicted=0, confidence=pytest.approx(0.6)),
    )
    bins = np.array(answers.candidate.bins)
    assert bins.sum(axis=0) == pytest.approx([6, 0.9 + 0.7 + 0.8 + 0.6 + 0.5 + 1, 3])
    assert bins[14] == pytest.approx([1, 1, 1])
    assert bins[13] == pytest.approx([1, 0.9, 1])


def test_loss_is_the_crossentropy_and_no_infinity() -> None:
    counts = count_answers(IMAGES, LABELS, {CANDIDATE: np.array(CANDIDATE_SAYS, np.float32)})
    expected = [-math.log(0.9) - math.log(0.3), -math.log(0.8) - math.log(0.3), -math.log(0.1)]
    assert counts.models[CANDIDATE].loss == pytest.approx(expected, rel=1e-5)
    counts = count_answers(IMAGES, LABELS, {CANDIDATE: np.array(BASELINE_SAYS, np.float32)})
    assert counts.models[CANDIDATE].loss[0] == pytest.approx(-math.log(0.8) - math.log(0.6) - math.log(1e-7), rel=1e-5)


def test_without_a_baseline_nothing_is_compared() -> None:
    answers = count(IMAGES, LABELS, CANDIDATE_SAYS)
    assert (answers.baseline, answers.pairs, answers.changed, answers.lost, answers.won) == (None, [], [], [], [])
    assert len(answers.mistakes) == 3
    assert answers.mistakes[0].baseline is None


def test_shards_add_up_to_the_whole_in_any_order() -> None:
    """With 300 images and coarse confidences there are more mistakes than are shown, and ties among them."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 300)
    images = [rng.bytes(4) for _ in labels]
    says = [np.round(rng.dirichlet(np.ones(3), 300), 1).astype(np.float32) for _ in range(2)]
    parts = []
    for start, stop in ((0, 7), (7, 150), (150, 300)):
        part = slice(start, stop)
        parts.append(count_answers(images[part], labels[part], {CANDIDATE: says[0][part], BASELINE: says[1][part]}))
    whole = count(images, labels, *says)
    assert len(whole.mistakes) == len(whole.lost) == len(whole.won) == 24
    assert sum(map(sum, whole.pairs)) == 300
    for order in ((0, 1, 2), (2, 0, 1)):
        added = build_answers(add_counts([parts[index] for index in order]), (2, 2), ("a", "b", "c"))
        assert (added.pairs, added.changed) == (whole.pairs, whole.changed)
        assert added.candidate.confusion == whole.candidate.confusion
        assert (added.lost, added.won, added.mistakes) == (whole.lost, whole.won, whole.mistakes)
        np.testing.assert_allclose(added.candidate.bins, whole.candidate.bins)


def test_one_wrong_class_for_another_is_a_change_that_neither_wins_nor_loses() -> None:
    answers = count(IMAGES[:1], np.array([0]), [[0, 0.1, 0.9]], [[0, 0.9, 0.1]])
    assert (answers.changed, answers.pairs[0]) == ([1, 0, 0], [0, 0, 0, 1])


def test_nan_is_an_answer_that_is_wrong_and_not_sure() -> None:
    says = [[math.nan] * 3, [0.3, 0.7, 0]]
    answers = count(IMAGES[:2], np.array([1, 0]), says)
    assert answers.candidate.confusion == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert [image.label for image in answers.mistakes] == [0, 1]


def test_answers_survive_a_round_trip_through_a_file(tmp_path: Path) -> None:
    answers = count(IMAGES, LABELS, CANDIDATE_SAYS, BASELINE_SAYS)
    write_answers(tmp_path / "answers.json", answers)
    assert read_answers(tmp_path / "answers.json") == answers


def test_answers_of_a_version_that_did_not_count_changes_can_be_read(tmp_path: Path) -> None:
    answers = count(IMAGES, LABELS, CANDIDATE_SAYS, BASELINE_SAYS)
    write_answers(tmp_path / "answers.json", answers)
    values = json.loads((tmp_path / "answers.json").read_text())
    del values["changed"]
    (tmp_path / "answers.json").write_text(json.dumps(values))
    older = read_answers(tmp_path / "answers.json")
    assert (older.pairs, older.changed) == (answers.pairs, [])
