"""Whether a pushed model can be compared with a new one at all: it may be from another time, or from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from components.features import SIGNATURE

_TRIED_IMAGES = 1_000


def find_obstacle(model_dir: Path, examples_file: Path, class_names: Sequence[str]) -> str:
    """Return why a SavedModel can't answer the examples of a TFRecord file with these classes; nothing where it can."""
    try:
        model = tf.saved_model.load(str(model_dir))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with its files, it can't be compared
        return f"it can't be loaded ({_shorten(error)})"
    signature = model.signatures.get(SIGNATURE)
    if signature is None:
        return f"it has no signature {SIGNATURE} (only {', '.join(model.signatures) or 'none at all'})"
    records = next(iter(tf.data.TFRecordDataset(str(examples_file)).batch(_TRIED_IMAGES)))
    try:
        answers = {name: tensor.numpy() for name, tensor in signature(examples=records).items()}
    except Exception as error:  # noqa: BLE001 - other inputs, another image size: TensorFlow has many words for it
        return f"it takes no images like these ({_shorten(error)})"
    found = answers["probabilities"].shape if "probabilities" in answers else "none"
    expected = (len(records), len(class_names))
    if found != expected:
        return f"its probabilities are {found}, expected {expected}"
    ids, names = (answers.get(name, ()) for name in ("class_ids", "class_names"))
    other = {name.decode() for label, name in zip(ids, names, strict=False) if name.decode() != class_names[label]}
    return f"it has other classes, or in another order ({', '.join(sorted(other))})" if other else ""


def _shorten(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')[:200]}"
