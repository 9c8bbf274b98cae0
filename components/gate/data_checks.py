"""What the images of a split have to be like. Bounds and arithmetic only; data_validator.py brings the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.features import EVAL_SPLIT, TRAIN_SPLIT
from components.gate.checks import Check
from components.images.statistics import ImageStatistics

# A class holds between a fifth and five times of what it would hold if all were equal.
MAX_CLASS_IMBALANCE = 5.0
# Blank or constant images carry nothing to learn from. The real data has none; a failed export has many.
MAX_CONSTANT_SHARE = 0.01
# The largest difference between the shares that a class has in the two splits.
MAX_LABEL_SKEW = 0.05
# Jensen-Shannon divergence of the grey values of the two splits, in bits, 0 to 1; the real data has 0.0001.
MAX_PIXEL_SKEW = 0.05


def check_images(split: str, statistics: ImageStatistics, class_names: Sequence[str]) -> Iterator[Check]:
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
        bound=MAX_CONSTANT_SHARE,
        images=images,
        reason=f"{where}, feature image: expected at most {MAX_CONSTANT_SHARE:.1%} blank or of one grey value, "
        f"found {constant / images:.1%} ({constant:,} of {images:,})",
    )
    yield from _check_classes(split, statistics, class_names)


def _check_classes(split: str, statistics: ImageStatistics, class_names: Sequence[str]) -> Iterator[Check]:
    even = int(statistics.class_counts.sum()) / len(class_names)
    least, most = even / MAX_CLASS_IMBALANCE, even * MAX_CLASS_IMBALANCE
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


def check_splits(statistics: Mapping[str, ImageStatistics], class_names: Sequence[str]) -> Iterator[Check]:
    """Check that the `eval` split is like the `train` split: shares of the classes, and grey values."""
    train, evaluation = statistics[TRAIN_SPLIT], statistics[EVAL_SPLIT]
    images = int(evaluation.images)
    differences = np.abs(to_shares(train.class_counts) - to_shares(evaluation.class_counts))
    worst = int(differences.argmax())
    yield _make_check(
        "label skew",
        EVAL_SPLIT,
        value=float(differences[worst]),
        bound=MAX_LABEL_SKEW,
        images=images,
        reason=f"train and eval split, feature label: expected shares of a class to differ by at most "
        f"{MAX_LABEL_SKEW:.3f}, found {differences[worst]:.3f} for {class_names[worst]}",
    )
    divergence = measure_divergence(to_shares(train.grey_values), to_shares(evaluation.grey_values))
    yield _make_check(
        "pixel skew",
        EVAL_SPLIT,
        value=divergence,
        bound=MAX_PIXEL_SKEW,
        images=images,
        reason=f"train and eval split, feature image: expected grey values to diverge by at most {MAX_PIXEL_SKEW:.3f} "
        f"bits, found {divergence:.3f}",
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
    return Check(
        name=name,
        slice=split,
        passed=value <= bound,
        reason=reason,
        value=value,
        bound=bound,
        margin=bound - value,
        images=images,
    )
