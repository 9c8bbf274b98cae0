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

import numpy as np
import pytest

from components.features import CLASS_NAMES
from components.images import datasets, idx_folder
from components.images.datasets import CHECKSUMS, FASHION_MNIST_DIGEST, find_dataset
from components.images.idx import read_images, read_labels, unpack, write_idx
from components.images.idx_folder import DataError, Dataset, load_dataset, read_split
from components.images.samples import write_samples

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound data set of 120 training and 100 evaluation images."""
    write_samples(tmp_path / "My Data", 120, 100, 3)
    return tmp_path / "My Data"


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


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_sound_folder_is_described(folder: Path) -> None:
    dataset = load_dataset(folder)
    assert dataset.counts == {"train": 120, "eval": 100}
    assert dataset.image_shape == (28, 28)
    assert dataset.class_names == CLASS_NAMES
    (pair,) = dataset.pairs["eval"]
    assert pair == (folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz", 100)
    assert dataset.source == f"IDX files from {folder}"
    assert re.fullmatch("my-data-[0-9a-f]{6}", dataset.name)
    assert re.fullmatch("[0-9a-f]{64}", dataset.digest)
    assert not dataset.note


def test_folders_of_one_name_are_different_data(folder: Path, tmp_path: Path) -> None:
    """Else a model trained on the one could replace one trained on the other."""
    shutil.copytree(folder, tmp_path / "elsewhere" / folder.name)
    assert load_dataset(folder).name != load_dataset(tmp_path / "elsewhere" / folder.name).name


def test_a_folder_has_one_name_however_it_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    ways = [folder, Path(folder.name), folder / ".." / folder.name]
    names = {load_dataset(way).name for way in ways}
    assert len(names) == 1


@pytest.mark.parametrize("name", ["数据", "---", "Ünïcode & spaces", "x" * 200])
def test_any_folder_name_gives_a_valid_pipeline_name(folder: Path, name: str) -> None:
    renamed = folder.rename(folder.with_name(name))
    assert re.fullmatch("[a-z0-9][a-z0-9-]{0,46}", load_dataset(renamed).name)


def test_plain_and_gzip_files_have_one_digest(folder: Path) -> None:
    expected = load_dataset(folder).digest
    for path in list(folder.glob("*.gz")):
        unpack(path, path.with_suffix(""))
        path.unlink()
    assert load_dataset(folder).digest == expected


@pytest.mark.parametrize("name", list(CHECKSUMS))
def test_a_changed_byte_in_any_file_changes_the_digest(folder: Path, name: str) -> None:
    before = load_dataset(folder).digest
    content = bytearray(gzip.decompress((folder / name).read_bytes()))
    content[-1] ^= 1
    (folder / name).write_bytes(gzip.compress(content))
    assert load_dataset(folder).digest != before


def test_class_names_change_the_digest(folder: Path) -> None:
    before = load_dataset(folder).digest
    (folder / "labels.txt").write_text("\n".join(reversed(CLASS_NAMES)))
    assert load_dataset(folder).digest != before


def test_swapped_splits_change_the_digest(folder: Path) -> None:
    before = load_dataset(folder).digest
    for kind in ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"):
        (folder / f"train-{kind}").rename(folder / "aside")
        (folder / f"t10k-{kind}").rename(folder / f"train-{kind}")
        (folder / "aside").rename(folder / f"t10k-{kind}")
    assert load_dataset(folder).digest != before


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz in "):
        load_dataset(folder)


@pytest.mark.parametrize(
    "name",
    [
        "train-images-idx3-ubyte",
        "train-images.idx3-ubyte",
        "train-images-idx3-ubyte/train-images-idx3-ubyte",
        "train-images.idx3-ubyte/train-images.idx3-ubyte",
        "train-images-idx3-ubyte.gz/train-images-idx3-ubyte",
    ],
)
def test_a_file_is_found_under_the_names_that_it_is_handed_on_with(folder: Path, name: str) -> None:
    """Kaggle's files of MNIST have two of them, and lie in folders of that name as well."""
    expected = load_dataset(folder).digest
    packed = (folder / TRAIN_IMAGES).rename(folder / "aside")
    (folder / name).parent.mkdir(exist_ok=True)
    unpack(packed, folder / name)
    dataset = load_dataset(folder)
    assert dataset.digest == expected
    assert dataset.pairs["train"][0].images == folder / name


