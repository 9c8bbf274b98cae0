"""The command `predict`: what the pushed model answers, for images of any origin."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Column
from rich.text import Text

from components.features import EVAL_SPLIT, TRAIN_SPLIT
from components.images.appearance import list_oddities
from components.images.idx_folder import DataError, Dataset, load_dataset, read_split
from components.images.image_files import Picture, read_image_file
from components.images.statistics import Counts
from components.images.summary import read_summary
from components.report.number_format import write_percent
from components.serving.integrity import check_model
from components.serving.manifest import DATA_SUMMARY
from components.serving.versions import find_versions, list_versions
from pipeline.commands.console import STATUS_WIDTH, Terminal, make_table, shorten_name
from pipeline.environment import prepare_environment
from pipeline.runs import list_records

_MOST_DIGITS = 7
_MOST_WARNINGS = 10
_FOREIGN = "the model is foreign: it has no manifest, so nothing is known of it"


class PredictError(ValueError):
    """There is no model or no such image; one sentence says what is expected."""


class Question(NamedTuple):
    """The name of an image, its pixels, uint8 [height, width], and its label where that is known.

    `opposite` is what the pixels would be with the other choice of --invert.
    """

    name: str
    pixels: NDArray[np.uint8]
    opposite: NDArray[np.uint8]
    label: int | None = None


def predict_images(
    output: Path,
    *,
    files: Sequence[Path],
    indices: Sequence[int],
    data: str | None,
    version: int | None,
    invert: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Ask a pushed model about files and evaluation images, and print what it answers.

    An image that looks unlike those that the model learnt from is answered with a warning.

    Raises:
        PredictError: No model is pushed, or nothing is asked that it can answer.
        ServingError: What is pushed is damaged.
        ImageFileError: A file holds no image that can be used.
        IdxError: The file of the evaluation images is not sound.
    """
    if not files and not indices:
        raise PredictError("no image: expected files, --eval N or --eval-range A:B.")
    if plot and plot.suffix.lower() != ".png":
        raise PredictError(f"--plot {plot}: expected a name that ends in .png.")
    dataset = _find_dataset(output, data) if data or indices else None
    model_dir = _find_model(output, dataset.name if dataset else None, version)
    finding = check_model(model_dir)  # a SavedModel is code
    note = _FOREIGN if finding.state == "foreign" else None
    # The model brings a summary of its data, so that a wrong file is told of before TensorFlow is there.
    summary = read_summary(model_dir / DATA_SUMMARY)
    if not summary:
        raise PredictError(f"{model_dir}: says nothing of its data; push a model with this pipeline.")
    learnt = summary.statistics[TRAIN_SPLIT]
    questions = list(_ask_files(files, summary.image_shape, learnt.ground, invert=invert))
    questions += _ask_evaluation(dataset, indices, summary.image_shape, invert=invert) if dataset else []
    probabilities = _answer(model_dir, np.stack([question.pixels for question in questions]))
    names = summary.class_names
    if plot:
        from components.report.prediction_plot import plot_predictions

        labels = [question.label for question in questions]
        plot_predictions(plot, [question.pixels for question in questions], labels, probabilities, names)
    answers = [
        _describe(question, row, names)
        | {"warning": _find_warning(question, learnt.appearance, inverted=invert), "note": note}
        for question, row in zip(questions, probabilities.tolist(), strict=True)
    ]
    if as_json:
        print(json.dumps(answers))
    else:
        _print_answers(answers, model_dir, compared=bool(learnt.appearance.any()))


def read_range(text: str | None) -> range:
    """Read `A:B`.

    Raises:
        PredictError: It is something else.
    """
    start, colon, stop = (text or "0:0").partition(":")
    # As many digits as images may have; more of them would be a list without end.
    if not (colon and start.isdecimal() and stop.isdecimal()) or len(stop) > _MOST_DIGITS or len(start) > _MOST_DIGITS:
        raise PredictError(f"--eval-range {text}: expected two numbers such as 0:15, of at most {_MOST_DIGITS} digits.")
    if text and int(start) >= int(stop):
        raise PredictError(f"--eval-range {text}: expected two numbers such as 0:15, the second above the first.")
    return range(int(start), int(stop))


def _find_dataset(output: Path, data: str | None) -> Dataset:
    """Find the data that is asked for, or that of the latest run for which a model is pushed."""
    from components.images.datasets import find_dataset

    try:
        if data:
            return find_dataset(data, sample_dir=output / "samples", sample_size=12_000, seed=0, progress=False)
        for record in list_records(output):
            if record.origin.data_dir and list_versions(output / record.data / "serving"):
                return load_dataset(Path(record.origin.data_dir), name=record.data)
    except DataError as error:
        raise PredictError(f"the evaluation images cannot be read: {error}") from error
    raise PredictError(f"no model is pushed in {output}: run the pipeline first.")


