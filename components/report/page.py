"""The report as one HTML page: nothing on it is fetched, and there is no script."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.features import EVAL_SPLIT, TRAIN_SPLIT
from components.gate.answers import Answer, AnsweredImage, Answers, ModelAnswers
from components.gate.churn import measure_churn
from components.gate.class_metrics import ClassMetrics, measure_accuracy, measure_calibration_error, measure_classes
from components.images.summary import DataSummary
from components.report.drawings import Axis, Chart, Series, fit_axis
from components.report.pictures import encode_png
from components.report.record import Report, describe_churn, describe_verdict, group_checks, list_counts
from components.report.templates import load_template

_TEMPLATE = "page.html.jinja"
# A matrix of more classes is one that nobody reads; then it is that of the classes with the most mistakes.
MAX_MATRIX_CLASSES = 25
# The share of a class's images at which a mistake has the full colour.
_WORST_SHARE = 0.25
_GREY_BIN = 8
Numbers: TypeAlias = NDArray[Any]
_ONE = Axis(low=0, high=1, ticks=[0, 0.25, 0.5, 0.75, 1], write="{:.0%}".format)


def render_page(report: Report) -> str:
    """Render the page. All that comes from data is escaped."""
    answers = report.answers
    context: dict[str, Any] = {
        "report": report,
        "headline": describe_verdict(report),
        "gate_groups": group_checks(report.gate_checks),
        "data_groups": group_checks(report.data_checks),
    }
    if answers:
        context["churn"] = describe_churn(report.churn) if report.churn else ""
        context |= _view_classes(answers) | _view_changes(answers)
    if report.data:
        context |= _view_data(report.data, report.baseline_data)
    if report.training and report.training["history"]:
        context |= _view_training(report.training["history"])
    return load_template(_TEMPLATE).render(context)


def _view_classes(answers: Answers) -> dict[str, Any]:
    names, baseline = answers.class_names, answers.baseline
    metrics = measure_classes(answers.candidate, names)
    earlier = measure_classes(baseline, names) if baseline else [None] * len(names)
    scores = [one.f1 for one in (*metrics, *earlier) if one and one.f1 is not None]
    axis = fit_axis([*scores, 1.0], "{:.0%}".format)
    shown = _choose_classes(np.array(answers.candidate.confusion))
    return {
        "classes": list(zip(metrics, earlier, strict=True)),
        "f1_axis": axis,
        "worst_class": min(metrics, key=_rank),
        "best_class": max(metrics, key=_rank),
        "confused": _find_confusion(answers),
        "matrix_names": [names[label] for label in shown],
        "matrix": _view_matrix(answers.candidate, names, shown),
        "matrix_change": _view_difference(answers.candidate, baseline, names, shown) if baseline else None,
        "reliability": _chart_reliability(answers),
        "confidence": _chart_confidence(answers),
        "calibration_error": measure_calibration_error(answers.candidate),
        "baseline_calibration_error": measure_calibration_error(baseline) if baseline else None,
        "candidate_accuracy": measure_accuracy(answers.candidate),
    }


def _rank(metrics: ClassMetrics) -> float:
    return metrics.f1 or 0.0


def _choose_classes(confusion: NDArray[np.int64]) -> list[int]:
    mistakes = confusion.sum(axis=1) - confusion.diagonal()
    return sorted(np.argsort(-mistakes, kind="stable")[:MAX_MATRIX_CLASSES].tolist())


def _find_confusion(answers: Answers) -> tuple[str, str, int] | None:
    """Return the most frequent mistake: what it was, what it was taken for, how often."""
    wrong = np.array(answers.candidate.confusion)
    np.fill_diagonal(wrong, 0)
    label, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    count = int(wrong[label, predicted])
    return (answers.class_names[label], answers.class_names[predicted], count) if count else None


def _view_matrix(answers: ModelAnswers, names: Sequence[str], shown: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of cells: count, and share of the label's images."""
    confusion = np.array(answers.confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(names), dtype=bool)
    strength = np.where(right, shares, np.sqrt(np.minimum(shares / _WORST_SHARE, 1)))
    return _view_cells(confusion, shares, right, strength, names, shown)


def _view_difference(
    candidate: ModelAnswers, baseline: ModelAnswers, names: Sequence[str], shown: Sequence[int]
) -> list[dict[str, Any]]:
    """Rows of cells: images more or fewer than the baseline's; more right answers and fewer wrong ones are good."""
    change = np.array(candidate.confusion) - np.array(baseline.confusion)
    good = (change > 0) == np.eye(len(names), dtype=bool)
    strength = np.sqrt(np.abs(change) / max(np.abs(change).max(), 1))
    return _view_cells(change, strength, good, strength, names, shown)


def _view_cells(
    counts: Numbers, shares: Numbers, good: Numbers, strength: Numbers, names: Sequence[str], shown: Sequence[int]
) -> list[dict[str, Any]]:
    def view_cell(at: tuple[int, int]) -> dict[str, Any]:
        style = "right" if good[at] else "wrong"
        return {"count": int(counts[at]), "share": float(shares[at]), "style": style, "s": float(strength[at])}

    return [{"name": names[label], "cells": [view_cell((label, predicted)) for predicted in shown]} for label in shown]


def _chart_reliability(answers: Answers) -> Chart:
    def list_points(model: ModelAnswers) -> list[tuple[float, float]]:
        return [(confidence / images, right / images) for images, confidence, right in model.bins if images]

    series = [Series(style="perfect", points=[(0, 0), (1, 1)])]
    if answers.baseline:
        series.append(Series(style="reference", points=list_points(answers.baseline), dots=True))
    series.append(Series(style="candidate", points=list_points(answers.candidate), dots=True))
    label = f"Accuracy by confidence; expected calibration error {measure_calibration_error(answers.candidate):.4f}"
    return Chart(series=series, x=_ONE, y=_ONE, label=label)


