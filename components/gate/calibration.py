"""Calibration: how far the confidence of answers is from their accuracy. Numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 15


def compute_calibration_error(bins: NDArray[np.float64]) -> float:
    """Return the mean distance between confidence and accuracy of the bins, weighted by their images; 0 is perfect.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 3, with 15 bins of equal width.

    Args:
        bins: float64 [BINS, 3]; for each bin its images, the sum of their confidences, and how many were right.
    """
    images, confidence, right = bins.T
    return float(np.abs(right - confidence).sum() / images.sum()) if images.sum() else float("nan")


def bin_answers(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sum answers up by the confidence that they were given with.

    Args:
        confidence: float64 [N], 0 to 1. NaN, from a training that went astray, makes the error NaN.
        right: bool [N].

    Returns:
        float64 [BINS, 3], as `compute_calibration_error` takes it.
    """
    index = np.minimum((np.nan_to_num(confidence) * BINS).astype(int), BINS - 1)
    columns = (np.ones_like(confidence), confidence, right)
    return np.stack([np.bincount(index, column, BINS) for column in columns], axis=1)