def _find_model(output: Path, name: str | None, version: int | None) -> Path:
    names = [name] if name else [record.data for record in list_records(output)]
    found = next((directory for each in names if list_versions(directory := output / each / "serving")), None)
    if not found:
        raise PredictError(f"no model is pushed in {output / name if name else output}: run the pipeline first.")
    versions = find_versions(found)
    if version is not None and version not in versions:
        raise PredictError(f"--version {version}: not in {found}; expected one of {', '.join(map(str, versions))}.")
    return versions[max(versions) if version is None else version]


def _ask_files(files: Sequence[Path], shape: tuple[int, int], ground: int, *, invert: bool) -> Iterator[Question]:
    for path in files:
        picture = read_image_file(path, shape)
        images, opposites = (picture.flatten(ground, invert=choice) for choice in (invert, not invert))
        for index, (image, opposite) in enumerate(zip(images, opposites, strict=True)):
            yield Question(f"{path}[{index}]" if len(images) > 1 else str(path), image, opposite)


def _ask_evaluation(
    dataset: Dataset, indices: Sequence[int], shape: tuple[int, int], *, invert: bool
) -> Iterator[Question]:
    if dataset.image_shape != shape:
        raise PredictError(
            f"{dataset.directory}: its images are of another size than those of the model; name its data with --data."
        )
    for index in indices:
        if not 0 <= index < dataset.counts[EVAL_SPLIT]:
            raise PredictError(f"evaluation image {index}: expected 0 to {dataset.counts[EVAL_SPLIT] - 1:,}.")
    pixels, labels = read_split(dataset, EVAL_SPLIT)
    picture = Picture(pixels)
    images, opposites = (picture.flatten(0, invert=choice) for choice in (invert, not invert))
    for index in indices:
        yield Question(f"eval {index}", images[index], opposites[index], int(labels[index]))


def _find_warning(question: Question, learnt: Counts, *, inverted: bool) -> str | None:
    """Say what is odd about an image, and what would help; None where it looks like the training images."""
    oddities = [oddity.text for oddity in list_oddities(question.pixels, learnt)]
    if not oddities:
        return None
    text = f"unlike the training images: {' and '.join(oddities)}"
    if any(list_oddities(question.opposite, learnt)):
        return f"{text}; the answer means little"
    return f"{text}; try {'it without ' if inverted else ''}--invert"


def _answer(model_dir: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    # The answer is all that a person wants to see, and nothing of what TensorFlow tells of itself.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prepare_environment()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf

    model = tf.saved_model.load(str(model_dir))
    return model.signatures["serving_images"](images=tf.constant(images))["probabilities"].numpy()


def _describe(question: Question, probabilities: Sequence[float], names: Sequence[str]) -> dict[str, Any]:
    predicted = int(np.argmax(probabilities))
    known = question.label is not None
    return {
        "image": question.name,
        "predicted": names[predicted],
        "confidence": probabilities[predicted],
        "probabilities": dict(zip(names, probabilities, strict=True)),
        "label": names[question.label] if question.label is not None else None,
        "right": question.label == predicted if known else None,
    }


def _print_answers(answers: Sequence[dict[str, Any]], model_dir: Path, *, compared: bool) -> None:
    # As wide as the rows are: what is cut can't be read.
    console = Terminal(width=STATUS_WIDTH)
    table = make_table("Image", "Answer", "Confidence", "Is", "", "")
    table.columns[0] = Column("Image", overflow="fold")  # a path is to be copied
    words = {True: ("right", "blue"), False: ("wrong", "red"), None: ("", "")}
    for each in answers:
        word, style = words[each["right"]]
        confidence = write_percent(each["confidence"], 1)
        answer, label = Text(each["predicted"], style), Text(each["label"] or "")
        mark = Text("!" if each["warning"] else "", "yellow")
        table.add_row(Text(each["image"]), answer, confidence, label, Text(word, style), mark)
    console.print(table, soft_wrap=True)
    if len(answers) == 1:
        shares = sorted(answers[0]["probabilities"].items(), key=lambda item: -item[1])
        for name, share in shares:
            line = f"  {shorten_name(name, 24):<24}{write_percent(share, 1):>7}  {'█' * round(30 * share)}"
            console.print(Text(line))
    known = [each["right"] for each in answers if each["right"] is not None]
    if len(known) > 1:
        console.print(f"{sum(known):,} of {len(known):,} are right.")
    _print_warnings(console, answers, compared=compared)
    console.print(Text(f"Model: {model_dir}", "dim"), soft_wrap=True)
    if note := answers[0]["note"]:
        console.print(Text(f"{note[0].upper()}{note[1:]}.", "yellow"), soft_wrap=True)


def _print_warnings(console: Terminal, answers: Sequence[dict[str, Any]], *, compared: bool) -> None:
    odd = [each for each in answers if each["warning"]]
    for each in odd[:_MOST_WARNINGS]:
        console.print(Text(f"! {each['image']}: {each['warning']}.", "yellow"), soft_wrap=True)
    if len(odd) > _MOST_WARNINGS:
        console.print(Text(f"! and {len(odd) - _MOST_WARNINGS:,} more; --json tells of each.", "yellow"))
    if not compared:
        console.print(Text("The model is older than the check of how images look: only blank ones are told.", "dim"))
