"""The command `predict`: what the pushed model answers, for images of any origin."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.data_summary import read_summary
from components.features import EVAL_SPLIT
from components.idx import IdxError, read_images, read_labels
from components.idx_folder import DataError, Dataset, load_dataset
from components.image_files import ImageFileError, read_image_file
from components.number_format import write_percent
from components.serving import DATA_SUMMARY, list_versions
from pipeline.console import STATUS_WIDTH
from pipeline.environment import prepare_environment
from pipeline.runs import list_records

_SIGNATURE = "serving_images"


class PredictError(ValueError):
    """There is no model or no such image; one sentence says what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An image, uint8 [height, width], its name, and its label where that is known."""

    name: str
    pixels: NDArray[np.uint8]
    label: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answer to one image: the probability of each class, and whether the most probable one is right."""

    image: str
    predicted: str
    confidence: float
    probabilities: dict[str, float]
    label: str | None
    right: bool | None


def predict_images(
    output: Path,
    *,
    files: Sequence[Path],
    eval_indices: Sequence[int],
    eval_range: str | None,
    data: str | None,
    version: int | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Ask a pushed model, and print what it answers.

    Raises:
        PredictError: No model is pushed, nothing is asked, or an image cannot be used.
    """
    indices = [*eval_indices, *_read_range(eval_range)]
    if not files and not indices:
        raise PredictError("no image: expected files, --eval N or --eval-range A:B.")
    if plot and plot.suffix.lower() != ".png":
        raise PredictError(f"--plot {plot}: expected a name that ends in .png.")
    dataset = _find_dataset(output, data) if data or indices else None
    model_dir = _find_model(output, dataset.name if dataset else None, version)
    # What the model was trained on is kept with it, so that a wrong file is told of before TensorFlow is there.
    summary = read_summary(model_dir / DATA_SUMMARY)
    if not summary:
        raise PredictError(f"{model_dir}: says nothing of its data; push a model with this pipeline.")
    questions = list(_ask_files(files, summary.image_shape))
    if dataset:
        questions += _ask_evaluation(dataset, indices, summary.image_shape)
    probabilities = _answer(model_dir, np.stack([question.pixels for question in questions]))
    predictions = [
        _describe(question, row.tolist(), summary.class_names)
        for question, row in zip(questions, probabilities, strict=True)
    ]
    if plot:
        from components.prediction_plot import plot_predictions

        plot_predictions(plot, questions, probabilities, summary.class_names)
    if as_json:
        print(json.dumps([asdict(prediction) for prediction in predictions]))
    else:
        _print_predictions(predictions, model_dir)


def _read_range(text: str | None) -> range:
    if text is None:
        return range(0)
    start, colon, stop = text.partition(":")
    if not colon or not start.isdecimal() or not stop.isdecimal() or int(start) >= int(stop):
        raise PredictError(f"--eval-range {text}: expected two numbers such as 0:15, the second above the first.")
    return range(int(start), int(stop))


def _find_dataset(output: Path, data: str | None) -> Dataset:
    """Find the data that is asked for, or that of the latest run that pushed or met a model."""
    from components.datasets import find_dataset

    try:
        if data:
            return find_dataset(data, sample_dir=output / "samples", sample_size=12_000, seed=0, progress=False)
        for record in list_records(output):
            if record.origin.get("data_dir") and list_versions(output / record.data / "serving"):
                return load_dataset(Path(record.origin["data_dir"]), name=record.data)
    except DataError as error:
        raise PredictError(f"the evaluation images cannot be read: {error}") from error
    raise PredictError(f"no model is pushed in {output}: run the pipeline first.")


def _find_model(output: Path, name: str | None, version: int | None) -> Path:
    names = [name] if name else [record.data for record in list_records(output)]
    found = next((directory for each in names if list_versions(directory := output / each / "serving")), None)
    if not found:
        raise PredictError(f"no model is pushed in {output / name if name else output}: run the pipeline first.")
    versions = list_versions(found)
    if version is not None and version not in versions:
        known = ", ".join(map(str, versions))
        raise PredictError(f"--version {version}: not in {found}, which has {known}.")
    return found / str(version or versions[-1])


def _ask_files(files: Sequence[Path], shape: tuple[int, int]) -> Iterator[Question]:
    for path in files:
        try:
            images = read_image_file(path, shape)
        except ImageFileError as error:
            raise PredictError(str(error)) from error
        for index, image in enumerate(images):
            yield Question(name=f"{path}[{index}]" if len(images) > 1 else str(path), pixels=image)


def _ask_evaluation(dataset: Dataset, indices: Sequence[int], shape: tuple[int, int]) -> Iterator[Question]:
    image_file, label_file = dataset.files[EVAL_SPLIT]
    count = dataset.counts[EVAL_SPLIT]
    outside = [index for index in indices if not 0 <= index < count]
    if outside:
        raise PredictError(f"evaluation image {outside[0]}: expected 0 to {count - 1:,}.")
    if dataset.image_shape != shape:
        raise PredictError(f"{dataset.directory}: images of another size than the model was trained with.")
    try:
        images, labels = read_images(image_file), read_labels(label_file)
    except IdxError as error:
        raise PredictError(str(error)) from error
    for index in indices:
        yield Question(name=f"eval {index}", pixels=images[index], label=int(labels[index]))


def _answer(model_dir: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    # The answer is all that a person wants to see, and nothing of what TensorFlow tells of itself.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prepare_environment()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf

    model = tf.saved_model.load(str(model_dir))
    return model.signatures[_SIGNATURE](images=tf.constant(images))["probabilities"].numpy()


def _describe(question: Question, probabilities: list[float], names: Sequence[str]) -> Prediction:
    predicted = int(np.argmax(probabilities))
    label = None if question.label is None else names[question.label]
    return Prediction(
        image=question.name,
        predicted=names[predicted],
        confidence=probabilities[predicted],
        probabilities=dict(zip(names, probabilities, strict=True)),
        label=label,
        right=None if label is None else question.label == predicted,
    )


def _print_predictions(predictions: Sequence[Prediction], model_dir: Path) -> None:
    # As wide as the rows are: what is cut can't be read.
    console = Console(highlight=False, width=STATUS_WIDTH)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("Image", "Answer", "Confidence", "Is", ""):
        table.add_column(name, justify="right" if name == "Confidence" else "left", no_wrap=True)
    for each in predictions:
        style = "" if each.right is None else "blue" if each.right else "red"
        result = "" if each.right is None else "right" if each.right else "wrong"
        table.add_row(
            Text(each.image),
            Text(each.predicted, style),
            write_percent(each.confidence, 1),
            Text(each.label or ""),
            Text(result, style),
        )
    console.print(table, soft_wrap=True)
    if len(predictions) == 1:
        console.print(_list_probabilities(predictions[0]))
    known = [each.right for each in predictions if each.right is not None]
    if len(known) > 1:
        console.print(f"{sum(known):,} of {len(known):,} are right.")
    console.print(f"Model: {model_dir}", style="dim", markup=False, soft_wrap=True)


def _list_probabilities(prediction: Prediction) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, share in sorted(prediction.probabilities.items(), key=lambda item: -item[1]):
        table.add_row(Text(name), write_percent(share, 1), Text("█" * round(30 * share), "blue"))
    return table
