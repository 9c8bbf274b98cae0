"""Compare the answers of two SavedModels: `python -m components.serving.verify_model` reads three paths.

They stand on standard input, a line each: the copy, the original, the folder of evaluation examples. Run in a process
of its own before a push (model_verifier.py), so that what is compared is what a server would load from the disk.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":
    # A server has no Keras, so the copy has to do without; and TensorFlow, which imports it if it can, is there sooner.
    sys.modules["keras"] = None  # type: ignore[assignment]
import tensorflow as tf

from components.features import SIGNATURE

IMAGES = 1_000


def compare_models(copy: Path, original: Path, examples_dir: Path) -> None:
    """Compare `probabilities` on the first images of `examples_dir`, bit for bit.

    Raises:
        ValueError: They differ.
    """
    files = sorted(str(path) for path in examples_dir.iterdir())
    examples = next(iter(tf.data.TFRecordDataset(files).batch(IMAGES)))
    found, expected = (_answer(model_dir, examples) for model_dir in (copy, original))
    if not np.array_equal(found, expected):
        worst = np.abs(found - expected).max()
        raise ValueError(f"it answers {len(expected):,} evaluation images otherwise than the model, by up to {worst:g}")


def _answer(model_dir: Path, examples: tf.Tensor) -> NDArray[np.float32]:
    model = tf.saved_model.load(str(model_dir))
    return model.signatures[SIGNATURE](examples=examples)["probabilities"].numpy()


if __name__ == "__main__":
    try:
        compare_models(*map(Path, sys.stdin.read().splitlines()))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the copy, one line says so
        sys.exit(f"{type(error).__name__}: {error}")
