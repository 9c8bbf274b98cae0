"""The pushed model's answers, for images of any origin, and one sentence where there is none."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from typer.testing import CliRunner, Result

from components.features import CLASS_NAMES
from components.images.idx import read_images, read_labels, write_idx
from components.images.statistics import summarize_images, write_statistics
from components.images.summary import statistics_file, write_description
from components.report.lineage import Origin
from components.serving.manifest import Manifest, digest_model, write_manifest
from pipeline.cli import app
from pipeline.commands.plain_text import show_controls
from pipeline.runs import RunRecord, save_record


class CornerModel(tf.Module):
    """Answers with the class that the pixel in the upper left corner names, with 90 %."""

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, name="images")])
    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        chosen = tf.cast(images[:, 0, 0], tf.int32) % 10
        return {"probabilities": 0.9 * tf.one_hot(chosen, 10) + 0.01}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory, sample_dir: Path) -> Path:
    """Versions 1 and 2 of the model, and a run on the samples."""
    output = tmp_path_factory.mktemp("output")
    model = CornerModel()
    images = [image.tobytes() for image in read_images(sample_dir / "train-images-idx3-ubyte.gz")]
    statistics = summarize_images(
        images, read_labels(sample_dir / "train-labels-idx1-ubyte.gz").astype(int), (28, 28), 10
    )
    for version in ("1", "2"):
        model_dir = output / "sample" / "serving" / version
        tf.saved_model.save(model, str(model_dir), signatures={"serving_images": model.serve})
        summary = model_dir / "assets.extra" / "data"
        for split in ("train", "eval"):
            write_statistics(statistics_file(summary, split), statistics)
        write_description(summary, (28, 28), CLASS_NAMES)
    record = RunRecord(run_id="20250101-000000-aaaa", data="sample", origin=Origin(data_dir=str(sample_dir)))
    save_record(output / "sample", record)
    return output


def predict(output: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments), "--output", str(output)])


def read_json(output: Path, *arguments: object) -> list[dict]:
    result = predict(output, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def draw(path: Path, corner: int, size: tuple[int, int] = (28, 28)) -> Path:
    pixels = np.zeros(size, np.uint8)
    pixels[0, 0] = corner
    Image.fromarray(pixels).save(path)
    return path


def test_a_file_is_answered_with_the_probability_of_each_class(output: Path, tmp_path: Path) -> None:
    (answer,) = read_json(output, draw(tmp_path / "coat.png", 4))
    assert (answer["predicted"], answer["label"], answer["right"]) == ("Coat", None, None)
    assert answer["probabilities"] == {name: pytest.approx(0.91 if name == "Coat" else 0.01) for name in CLASS_NAMES}


def test_evaluation_images_are_right_or_wrong_by_their_labels(output: Path, sample_dir: Path) -> None:
    images = read_images(sample_dir / "t10k-images-idx3-ubyte.gz")
    labels = read_labels(sample_dir / "t10k-labels-idx1-ubyte.gz")
    answers = read_json(output, "--eval-range", "5:25", "--eval", 199)
    indices = [199, *range(5, 25)]
    assert [answer["image"] for answer in answers] == [f"eval {index}" for index in indices]
    assert [answer["label"] for answer in answers] == [CLASS_NAMES[labels[index]] for index in indices]
    right = [bool(images[index, 0, 0] % 10 == labels[index]) for index in indices]
    assert [answer["right"] for answer in answers] == right


def test_people_read_answers_in_a_table(output: Path, tmp_path: Path) -> None:
    text = predict(output, draw(tmp_path / "bag.png", 8)).stdout
    assert "91.0" in text
    assert text.index("Bag", text.index("bag.png")) < text.index("T-shirt/top")
    assert "serving/2" in text.replace("\n", "")
    assert "of 20 are right" in predict(output, "--eval-range", "0:20").stdout


def test_a_foreign_model_is_said_to_be_one(output: Path, tmp_path: Path) -> None:
    bag, note = draw(tmp_path / "bag.png", 8), "he model is foreign: it has no manifest, so nothing is known of it"
    assert read_json(output, bag)[0]["note"] == f"t{note}"
    assert f"T{note}." in predict(output, bag).stdout


def test_a_pushed_model_has_no_note(output: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(output, tmp_path / "copy"))
    model_dir = copy / "sample" / "serving" / "2"
    manifest = Manifest(digest=digest_model(model_dir), recipe="", run_id="", baseline_version=None, pushed_at="")
    write_manifest(model_dir, manifest)
    bag = draw(tmp_path / "bag.png", 8)
    assert read_json(copy, bag)[0]["note"] is None
    assert "foreign" not in predict(copy, bag).stdout


def test_a_version_can_be_chosen(output: Path, tmp_path: Path) -> None:
    result = predict(output, draw(tmp_path / "bag.png", 8), "--version", 1)
    assert "serving/1" in result.stdout.replace("\n", "")


def test_the_plot_has_blue_for_what_is_right_and_red_for_what_is_wrong(output: Path, tmp_path: Path) -> None:
    answers = read_json(output, "--eval-range", "0:200")
    blue, red = (31, 119, 180), (214, 39, 40)  # matplotlib's tab:blue and tab:red
    for right in (True, False):
        index = [answer["right"] for answer in answers].index(right)
        read_json(output, "--eval", index, "--plot", tmp_path / "plot.png")
        colours = {colour for _, colour in Image.open(tmp_path / "plot.png").convert("RGB").getcolors(1 << 20)}
        assert blue in colours  # the bar of what it is, whatever the answer
        assert (red in colours) is not right


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "no image: expected files, --eval N or --eval-range A:B"),
        (("--eval", 200), "evaluation image 200: expected 0 to 199"),
        (("--eval-range", "7"), "--eval-range 7: expected two numbers such as 0:15"),
        (("--eval-range", "7:7"), "--eval-range 7:7: expected two numbers"),
        (("--eval", 0, "--version", 3), "--version 3: not in .*serving; expected one of 1, 2"),
        (("--eval", 0, "--plot", "plot.svg"), "--plot plot.svg: expected a name that ends in .png"),
        (("--eval", 0, "--data", "/no/such"), "--data /no/such: no such folder"),
        (("/no/such.png",), "/no/such.png: cannot be read"),
    ],
)
def test_what_cannot_be_answered_is_told_in_one_sentence(output: Path, arguments, complaint: str) -> None:
    result = predict(output, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert re.search(complaint, result.stderr)


@pytest.mark.parametrize("what", [("--eval", 0), ("image.png",)])
def test_without_a_pushed_model_it_says_so(tmp_path: Path, what) -> None:
    result = predict(tmp_path, *what)
    assert result.exit_code == 2
    assert "no model is pushed" in result.stderr


@pytest.fixture
def garment(sample_dir: Path) -> np.ndarray:
    """An evaluation image with a black corner: the model answers "T-shirt/top", and "Sandal" if it is inverted."""
    return next(each for each in read_images(sample_dir / "t10k-images-idx3-ubyte.gz") if not each[0].any())


def test_pictures_like_those_it_learnt_from_are_answered_without_a_warning(output: Path) -> None:
    answers = read_json(output, "--eval-range", "0:200")
    assert sum(answer["warning"] is not None for answer in answers) <= 2
    assert "!" not in predict(output, "--eval-range", "0:1").stdout


def test_a_white_ground_is_warned_of_and_the_option_that_helps_is_named(
    output: Path, tmp_path: Path, garment: np.ndarray
) -> None:
    Image.fromarray(255 - garment).save(tmp_path / "white.png")
    (answer,) = read_json(output, tmp_path / "white.png")
    assert answer["predicted"] == "Sandal"
    assert answer["warning"].startswith("unlike the training images: its border has the grey ")
    assert answer["warning"].endswith("; try --invert")
    text = predict(output, tmp_path / "white.png").stdout
    assert f"! {tmp_path}/white.png: unlike the training images" in text
    (answer,) = read_json(output, tmp_path / "white.png", "--invert")
    assert (answer["predicted"], answer["warning"]) == ("T-shirt/top", None)


def test_an_option_that_harms_is_named_as_well(output: Path, tmp_path: Path, garment: np.ndarray) -> None:
    Image.fromarray(garment).save(tmp_path / "black.png")
    for arguments in ((tmp_path / "black.png",), ("--eval", 0)):
        (answer,) = read_json(output, *arguments, "--invert")
        assert answer["warning"].endswith("; try it without --invert")


def test_noise_and_blank_pages_are_warned_of(output: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    for pixels, word in ((noise, "as rough as noise"), (np.full((28, 28), 255, np.uint8), "blank")):
        Image.fromarray(pixels).save(tmp_path / "odd.png")
        (answer,) = read_json(output, tmp_path / "odd.png")
        assert word in answer["warning"]
        assert answer["warning"].endswith("; the answer means little")


def test_a_dark_drawing_on_nothing_is_seen_with_invert(output: Path, tmp_path: Path, garment: np.ndarray) -> None:
    Image.fromarray(np.dstack([np.zeros_like(garment), garment])).save(tmp_path / "drawing.png")
    (answer,) = read_json(output, tmp_path / "drawing.png")
    assert answer["warning"].endswith("it is blank, every pixel has the grey 0; try --invert")
    (answer,) = read_json(output, tmp_path / "drawing.png", "--invert")
    assert answer["warning"] is None


def test_many_warnings_are_counted_and_not_all_told(output: Path, tmp_path: Path) -> None:
    write_idx(tmp_path / "pages", np.zeros((30, 28, 28), np.uint8))
    text = predict(output, tmp_path / "pages").stdout
    assert text.count("it is blank") == 10
    assert "and 20 more" in text


def make_version(output: Path, number: int, names: tuple[str, ...], leave_out: tuple[str, ...] = ()) -> Path:
    """Copy version 1, with other names, and without some of the counts in the summary of its data."""
    version = output / "sample" / "serving" / str(number)
    shutil.copytree(output / "sample" / "serving" / "1", version)
    summary = version / "assets.extra" / "data"
    write_description(summary, (28, 28), names)
    for split in ("train", "eval"):
        with np.load(statistics_file(summary, split)) as arrays:
            kept = {name: array for name, array in arrays.items() if name not in leave_out}
        np.savez_compressed(statistics_file(summary, split), **kept)
    return version


def test_a_model_from_before_these_counts_answers_with_a_note(
    output: Path, tmp_path: Path, garment: np.ndarray
) -> None:
    Image.fromarray(255 - garment).save(tmp_path / "white.png")
    version = make_version(output, 3, CLASS_NAMES, leave_out=("appearance", "border_values"))
    try:
        (answer,) = read_json(output, tmp_path / "white.png")
        text = predict(output, tmp_path / "white.png").stdout
    finally:
        shutil.rmtree(version)
    assert answer["warning"] is None
    assert "The model is older than the check of how images look" in text


def test_names_of_classes_and_files_neither_control_nor_mark_up(output: Path, tmp_path: Path) -> None:
    """A model from elsewhere may be called anything."""
    version = make_version(output, 3, ("\x1b[31mred", "[/bold]", ":smile:", *CLASS_NAMES[3:]))
    try:
        texts = [
            predict(output, draw(tmp_path / f"{corner}\x1b]0;title\x07.png", corner)).stdout for corner in range(3)
        ]
        whole = predict(output, "--eval-range", "0:200").stdout
    finally:
        shutil.rmtree(version)
    for text in (*texts, whole):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert all(name in text for name in (show_controls("\x1b[31mred"), "[/bold]", ":smile:"))
