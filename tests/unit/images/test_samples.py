"""Drawn samples are balanced, repeatable, tell the classes apart, and reach the disk whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.features import CLASS_NAMES
from components.images import samples
from components.images.idx import read_images, read_labels, write_idx
from components.images.samples import draw_samples, write_samples


def test_images_and_labels_have_the_promised_form() -> None:
    images, labels = draw_samples(50, 3, (20, 24))
    assert images.shape == (50, 20, 24)
    assert labels.shape == (50,)
    assert images.dtype == labels.dtype == np.uint8


@pytest.mark.parametrize("count", [1, 9, 100, 1234])
def test_classes_are_balanced_whatever_the_count(count: int) -> None:
    counts = np.bincount(draw_samples(count, 3)[1], minlength=10)
    assert len(counts) == 10
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1


def test_classes_come_in_random_order() -> None:
    """In order, the first batches of a training would hold one class only."""
    labels = draw_samples(1000, 3)[1]
    assert len(set(labels[:50].tolist())) == 10
    assert not np.array_equal(labels[:10], labels[10:20])


def test_equal_seeds_give_equal_images_and_others_do_not() -> None:
    images, labels = draw_samples(300, 3)
    again, labels_again = draw_samples(300, 3)
    other, _ = draw_samples(300, 4)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, labels_again)
    assert not np.array_equal(images, other)


def test_no_image_is_empty_full_or_there_twice() -> None:
    """More images of a class than are drawn at a time, so that a block drawn twice would show."""
    images, _ = draw_samples(6000, 3)
    covered = (images > 0).mean((1, 2))
    assert covered.min() > 0.03
    assert covered.max() < 0.9
    assert len(np.unique(images.reshape(6000, -1), axis=0)) == 6000


def test_classes_can_be_told_apart_but_not_at_a_glance() -> None:
    """The nearest class mean, a poor classifier, is right far more often than by chance, and far from always."""
    images, labels = draw_samples(2000, 3)
    unseen, answers = draw_samples(1000, 4)
    means = np.stack([images[labels == label].reshape(-1, 784).mean(0) for label in range(10)])
    distances = ((unseen.reshape(-1, 1, 784) - means) ** 2).sum(-1)
    accuracy = (distances.argmin(1) == answers).mean()
    assert 0.5 < accuracy < 0.9


def test_training_and_evaluation_images_differ(tmp_path: Path) -> None:
    write_samples(tmp_path / "data", 200, 200, 5)
    train, evaluation = (read_images(tmp_path / "data" / f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))
    assert len(np.unique(np.concatenate([train, evaluation]).reshape(400, -1), axis=0)) == 400


def test_written_files_belong_together_and_repeat(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_samples(tmp_path / "made" / name, 120, 30, 5)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / "made" / name).iterdir()} for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 5
    assert one["labels.txt"].decode().splitlines() == list(CLASS_NAMES)
    assert read_images(tmp_path / "made/one/t10k-images-idx3-ubyte.gz").shape == (30, 28, 28)
    assert np.bincount(read_labels(tmp_path / "made/one/train-labels-idx1-ubyte.gz")).tolist() == [12] * 10
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["one", "two"]


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    """A private folder would lock out a container that runs as another user."""
    (tmp_path / "usual").mkdir()
    write_samples(tmp_path / "data", 100, 100, 5)
    assert (tmp_path / "data").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_interrupted_call_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def interrupted(path: Path, array: NDArray[np.uint8]) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write_idx(path, array)

    monkeypatch.setattr(samples, "write_idx", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_samples(tmp_path / "data", 100, 100, 5)
    assert not list(tmp_path.iterdir())


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("years of work")
    with pytest.raises(OSError, match="data"):
        write_samples(tmp_path / "data", 100, 100, 5)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["thesis.tex"]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
