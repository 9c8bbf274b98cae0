"""Where the data comes from: a folder of IDX files, a verified download of Fashion-MNIST, or drawn samples."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from components.images.idx import CHUNK_BYTES
from components.images.idx_folder import FASHION_MNIST_DIGEST, DataError, Dataset, is_folder, load_dataset
from components.images.samples import name_samples, write_samples

SMALLEST_SAMPLE = 100  # training images: ten a class

# MD5 as published in https://github.com/zalandoresearch/fashion-mnist#get-the-data, and SHA-256 of the same files.
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "train-labels-idx1-ubyte.gz": (
        "25c81989df183df01b3e8a0aad5dffbe",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "bef4ecab320f06d8554ea6380940ec79",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "bb300cfdad3c16e7a12a480ee83cd310",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}
HOMES = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
DOWNLOAD_TIMEOUT_SECONDS = 10  # to connect, and between two pieces of data

_REMEDIES = "set FASHION_MNIST_DIR to a folder with the four files, or use --data DIR or --data sample"


def find_dataset(spec: str, *, sample_dir: Path, sample_size: int, seed: int, progress: bool = True) -> Dataset:
    """Find, and where needed download or draw, the data that `--data` asks for.

    Args:
        spec: `fashion-mnist` ($FASHION_MNIST_DIR, else the user cache, else a download); `sample`; `auto` (the former
            if it can be had, else the latter with a note); or a folder.
        sample_dir: where drawn samples are kept for later runs.
        sample_size: number of drawn training images, at least 100; a sixth as many are drawn for evaluation, 100 or
            more.
        seed: of the drawn images, 0 or more.
        progress: whether a download shows a progress bar on stderr.

    Raises:
        DataError: there is no such data, or it is not sound.
    """
    if spec == "fashion-mnist":
        return _fashion_mnist(progress=progress)
    if spec == "sample":
        return _sample(sample_dir, sample_size, seed)
    if spec == "auto":
        return _real_or_sample(sample_dir, sample_size, seed, progress=progress)
    directory = _expand(spec)
    if not is_folder(directory):
        raise DataError(
            f"--data {spec}: no such folder; expected auto, fashion-mnist, sample or a folder with the four IDX files"
        )
    return load_dataset(directory)


def _fashion_mnist(*, progress: bool) -> Dataset:
    chosen = os.environ.get("FASHION_MNIST_DIR")
    directory = _expand(chosen) if chosen else _cached_download(progress=progress)
    try:
        dataset = load_dataset(directory, name="fashion-mnist", source=f"Fashion-MNIST from {directory}")
    except DataError as error:
        raise DataError(f"FASHION_MNIST_DIR={chosen}: {error}" if chosen else str(error)) from error
    if dataset.digest != FASHION_MNIST_DIGEST:
        raise DataError(f"{directory} holds other data than Fashion-MNIST; use --data {directory} if that is meant")
    return dataset


def _sample(sample_dir: Path, train: int, seed: int, note: str = "") -> Dataset:
    if train < SMALLEST_SAMPLE or seed < 0:
        raise DataError(
            f"{train} sample images and seed {seed} asked for; choose {SMALLEST_SAMPLE} or more, and a seed from 0 up"
        )
    evaluation = max(train // 6, SMALLEST_SAMPLE)
    directory = sample_dir / f"{train}-{seed}"
    try:
        if not is_folder(directory):
            write_samples(directory, train, evaluation, seed)
        name_samples(directory)
    except OSError as error:
        if not is_folder(directory):  # else another process was faster, with the same images
            raise DataError(
                f"{directory}: samples cannot be written ({error.strerror}); choose another folder"
            ) from error
    source = f"generated samples, seed {seed}"
    try:
        return load_dataset(directory, name="sample", source=source, note=note)
    except DataError as error:
        raise DataError(f"{error}, or delete that folder to have it drawn again") from error


def _real_or_sample(sample_dir: Path, sample_size: int, seed: int, *, progress: bool) -> Dataset:
    try:
        return _fashion_mnist(progress=progress)
    except DataError as error:
        if os.environ.get("FASHION_MNIST_DIR"):  # asked for by name: nothing else will do
            raise
        note = f"Generated samples stand in for Fashion-MNIST: {error}"
    return _sample(sample_dir, sample_size, seed, note)


def _cached_download(*, progress: bool) -> Path:
    """The user cache, with all four files in it and their checksums right."""
    cache = Path(platformdirs.user_cache_dir("fashion-mnist-pipeline"))
    try:
        for file_name in CHECKSUMS:
            if not _is_genuine(cache / file_name, file_name):
                _download(file_name, cache, progress=progress)
    except OSError as error:
        raise DataError(f"the cache {cache} cannot be used ({error.strerror or error}); {_REMEDIES}") from error
    return cache


def _download(file_name: str, cache: Path, *, progress: bool) -> None:
    import pooch  # here, because only a download needs it and the requests that it brings

    cache.mkdir(parents=True, exist_ok=True)
    fetch = pooch.HTTPDownloader(progressbar=progress, chunk_size=CHUNK_BYTES, timeout=DOWNLOAD_TIMEOUT_SECONDS)
    failures = []
    with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as workplace:
        unchecked = Path(workplace, file_name)
        for home in HOMES:
            try:
                fetch(home + file_name, str(unchecked), None)
            except (OSError, ValueError) as error:  # those of requests are OSErrors
                failures.append(f"{urlsplit(home).netloc}: {getattr(error, 'strerror', None) or type(error).__name__}")
                continue
            if _is_genuine(unchecked, file_name):
                unchecked.replace(cache / file_name)
                return
            failures.append(f"{urlsplit(home).netloc}: wrong checksum")
    raise DataError(f"{file_name} cannot be downloaded ({', '.join(failures)}); {_REMEDIES}")


def _is_genuine(path: Path, file_name: str) -> bool:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            md5.update(chunk)
            sha256.update(chunk)
    return (md5.hexdigest(), sha256.hexdigest()) == CHECKSUMS[file_name]


def _expand(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for a user who is not there