def test_a_file_that_is_there_twice_is_taken_where_both_are_the_same(folder: Path) -> None:
    expected = load_dataset(folder).digest
    unpack(folder / TRAIN_IMAGES, folder / "train-images-idx3-ubyte")
    assert load_dataset(folder).digest == expected
    flip_byte(folder / "train-images-idx3-ubyte")
    with pytest.raises(
        DataError,
        match=r"^train-images-idx3-ubyte and train-images-idx3-ubyte.gz in .* have different contents; remove one",
    ):
        load_dataset(folder)


def test_a_folder_without_a_file_is_no_file(folder: Path) -> None:
    (folder / TRAIN_IMAGES).unlink()
    (folder / TRAIN_IMAGES).mkdir()
    with pytest.raises(DataError, match=r"neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz in "):
        load_dataset(folder)


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


def test_as_many_classes_as_there_are_labels_in_both_splits(folder: Path) -> None:
    (folder / "labels.txt").unlink()
    write_idx(folder / "train-labels-idx1-ubyte.gz", (np.arange(120) % 12).astype(np.uint8))
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.full(100, 12, np.uint8))
    assert load_dataset(folder).class_names == tuple(map(str, range(13)))


def test_labels_that_begin_with_1_are_refused(folder: Path) -> None:
    for split in ("train", "t10k"):
        labels = read_labels(folder / f"{split}-labels-idx1-ubyte.gz")
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels + np.uint8(1))
    with pytest.raises(DataError, match=r"the labels run from 1 to 10 for the 10 names of labels.txt; subtract 1"):
        load_dataset(folder)


def test_a_damaged_file_is_named_with_its_folder(folder: Path) -> None:
    (folder / TRAIN_IMAGES).write_bytes((folder / TRAIN_IMAGES).read_bytes()[:-9])
    with pytest.raises(DataError, match=f"^{TRAIN_IMAGES}: compressed data ends early.* in {folder}$"):
        load_dataset(folder)


def test_images_without_labels_are_refused(folder: Path) -> None:
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(99, np.uint8))
    with pytest.raises(DataError, match=r"100 images in t10k-images-idx3-ubyte.gz, but 99 labels"):
        load_dataset(folder)


def test_images_of_two_sizes_are_refused(folder: Path) -> None:
    write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((100, 28, 32), np.uint8))
    with pytest.raises(DataError, match=r"images of 28 x 28 pixels in train-images-.*, but of 28 x 32 in t10k-images-"):
        load_dataset(folder)


@pytest.fixture
def parts(folder: Path, tmp_path: Path) -> Path:
    """The same data set in parts: three for training, of which the second is plain, and two for evaluation."""
    directory = tmp_path / "parts"
    directory.mkdir()
    shutil.copy(folder / "labels.txt", directory)
    for prefix, cuts in (("train", (50, 51)), ("t10k", (30,))):
        for kind, read in (("images-idx3-ubyte", read_images), ("labels-idx1-ubyte", read_labels)):
            for number, part in enumerate(np.split(read(folder / f"{prefix}-{kind}.gz"), cuts)):
                write_idx(directory / f"{prefix}-{number:02}-{kind}{'' if number == 1 else '.gz'}", part)
    return directory


