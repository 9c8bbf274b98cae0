"""Compare the answers of two SavedModels: `python -m components.serving.verify_model` reads three paths.

They stand on standard input, a line each: the copy, the original, the folder of evaluation examples. Run in a process
of its own before a push (model_verifier.py), so that what is compared is what a server would load from the disk.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    # A server has no Keras, so the copy has to do without; and TensorFlow, which imports it if it can, is there sooner.
    sys.modules["keras"] = None  # type: ignore[assignment]
import tensorflow as tf

from components.features import SIGNATURE

_BATCH, _BATCHES = 1_000, 10


def compare_models(copy: Path, original: Path, examples_dir: Path) -> int:
    """Compare `probabilities` on the images of `examples_dir`, of which 10,000 are enough, bit for bit.

    Returns:
        How many images were answered alike.

    Raises:
        ValueError: They differ.
    """
    models = [tf.saved_model.load(str(model_dir)).signatures[SIGNATURE] for model_dir in (copy, original)]
    files = sorted(str(path) for path in examples_dir.iterdir())
    images, others, worst = 0, 0, 0.0
    for examples in tf.data.TFRecordDataset(files).batch(_BATCH).take(_BATCHES):
        found, expected = (model(examples=examples)["probabilities"].numpy() for model in models)
        if found.shape != expected.shape:
            raise ValueError(f"its probabilities are {found.shape}, expected {expected.shape}")
        images += len(expected)
        others += int((found != expected).any(axis=-1).sum())
        worst = max(worst, np.abs(found - expected).max())
    if others:
        raise ValueError(
            f"it answers {others:,} of {images:,} evaluation images otherwise than the model, by up to {worst:g}"
        )
    return images


if __name__ == "__main__":
    try:
        print(compare_models(*map(Path, sys.stdin.read().splitlines())))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the copy, one line says so
        sys.exit(f"{type(error).__name__}: {error}")
