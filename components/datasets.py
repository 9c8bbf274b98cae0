"""Where the data comes from: a folder of IDX files, a verified download of Fashion-MNIST, or drawn samples."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from components.features import CLASS_NAMES, EVAL_SPLIT, TRAIN_SPLIT
from components.idx import CHUNK_BYTES, IdxError, verify_idx
from components.samples import write_samples

SMALLEST_SAMPLE = 100  # training images: ten a class
MAX_CLASSES = 256  # labels are uint8

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
# What `load_dataset(folder).digest` gives for a folder with just these four files; it covers CLASS_NAMES as well.
FASHION_MNIST_DIGEST = "949cf74c72cda9437348e4801d2d93df0c168e051af9d2ed2b016bd027ad6141"
HOMES = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
DOWNLOAD_TIMEOUT_SECONDS = 10  # to connect, and between two pieces of data

_REMEDIES = "set FASHION_MNIST_DIR to a folder with the four files, or use --data DIR or --data sample"
_PREFIXES = {TRAIN_SPLIT: "train", EVAL_SPLIT: "t10k"}


class DataError(ValueError):
    """The data cannot be used; one sentence says why and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A verified data set on disk."""

    name: str
    """Identity of the data, [a-z0-9-]+: runs on different data share neither metadata nor serving directory."""
    source: str
    """Where the data comes from, for people."""
    directory: Path
    """The folder with the files."""
    files: dict[str, tuple[Path, Path]]
    """Images and labels of each split, plain or gzip IDX."""
    counts: dict[str, int]
    """Number of images of each split, at least 1."""
    image_shape: tuple[int, int]
    """Height and width in pixels, the same in both splits."""
    class_names: tuple[str, ...]
    """Names in the order of the labels, 2 to 256 of them; the labels themselves are not checked against them here."""
    digest: str
    """SHA-256 in hex over the uncompressed contents of the four files and the class names."""
    note: str = ""
    """Why drawn samples stand in for real data, if they do."""


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
        return _fashion_mnist(progress)
    if spec == "sample":
        return _sample(sample_dir, sample_size, seed)
    if spec == "auto":
        return _real_or_sample(sample_dir, sample_size, seed, progress)
    if not os.path.isdir(os.path.expanduser(spec)):
        raise DataError(
            f"--data {spec}: no such folder; expected auto, fashion-mnist, sample or a folder with the four IDX files"
        )
    return load_dataset(Path(spec).expanduser())


def load_dataset(directory: Path, *, name: str | None = None, source: str | None = None, note: str = "") -> Dataset:
    """Verify the four IDX files of a folder, read its class names, and take its digest.

    The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, each plain or with `.gz`. An optional `labels.txt` (UTF-8) holds a class name a line;
    without it the names are those of Fashion-MNIST. The files are read once, side by side.

    Args:
        directory: the folder.
        name: identity of the data; by default made from the folder's name and absolute path.
        source: where the data comes from, for people; by default the folder.
        note: passed on.

    Raises:
        DataError: a file is missing, there twice, damaged, or does not fit to another one.
    """
    directory = Path(os.path.abspath(directory))
    files = {split: _find_files(directory, prefix) for split, prefix in _PREFIXES.items()}
    with ThreadPoolExecutor() as pool:  # zlib and hashlib let go of the GIL
        verified = [
            pool.submit(_verify, path, dimensions)
            for pair in files.values()
            for path, dimensions in zip(pair, (3, 1), strict=True)
        ]
    try:
        shapes, digests = zip(*(future.result() for future in verified), strict=True)
    except IdxError as error:
        raise DataError(f"{error}; correct that file in {directory}") from error
    _check_fit(directory, files, shapes)
    class_names = _read_class_names(directory)
    return Dataset(
        name=name or _folder_name(directory),
        source=source or f"IDX files from {directory}",
        directory=directory,
        files=files,
        counts={split: shape[0] for split, shape in zip(files, shapes[::2], strict=True)},
        image_shape=shapes[0][1:],
        class_names=class_names,
        digest=hashlib.sha256(b"".join(digests) + "\n".join(class_names).encode()).hexdigest(),
        note=note,
    )


def _fashion_mnist(progress: bool) -> Dataset:
    chosen = os.environ.get("FASHION_MNIST_DIR")
    directory = Path(chosen).expanduser() if chosen else _cached_download(progress)
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
        if not os.path.isdir(directory):
            write_samples(directory, train, evaluation, seed)
    except OSError as error:
        if not os.path.isdir(directory):  # else another process was faster, with the same images
            raise DataError(
                f"{directory}: samples cannot be written ({error.strerror}); choose another folder"
            ) from error
    source = f"generated samples ({train:,} + {evaluation:,} images, seed {seed})"
    try:
        return load_dataset(directory, name="sample", source=source, note=note)
    except DataError as error:
        raise DataError(f"{error}, or delete that folder to have it drawn again") from error


def _real_or_sample(sample_dir: Path, sample_size: int, seed: int, progress: bool) -> Dataset:
    try:
        return _fashion_mnist(progress)
    except DataError as error:
        if os.environ.get("FASHION_MNIST_DIR"):  # asked for by name: nothing else will do
            raise
        note = f"Generated samples stand in for Fashion-MNIST: {error}"
    return _sample(sample_dir, sample_size, seed, note)


def _cached_download(progress: bool) -> Path:
    """The user cache, with all four files in it and their checksums right."""
    cache = Path(platformdirs.user_cache_dir("fashion-mnist-pipeline"))
    try:
        for file_name in CHECKSUMS:
            if not _is_genuine(cache / file_name, file_name):
                _download(file_name, cache, progress)
    except OSError as error:
        raise DataError(f"the cache {cache} cannot be used ({error.strerror or error}); {_REMEDIES}") from error
    return cache


def _download(file_name: str, cache: Path, progress: bool) -> None:
    import pooch  # here, because only a download needs it and requests

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
                os.replace(unchecked, cache / file_name)
                return
            failures.append(f"{urlsplit(home).netloc}: wrong checksum")
    raise DataError(f"{file_name} cannot be downloaded ({', '.join(failures)}); {_REMEDIES}")


def _is_genuine(path: Path, file_name: str) -> bool:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    if not path.is_file():
        return False
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            md5.update(chunk)
            sha256.update(chunk)
    return (md5.hexdigest(), sha256.hexdigest()) == CHECKSUMS[file_name]


def _find_files(directory: Path, prefix: str) -> tuple[Path, Path]:
    return _find_file(directory, f"{prefix}-images-idx3-ubyte"), _find_file(directory, f"{prefix}-labels-idx1-ubyte")


def _find_file(directory: Path, stem: str) -> Path:
    candidates = [path for path in (directory / stem, directory / f"{stem}.gz") if os.path.exists(path)]
    if not candidates:
        raise DataError(f"neither {stem} nor {stem}.gz in {directory}; expected a folder with the four IDX files")
    if len(candidates) > 1:
        raise DataError(f"both {stem} and {stem}.gz in {directory}; remove one of them")
    return candidates[0]


def _verify(path: Path, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    digest = hashlib.sha256()
    return verify_idx(path, dimensions, digest), digest.digest()


def _check_fit(directory: Path, files: dict[str, tuple[Path, Path]], shapes: tuple[tuple[int, ...], ...]) -> None:
    for (images, labels), image_shape, label_shape in zip(files.values(), shapes[::2], shapes[1::2], strict=True):
        if image_shape[0] != label_shape[0]:
            raise DataError(
                f"{image_shape[0]} images in {images.name}, but {label_shape[0]} labels in {labels.name}; "
                f"give each image in {directory} one label"
            )
    train, evaluation = shapes[0][1:], shapes[2][1:]
    if train != evaluation:
        raise DataError(
            f"training images of {train[0]} x {train[1]} pixels, but t10k images of {evaluation[0]} x {evaluation[1]}; "
            f"give all images in {directory} the same size"
        )


def _read_class_names(directory: Path) -> tuple[str, ...]:
    path = directory / "labels.txt"
    if not os.path.lexists(path):
        return CLASS_NAMES
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a byte order mark at the front
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); expected a class name a line, in UTF-8") from error
    names = tuple(line.strip() for line in text.rstrip().split("\n"))
    if "" in names or len(set(names)) < len(names) or not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{path} has {len(names)} lines, {names.count('')} blank and {len(names) - len(set(names))} repeated; "
            f"expected 2 to {MAX_CLASSES} different class names, one a line"
        )
    return names


def _folder_name(directory: Path) -> str:
    slug = re.sub("[^a-z0-9]+", "-", directory.name.lower())[:40].strip("-") or "data"
    return f"{slug}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:6]}"
