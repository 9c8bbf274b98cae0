"""Where the data set is, with nothing installed; a run has the same rules, and checks the files."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple, Optional

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_HOME = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_REMEDY = "set FASHION_MNIST_DIR to a folder with the four IDX files, or use --data DIR or --data sample"


class Data(NamedTuple):
    """Where the data set is."""

    usable: Optional[bool]
    """False stops a run; None makes it draw samples."""
    text: str
    remedy: str = ""


def find_data() -> Data:
    """Look for Fashion-MNIST where a run looks for it."""
    chosen = os.environ.get("FASHION_MNIST_DIR")
    folder = Path(os.path.expanduser(chosen)) if chosen else _cache()
    missing = [name for name in FILES if not any((folder / f"{name}{end}").is_file() for end in ("", ".gz"))]
    if not missing:
        return Data(True, f"Fashion-MNIST in {folder}")
    if chosen:
        return Data(False, f"FASHION_MNIST_DIR={chosen}: no {', no '.join(missing)}", _REMEDY)
    try:
        request = urllib.request.Request(f"{_HOME}{FILES[1]}.gz", method="HEAD")
        with urllib.request.urlopen(request, timeout=5):
            return Data(True, "Fashion-MNIST can be downloaded")
    except (OSError, urllib.error.URLError):
        return Data(None, f"none in {folder}, and its home is out of reach: a run draws samples", _REMEDY)


def _cache() -> Path:
    """Return the folder of downloads, as platformdirs names it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fashion-mnist-pipeline"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "fashion-mnist-pipeline")
