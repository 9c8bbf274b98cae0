"""Coverage-guided fuzzing of the IDX reader by atheris: `python -m tests.faults.fuzz_idx SECONDS`.

atheris is in an environment of its own, which `make torture` makes; it mutates files and keeps those that reach new
branches: https://github.com/google/atheris
"""

from __future__ import annotations

import gzip
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["components.images"]):
    from components.images.idx import IdxError, read_images, read_labels, read_rows, unpack, verify_idx

SEED = 13
_LONGEST = 4096
_scratch = tempfile.TemporaryDirectory()
_FILE = Path(_scratch.name, "file")


def try_one(content: bytes) -> None:
    """Read any bytes as an IDX file in every way that there is: values or IdxError, and no other exception."""
    _FILE.write_bytes(content)
    for read in (read_images, read_labels):
        try:
            values = read(_FILE)
        except IdxError:
            continue
        if verify_idx(_FILE, values.ndim).shape != values.shape:
            raise AssertionError("Two ways to read one file find two shapes.")
    with suppress(IdxError):
        read_rows(_FILE, 0, 1)
    with suppress(IdxError):
        unpack(_FILE, _FILE.with_name("plain"))


def write_seeds(directory: Path) -> None:
    """Write sound files to start from."""
    images = struct.pack(">4I", 0x803, 2, 3, 3) + bytes(range(18))
    labels = struct.pack(">2I", 0x801, 4) + bytes(4)
    for number, content in enumerate((images, labels, gzip.compress(images), gzip.compress(labels))):
        (directory / str(number)).write_bytes(content)


def main() -> None:
    """Fuzz for as many seconds as the command line says."""
    corpus = Path(_scratch.name, "corpus")
    corpus.mkdir()
    write_seeds(corpus)
    limits = [
        f"-max_total_time={sys.argv[1]}",
        f"-max_len={_LONGEST}",
        f"-seed={SEED}",
        "-timeout=20",
        "-rss_limit_mb=1024",
    ]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", str(corpus)], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