def _chart_confidence(answers: Answers) -> Chart:
    def list_points(model: ModelAnswers) -> list[tuple[float, float]]:
        images = [count for count, *_ in model.bins]
        return [((n + 0.5) / len(images), count / max(sum(images), 1)) for n, count in enumerate(images)]

    models = [(answers.baseline, "reference"), (answers.candidate, "candidate")]
    series = [Series(style=style, points=list_points(model)) for model, style in models if model]
    y = fit_axis([up for line in series for _, up in line.points], "{:.0%}".format)
    return Chart(series=series, x=_ONE, y=y, label="Share of the images by confidence")


def _view_changes(answers: Answers) -> dict[str, Any]:
    classes = measure_churn(answers)
    return {
        "pairs": list(zip(answers.class_names, classes, strict=False)),
        "most_changes": max([1, *(churn.won for churn in classes), *(churn.lost for churn in classes)]),
        "galleries": [
            ("Lost", "right by the baseline, wrong by the candidate", _view_images(answers, answers.lost)),
            ("Won", "wrong by the baseline, right by the candidate", _view_images(answers, answers.won)),
            ("Most confident mistakes", "of the candidate", _view_images(answers, answers.mistakes)),
        ],
    }


def _view_images(answers: Answers, images: Sequence[AnsweredImage]) -> list[dict[str, Any]]:
    def view_answer(answer: Answer, label: int) -> dict[str, Any]:
        name = answers.class_names[answer.predicted]
        return {"name": name, "confidence": answer.confidence, "right": answer.predicted == label}

    return [
        {
            "source": encode_png(np.frombuffer(base64.b64decode(image.pixels), np.uint8).reshape(answers.image_shape)),
            "label": answers.class_names[image.label],
            "candidate": view_answer(image.candidate, image.label),
            "baseline": view_answer(image.baseline, image.label) if image.baseline else None,
        }
        for image in images
    ]


def _view_data(data: DataSummary, earlier: DataSummary | None) -> dict[str, Any]:
    counts = {split: list_counts(data, split) for split in data.statistics}
    largest = max([1, *counts[TRAIN_SPLIT].values(), *counts[EVAL_SPLIT].values()])
    means = dict(zip(data.class_names, _list_mean_images(data), strict=False))
    return {
        "data_rows": [
            {"name": name, "image": means.get(name), "counts": [counts[split][name] for split in counts]}
            for name in data.class_names
        ],
        "largest_count": largest,
        "pixels": _chart_pixels(data, earlier),
    }


def _list_mean_images(data: DataSummary) -> Iterator[str | None]:
    statistics = data.statistics[TRAIN_SPLIT]
    # Images of another size are in no sum, but in the counts of their class: then the means come out darker.
    for total, count in zip(statistics.class_sums, statistics.class_counts.tolist(), strict=True):
        mean = (total / max(count, 1)).clip(0, 255).astype(np.uint8)
        yield encode_png(mean.reshape(data.image_shape)) if count else None


def _chart_pixels(data: DataSummary, earlier: DataSummary | None) -> Chart:
    """Show the share of pixels by grey value, on a logarithmic scale: half of all are background."""

    def list_points(greys: NDArray[np.int64]) -> list[tuple[float, float]]:
        shares = greys.reshape(-1, _GREY_BIN).sum(axis=1) / max(int(greys.sum()), 1)
        middles = np.arange(len(shares)) * _GREY_BIN + _GREY_BIN / 2
        return [(float(middle), math.log10(share)) for middle, share in zip(middles, shares, strict=True) if share]

    shown = [(data, TRAIN_SPLIT, "candidate"), (data, EVAL_SPLIT, "second")]
    if earlier:
        shown.insert(0, (earlier, TRAIN_SPLIT, "reference"))
    series = [
        Series(style=style, points=list_points(summary.statistics[split].grey_values))
        for summary, split, style in shown
    ]
    lowest = min((up for line in series for _, up in line.points), default=-1.0)
    low = min(math.floor(lowest), -1)
    y = Axis(low=low, high=0, ticks=list(range(low, 1)), write=lambda power: f"{100 * 10**power:g} %")
    x = Axis(low=0, high=256, ticks=[0, 64, 128, 192, 255])
    return Chart(series=series, x=x, y=y, label="Share of pixels by grey value, from 0, background, to 255")


def _view_training(history: Sequence[dict[str, float]]) -> dict[str, Any]:
    def chart(kind: str, write: Any) -> Chart:
        lines = {
            style: [(epoch["epoch"], epoch[name]) for epoch in history]
            for style, name in (("candidate", kind), ("second", f"eval_{kind}"))
        }
        last = history[-1]
        label = f"{kind} by epoch; in the last, train {last[kind]:.4f} and eval {last[f'eval_{kind}']:.4f}"
        y = fit_axis([value for points in lines.values() for _, value in points], write)
        series = [Series(style=style, points=points) for style, points in lines.items()]
        return Chart(series=series, x=x, y=y, label=label)

    count = len(history)
    step = max(math.ceil(count / 10), 1)
    x = Axis(low=1, high=max(count, 2), ticks=list(range(1, count + 1, step)))
    return {"loss_chart": chart("loss", "{:.2f}".format), "accuracy_chart": chart("accuracy", "{:.0%}".format)}