def test_parts_are_the_one_data_set_in_the_order_of_their_names(folder: Path, parts: Path) -> None:
    whole, dataset = load_dataset(folder), load_dataset(parts)
    assert dataset.counts == whole.counts
    assert (dataset.image_shape, dataset.class_names) == (whole.image_shape, whole.class_names)
    assert [pair.rows for pair in dataset.pairs["train"]] == [50, 1, 69]
    for split in ("train", "eval"):
        for found, expected in zip(read_split(dataset, split), read_split(whole, split), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_part_that_becomes_one_of_the_other_split_changes_the_digest(parts: Path) -> None:
    """Though the files are the same, in the same order."""
    before = load_dataset(parts).digest
    for kind in ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"):
        (parts / f"train-02-{kind}").rename(parts / f"t10k--{kind}")
    moved = load_dataset(parts)
    assert moved.counts == {"train": 51, "eval": 169}
    assert moved.digest != before


def test_parts_that_change_places_change_the_digest(parts: Path) -> None:
    before = load_dataset(parts).digest
    for kind in ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"):
        (parts / f"train-00-{kind}").rename(parts / f"train-03-{kind}")
    assert load_dataset(parts).digest != before


def test_a_part_without_its_partner_is_refused(parts: Path) -> None:
    (parts / "train-01-labels-idx1-ubyte").unlink()
    expected = "neither train-01-labels-idx1-ubyte nor .* expected both the images and the labels of train-01$"
    with pytest.raises(DataError, match=expected):
        load_dataset(parts)


def test_a_part_whose_counts_differ_is_refused(parts: Path) -> None:
    """Though there are as many labels as images in all."""
    for number, count in ((0, 49), (2, 70)):
        write_idx(parts / f"train-{number:02}-labels-idx1-ubyte.gz", np.zeros(count, np.uint8))
    with pytest.raises(DataError, match=r"^50 images in train-00-images-.*, but 49 labels in train-00-labels"):
        load_dataset(parts)


def test_a_part_of_another_image_size_is_refused(parts: Path) -> None:
    write_idx(parts / "train-01-images-idx3-ubyte", np.zeros((1, 28, 27), np.uint8))
    with pytest.raises(DataError, match=r"28 x 28 pixels in train-00-.*, but of 28 x 27 in train-01-"):
        load_dataset(parts)


def test_a_whole_among_its_parts_is_refused(folder: Path, parts: Path) -> None:
    """Else every image would be there twice."""
    shutil.copy(folder / TRAIN_IMAGES, parts)
    with pytest.raises(DataError, match=r"files named like train-images-idx3-ubyte and like train-00-images-"):
        load_dataset(parts)


def test_images_of_another_size_are_welcome(folder: Path) -> None:
    for name, count in (("train", 120), ("t10k", 100)):
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", np.zeros((count, 16, 20), np.uint8))
    assert load_dataset(folder).image_shape == (16, 20)


def test_labels_beyond_the_classes_are_left_to_the_data_gate(folder: Path) -> None:
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.full(100, 200, np.uint8))
    assert load_dataset(folder).counts["eval"] == 100


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"cat\ndog", ("cat", "dog")),
        (b"cat\ndog\n\n", ("cat", "dog")),
        (b"\xef\xbb\xbfcat\r\ndog\r\n", ("cat", "dog")),
        ("Größe, 40\n<b>鞋</b>\n".encode(), ("Größe, 40", "<b>鞋</b>")),
    ],
)
def test_class_names_are_read(folder: Path, content: bytes, expected: tuple[str, ...]) -> None:
    (folder / "labels.txt").write_bytes(content)
    assert load_dataset(folder).class_names == expected


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "1 lines, 1 blank"),
        (b"cat\n", "1 lines, 0 blank"),
        (b"cat\n\ndog\n", "3 lines, 1 blank"),
        (b"cat\ndog\ncat \n", "3 lines, 0 blank and 1 repeated"),
        ("\n".join(map(str, range(257))).encode(), "257 lines"),
        (b"cat\n\xff\n", "cannot be read .*UTF-8"),
    ],
)
def test_bad_class_names_are_refused(folder: Path, content: bytes, complaint: str) -> None:
    (folder / "labels.txt").write_bytes(content)
    with pytest.raises(DataError, match=f"labels.txt .*{complaint}"):
        load_dataset(folder)


def test_labels_txt_that_is_a_folder_is_refused(folder: Path) -> None:
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").mkdir()
    with pytest.raises(DataError, match=r"labels.txt cannot be read \(no regular file\)"):
        load_dataset(folder)


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
    flip_byte(find("sample", tmp_path).directory / TRAIN_IMAGES)
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
    flip_byte(cache / "t10k-labels-idx1-ubyte.gz")
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
