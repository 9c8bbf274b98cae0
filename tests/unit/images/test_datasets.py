"""Data is found where the user said, is verified before use, and is never silently something else."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.features import CLASS_NAMES
from components.images import datasets, idx_folder
from components.images.datasets import CHECKSUMS, FASHION_MNIST_DIGEST, find_dataset
from components.images.idx_folder import DataError, Dataset, load_dataset
from components.images.samples import write_samples
from tests.faults.damage import flip

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's own settings or cache, nor the network."""
    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(datasets, "HOMES", ())
    path = tmp_path / "cache" / "fashion-mnist-pipeline"
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    return path


@pytest.fixture
def genuine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small data set that passes for Fashion-MNIST."""
    sums = {
        name: (hashlib.md5(content, usedforsecurity=False).hexdigest(), hashlib.sha256(content).hexdigest())
        for name in CHECKSUMS
        for content in [(folder / name).read_bytes()]
    }
    monkeypatch.setattr(datasets, "CHECKSUMS", sums)
    for module in (datasets, idx_folder):
        monkeypatch.setattr(module, "FASHION_MNIST_DIGEST", load_dataset(folder).digest)
    (folder / "labels.txt").unlink()
    return folder


class _Home(SimpleHTTPRequestHandler):
    requested: list[str]

    def do_GET(self) -> None:
        self.requested.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def homes(genuine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Three homes on this machine: one without the files, one with damaged ones, one with good ones."""
    for home in ("empty", "damaged", "good"):
        (tmp_path / home).mkdir()
    for name in CHECKSUMS:
        (tmp_path / "damaged" / name).write_bytes(b"<html>please sign in</html>")
        shutil.copy(genuine / name, tmp_path / "good")
    handler = type("Handler", (_Home,), {"requested": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(datasets, "HOMES", tuple(f"{address}/{home}/" for home in ("empty", "damaged", "good")))
        yield handler.requested  # type: ignore[attr-defined]
        server.shutdown()


def find(spec: str, tmp_path: Path, *, size: int = 120, seed: int = 7) -> Dataset:
    return find_dataset(spec, sample_dir=tmp_path / "samples", sample_size=size, seed=seed, progress=False)


def test_classes_have_fashion_mnists_names_only_if_it_is_fashion_mnist(genuine: Path, tmp_path: Path) -> None:
    """Digits are not sandals."""
    dataset = find(str(genuine), tmp_path)
    assert dataset.class_names == CLASS_NAMES
    assert not dataset.note
    content = bytearray(gzip.decompress((genuine / TRAIN_IMAGES).read_bytes()))
    content[-1] ^= 1
    (genuine / TRAIN_IMAGES).write_bytes(gzip.compress(content))
    dataset = find(str(genuine), tmp_path)
    assert dataset.class_names == tuple("0123456789")
    assert dataset.note == f"No labels.txt in {genuine}: the classes are called 0 to 9."


def test_a_folder_is_found_by_its_path(folder: Path, tmp_path: Path) -> None:
    assert find(str(folder), tmp_path) == load_dataset(folder)


@pytest.mark.parametrize(
    "spec", ["fashion", "", "/no/such/place", "nul\0byte", "~nobody-of-this-name/data", "x" * 5000]
)
def test_an_unknown_spec_is_refused(tmp_path: Path, spec: str) -> None:
    with pytest.raises(DataError) as error:
        find(spec or str(tmp_path / "gone"), tmp_path)
    expected = "no such folder; expected auto, fashion-mnist, sample or a folder with the four IDX files"
    assert str(error.value) == f"--data {spec or tmp_path / 'gone'}: {expected}"


def test_samples_are_drawn_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find("sample", tmp_path, size=900)
    monkeypatch.setattr(datasets, "write_samples", None)
    assert find("sample", tmp_path, size=900) == first
    assert first.name == "sample"
    assert first.source == "generated samples, seed 7"
    assert first.counts == {"train": 900, "eval": 150}
    assert first.directory == tmp_path / "samples" / "900-7"


def test_samples_that_an_earlier_release_drew_have_the_same_classes_and_digest(tmp_path: Path) -> None:
    first = find("sample", tmp_path)
    (first.directory / "labels.txt").unlink()
    assert find("sample", tmp_path) == first


def test_other_sizes_and_seeds_are_other_samples(tmp_path: Path) -> None:
    digests = {find("sample", tmp_path, size=size, seed=seed).digest for size, seed in [(100, 7), (101, 7), (100, 8)]}
    assert len(digests) == 3


@pytest.mark.parametrize(("size", "seed"), [(99, 7), (0, 7), (-5, 7), (100, -1)])
def test_impossible_samples_are_refused(tmp_path: Path, size: int, seed: int) -> None:
    with pytest.raises(DataError, match=f"{size} sample images and seed {seed} asked for; choose 100 or more"):
        find("sample", tmp_path, size=size, seed=seed)
    assert not (tmp_path / "samples").exists()


def test_damaged_samples_are_refused_with_the_remedy(tmp_path: Path) -> None:
    flip(0.5)(find("sample", tmp_path).directory / TRAIN_IMAGES)
    with pytest.raises(DataError, match="delete that folder to have it drawn again"):
        find("sample", tmp_path)


def test_samples_that_another_process_made_meanwhile_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(directory: Path, train: int, evaluation: int, seed: int) -> None:
        write_samples(directory, train, evaluation, seed)
        write_samples(directory, train, evaluation, seed)

    monkeypatch.setattr(datasets, "write_samples", overtaken)
    assert find("sample", tmp_path).counts["train"] == 120


def test_a_sample_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("a file")
    with pytest.raises(DataError, match="samples cannot be written"):
        find("sample", tmp_path)


def test_the_chosen_directory_is_fashion_mnist(genuine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", str(genuine))
    for spec in ("fashion-mnist", "auto"):
        dataset = find(spec, tmp_path)
        assert dataset.name == "fashion-mnist"
        assert dataset.source == f"Fashion-MNIST from {genuine}"
        assert not dataset.note


@pytest.mark.parametrize("spec", ["fashion-mnist", "auto"])
def test_a_chosen_directory_with_other_data_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    """Under `auto` too: who names a directory does not want samples instead."""
    monkeypatch.setenv("FASHION_MNIST_DIR", str(folder))
    with pytest.raises(DataError, match=f"{folder} holds other data than Fashion-MNIST; use --data"):
        find(spec, tmp_path)


@pytest.mark.parametrize("spec", ["fashion-mnist", "auto"])
def test_a_chosen_directory_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=f"^FASHION_MNIST_DIR={tmp_path / 'gone'}: neither train-images"):
        find(spec, tmp_path)


def test_an_empty_variable_is_no_choice(
    cache: Path, genuine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", "")
    shutil.copytree(genuine, cache)
    assert find("fashion-mnist", tmp_path).directory == cache


def test_the_download_tries_home_after_home(homes: list[str], cache: Path, genuine: Path, tmp_path: Path) -> None:
    dataset = find("fashion-mnist", tmp_path)
    assert dataset.name == "fashion-mnist"
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {
        path.name: path.read_bytes() for path in genuine.iterdir()
    }
    assert homes[:3] == [f"/{home}/{TRAIN_IMAGES}" for home in ("empty", "damaged", "good")]


def test_what_is_in_the_cache_is_not_downloaded_again(homes: list[str], tmp_path: Path) -> None:
    find("fashion-mnist", tmp_path)
    homes.clear()
    assert find("auto", tmp_path).name == "fashion-mnist"
    assert not homes


def test_a_damaged_file_in_the_cache_is_downloaded_again(homes: list[str], cache: Path, tmp_path: Path) -> None:
    find("fashion-mnist", tmp_path)
    flip(0.5)(cache / "t10k-labels-idx1-ubyte.gz")
    homes.clear()
    assert find("fashion-mnist", tmp_path).digest == datasets.FASHION_MNIST_DIGEST
    assert set(homes) == {f"/{home}/t10k-labels-idx1-ubyte.gz" for home in ("empty", "damaged", "good")}


@pytest.mark.usefixtures("homes")
@pytest.mark.parametrize("index", [0, 1], ids=["md5", "sha256"])
def test_both_checksums_have_to_be_right(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    sums = {name: [*both] for name, both in datasets.CHECKSUMS.items()}
    sums[TRAIN_IMAGES][index] = "0" * len(sums[TRAIN_IMAGES][index])
    monkeypatch.setattr(datasets, "CHECKSUMS", {name: tuple(both) for name, both in sums.items()})
    with pytest.raises(DataError, match="wrong checksum"):
        find("fashion-mnist", tmp_path)
    assert not list(cache.iterdir())


def test_a_failed_download_names_reasons_and_remedies(
    homes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "HOMES", (*datasets.HOMES[:2], "http://127.0.0.1:9/"))
    with pytest.raises(DataError) as error:
        find("fashion-mnist", tmp_path)
    assert re.fullmatch(
        rf"{TRAIN_IMAGES} cannot be downloaded \(127.0.0.1:\d+: HTTPError, 127.0.0.1:\d+: wrong checksum, "
        r"127.0.0.1:9: ConnectionError\); set FASHION_MNIST_DIR to a folder with the four files, "
        "or use --data DIR or --data sample",
        str(error.value),
    )
    assert len(homes) == 2  # the other three files are not tried


@pytest.mark.usefixtures("homes")
def test_a_download_is_silent_without_progress(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    find("fashion-mnist", tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("homes")
def test_a_download_shows_its_progress_on_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    find_dataset("fashion-mnist", sample_dir=tmp_path, sample_size=120, seed=7)
    output, errors = capfd.readouterr()
    assert not output
    assert errors.count("100%") >= len(CHECKSUMS)


def test_auto_falls_back_to_samples_and_says_so(tmp_path: Path) -> None:
    dataset = find("auto", tmp_path)
    assert dataset.name == "sample"
    assert dataset.note.startswith(f"Generated samples stand in for Fashion-MNIST: {TRAIN_IMAGES} cannot be downloaded")
    assert "\n" not in dataset.note


def test_auto_falls_back_where_there_is_no_cache(cache: Path, tmp_path: Path) -> None:
    cache.parent.write_text("a file where the cache should be")
    dataset = find("auto", tmp_path)
    assert dataset.name == "sample"
    assert "cannot be used" in dataset.note


def test_samples_asked_for_need_no_excuse(tmp_path: Path) -> None:
    assert not find("sample", tmp_path).note


@pytest.mark.skipif("FASHION_MNIST_DIR" not in os.environ, reason="needs the real files in $FASHION_MNIST_DIR")
@pytest.mark.parametrize("directory", [os.environ.get("FASHION_MNIST_DIR", "")])
def test_the_real_files_have_the_known_sums(directory: str, cache: Path, tmp_path: Path) -> None:
    dataset = load_dataset(Path(directory))
    assert dataset.digest == FASHION_MNIST_DIGEST
    assert dataset.counts == {"train": 60000, "eval": 10000}
    cache.mkdir(parents=True)
    for name in CHECKSUMS:
        shutil.copy(dataset.directory / name, cache)
    assert find("fashion-mnist", tmp_path).directory == cache
