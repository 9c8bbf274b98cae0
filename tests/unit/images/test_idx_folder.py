"""A folder is read as one data set, whole or in parts, and any fault in it is told by name."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from components.features import CLASS_NAMES
from components.images.datasets import CHECKSUMS
from components.images.idx import read_images, read_labels, unpack, write_idx
from components.images.idx_folder import DataError, load_dataset, read_split
from tests.faults.damage import flip

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


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
    flip(0.5)(folder / "train-images-idx3-ubyte")
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
