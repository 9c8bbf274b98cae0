"""What the images of a split have to be like. Bounds and arithmetic only; data_validator.py brings the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from components.features import EVAL_SPLIT, TRAIN_SPLIT
from components.gate.checks import Check, check_at_most
from components.images.statistics import ImageStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBounds:
    """What the data may be like at most. The options of these names have the defaults."""

    max_class_imbalance: float
    """A class holds at least this part of what it would hold if all were equal, and at most as many times of it."""
    max_constant_images: float
    """Share of blank images, which carry nothing to learn from."""
    max_label_skew: float
    """The largest difference between the shares that a class has in the two splits."""
    max_pixel_skew: float
    """Jensen-Shannon divergence of the grey values of the two splits, in bits, 0 to 1."""
    max_shared_images: float
    """Share of evaluation images that are training images as well, byte for byte."""


# Which bound a check is held to. The others have none that could be moved.
BOUNDS = {
    "class balance": "max_class_imbalance",
    "constant images": "max_constant_images",
    "label skew": "max_label_skew",
    "pixel skew": "max_pixel_skew",
    "shared images": "max_shared_images",
}


def list_deciding_bounds(checks: Iterable[Check]) -> list[str]:
    """Return the bounds that decided against the data; none where moving them would not help."""
    failed = [check for check in checks if not check.passed]
    # No bound lets a class without any image pass.
    if any(check.name not in BOUNDS or (check.name == "class balance" and not check.value) for check in failed):
        return []
    return list(dict.fromkeys(BOUNDS[check.name] for check in failed))


def check_images(
    split: str, statistics: ImageStatistics, class_names: Sequence[str], bounds: DataBounds
) -> Iterator[Check]:
    """Check one split: size of the images, constant ones, and every class."""
    images = int(statistics.images)
    where = f"{split} split"
    wrong, constant = int(statistics.wrong_size), int(statistics.constant)
    size = statistics.class_sums.shape[1]
    yield _make_check(
        "image size",
        split,
        value=wrong,
        bound=0,
        images=images,
        reason=f"{where}, feature image: expected {size} bytes in each, "
        f"found {wrong:,} of {images:,} with another number",
    )
    yield _make_check(
        "constant images",
        split,
        value=constant / images,
        bound=bounds.max_constant_images,
        images=images,
        reason=f"{where}, feature image: expected at most {bounds.max_constant_images:.1%} blank or of one grey value, "
        f"found {constant / images:.1%} ({constant:,} of {images:,})",
    )
    yield from _check_classes(split, statistics, class_names, bounds.max_class_imbalance)


def _check_classes(
    split: str, statistics: ImageStatistics, class_names: Sequence[str], imbalance: float
) -> Iterator[Check]:
    even = int(statistics.class_counts.sum()) / len(class_names)
    least, most = even / imbalance, even * imbalance
    for label, (name, count) in enumerate(zip(class_names, statistics.class_counts.tolist(), strict=True)):
        found = f"found {count:,}" if count else "found none"
        yield Check(
            name="class balance",
            slice=name,
            passed=bool(count) and least <= count <= most,
            reason=f"{split} split, label {label} ({name}): expected {least:,.0f} to {most:,.0f} images, {found}",
            value=count,
            bound=least if count - least < most - count else most,
            margin=min(count - least, most - count),
            images=count,
        )


def check_splits(
    statistics: Mapping[str, ImageStatistics], shared: int, class_names: Sequence[str], bounds: DataBounds
) -> Iterator[Check]:
    """Check that the `eval` split is like the `train` split, in shares of the classes and grey values, and not in it.

    `shared` is the number of evaluation images that are training images as well, byte for byte.
    """
    train, evaluation = statistics[TRAIN_SPLIT], statistics[EVAL_SPLIT]
    images = int(evaluation.images)
    differences = np.abs(to_shares(train.class_counts) - to_shares(evaluation.class_counts))
    worst = int(differences.argmax())
    yield _make_check(
        "label skew",
        EVAL_SPLIT,
        value=float(differences[worst]),
        bound=bounds.max_label_skew,
        images=images,
        reason=f"train and eval split, feature label: expected shares of a class to differ by at most "
        f"{bounds.max_label_skew:.3f}, found {differences[worst]:.3f} for {class_names[worst]}",
    )
    divergence = measure_divergence(to_shares(train.grey_values), to_shares(evaluation.grey_values))
    yield _make_check(
        "pixel skew",
        EVAL_SPLIT,
        value=divergence,
        bound=bounds.max_pixel_skew,
        images=images,
        reason="train and eval split, feature image: expected grey values to diverge by at most "
        f"{bounds.max_pixel_skew:.3f} bits, found {divergence:.3f}",
    )
    yield _make_check(
        "shared images",
        EVAL_SPLIT,
        value=shared / max(images, 1),
        bound=bounds.max_shared_images,
        images=images,
        reason=f"train and eval split, feature image: expected at most {bounds.max_shared_images:.1%} of the "
        f"evaluation images among the training images, found {shared / max(images, 1):.1%} ({shared:,} of {images:,})",
    )


def measure_divergence(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the Jensen-Shannon divergence of two distributions, in bits: 0 (equal) to 1 (nothing in common).

    Source: J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991), eq. 3.4.
    """
    middle = (first + second) / 2

    def surprise(share: NDArray[np.float64]) -> float:
        there = share > 0
        return float((share[there] * np.log2(share[there] / middle[there])).sum())

    return max((surprise(first) + surprise(second)) / 2, 0.0)


def to_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide counts by their sum; all 0 where there is nothing to count."""
    return counts / max(int(counts.sum()), 1)


def _make_check(name: str, split: str, *, value: float, bound: float, images: int, reason: str) -> Check:
    return replace(check_at_most(name, split, value, bound, images=images), reason=reason)
