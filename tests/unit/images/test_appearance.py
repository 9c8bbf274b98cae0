"""What looks unlike the training images is told apart from what is like them, on real data where there is any."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.odd_pictures import measure_rates
from components.images.appearance import count_appearance, count_border, list_oddities, measure_appearance
from components.images.idx_folder import load_dataset, read_split
from components.images.samples import draw_samples

REAL = os.environ.get("FASHION_MNIST_DIR", "")


def assert_warned(rates: dict[str, float]) -> None:
    assert rates.pop("evaluation images") <= 0.01
    assert min(rates.values()) >= 0.99, rates


@pytest.mark.skipif(not REAL, reason="FASHION_MNIST_DIR is not set")
def test_of_the_real_test_images_hardly_any_is_odd_and_all_else_is() -> None:
    dataset = load_dataset(Path(REAL))
    assert_warned(measure_rates(*(read_split(dataset, split)[0] for split in ("train", "eval"))))


@pytest.mark.parametrize("count", [100, 2_000])
def test_of_drawn_images_hardly_any_is_odd_and_all_else_is(count: int) -> None:
    """Also where only a hundred were seen."""
    assert_warned(measure_rates(draw_samples(count, 1)[0], draw_samples(1_000, 2)[0]))


def test_border_spread_and_roughness_are_what_they_are_called() -> None:
    image = np.full((1, 28, 28), 10, np.uint8)
    image[:, 1:-1, 1:-1] = 210
    border, spread, roughness = measure_appearance(image)[0]
    assert border == 10
    assert spread == pytest.approx(image.std())
    assert 0 < roughness < 0.5
    noise = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    assert measure_appearance(noise)[:, 2].mean() == pytest.approx(1, abs=0.02)


def test_noise_is_as_rough_however_faint_it_is() -> None:
    noise = np.random.default_rng(0).normal(128, 4, (50, 28, 28)).astype(np.uint8)
    assert measure_appearance(noise)[:, 2].mean() == pytest.approx(1, abs=0.03)


def test_the_border_is_counted_once_around() -> None:
    image = np.zeros((2, 4, 5), np.uint8)
    image[:, 1:-1, 1:-1] = 9
    image[:, 0, 0] = 7
    assert {grey: count for grey, count in enumerate(count_border(image).tolist()) if count} == {0: 26, 7: 2}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_images_of_any_size_can_be_measured(shape: tuple[int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    assert np.isfinite(measure_appearance(images)).all()
    assert count_appearance(images).sum(axis=1).tolist() == [5, 5, 5]
    assert count_appearance(images[:0]).sum() == 0


def test_what_is_odd_is_named_with_what_was_expected() -> None:
    images, _ = draw_samples(500, 1)
    counts = count_appearance(images)
    (border,) = list_oddities(255 - images[0], counts)
    assert border.measure == "border"
    assert "its border has the grey 255, that of the training images 0 to" in border.text
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    assert any("as rough as noise" in oddity.text for oddity in list_oddities(noise, counts))
    assert [oddity.text for oddity in list_oddities(np.full((28, 28), 80, np.uint8), counts)] == [
        "it is blank, every pixel has the grey 80"
    ]


def test_an_older_model_that_counted_nothing_tells_of_blank_images_only() -> None:
    nothing = np.zeros((3, 256), np.int64)
    assert not list(list_oddities(255 - draw_samples(100, 1)[0][0], nothing))
    assert list(list_oddities(np.zeros((28, 28), np.uint8), nothing))
