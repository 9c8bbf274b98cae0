"""Whether a pushed model can be compared with a new one at all: it may be from another time, or from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.features import SIGNATURE

_TRIED_IMAGES = 1_000


def find_obstacle(model_dir: Path, examples_file: Path, class_names: Sequence[str]) -> str:
    """Return why a SavedModel can't answer the examples of a TFRecord file with these classes; nothing where it can."""
    try:
        model = tf.saved_model.load(str(model_dir))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with its files, it can't be compared
        return f"it can't be loaded ({_shorten(error)})"
    signatures = getattr(model, "signatures", {})
    if SIGNATURE not in signatures:
        return f"it has no signature {SIGNATURE} (only {', '.join(signatures) or 'none at all'})"
    records = next(iter(tf.data.TFRecordDataset(str(examples_file)).batch(_TRIED_IMAGES)))
    answers: dict[str, NDArray[Any]] = {}
    for batch in (records[:1], records):  # the last batch of a file may be of any size
        try:
            answers = {name: tensor.numpy() for name, tensor in signatures[SIGNATURE](examples=batch).items()}
        except Exception as error:  # noqa: BLE001 - other inputs, another image size: TensorFlow has many words for it
            return f"it takes no images like these ({_shorten(error)})"
        if odd := _find_odd_probabilities(answers, (len(batch), len(class_names))):
            return odd
    return _find_other_classes(answers, class_names)


def _find_odd_probabilities(answers: Mapping[str, NDArray[Any]], expected: tuple[int, int]) -> str:
    probabilities = answers.get("probabilities")
    if probabilities is None:
        return f"its probabilities are none, expected {expected}"
    if probabilities.shape != expected:
        return f"its probabilities are {probabilities.shape}, expected {expected}"
    if probabilities.dtype.kind != "f" or not np.isfinite(probabilities).all():
        return f"its probabilities are not all numbers ({probabilities.dtype})"
    return ""


def _find_other_classes(answers: Mapping[str, NDArray[Any]], class_names: Sequence[str]) -> str:
    """A model need not name its classes; where it does, each name has to be ours for that number."""
    ids, names = answers.get("class_ids"), answers.get("class_names")
    if ids is None or names is None:
        return ""
    if ids.shape != names.shape or ids.ndim != 1 or ids.dtype.kind not in "iu":
        return f"its class_ids are {ids.dtype} {ids.shape} and its class_names {names.shape}, expected one of each"
    pairs = {(int(label), _read_name(name)) for label, name in zip(ids, names, strict=True)}
    ours = set(enumerate(class_names))
    other = sorted(f"{label}: {name}" for label, name in pairs - ours)
    return f"it has other classes, or in another order ({', '.join(other)})" if other else ""


def _read_name(name: Any) -> str:
    """TensorFlow's strings are bytes; what has numbers for names has other names than ours."""
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _shorten(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')[:200]}"
