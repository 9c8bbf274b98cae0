"""Artifacts as a run leaves them, made in a moment and the same each time, for tests that read them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from components.features import CLASS_NAMES
from components.gate.answers import Answer, AnsweredImage, Answers, ModelAnswers, write_answers
from components.gate.checks import Check, check_at_least, check_at_most, write_checks
from components.images.statistics import summarize_images, write_statistics
from components.images.summary import statistics_file, write_description
from components.report.lineage import Artifact, Origin
from components.report.record import Report, gather_report
from components.serving.manifest import Manifest, write_manifest

ORIGIN = Origin(
    data="sample",
    data_dir="/data/sample",
    command="python run_pipeline.py run --data sample --epochs 3",
    recipe="c0ffee" * 10,
    sources="5eed" * 16,
    git_commit="0123456789abcdef",
    packages={"python": "3.10.13", "tfx": "1.16.0"},
)
EVAL_IMAGES = 400


def make_report(directory: Path, *, error: str = "", **variations: Any) -> Report:
    """Make the artifacts of a run, and gather the report of it; `variations` as for `make_artifacts`."""
    artifacts = make_artifacts(directory, **variations)
    started_at = "2025-01-02T03:04:05+00:00"
    return gather_report(artifacts, run_id="20250102-030405-abcd", started_at=started_at, origin=ORIGIN, error=error)


def make_artifacts(
    directory: Path,
    *,
    class_names: Sequence[str] = CLASS_NAMES,
    shape: tuple[int, int] = (28, 28),
    baseline: bool = True,
    blessed: bool = True,
    rejected: bool = False,
    never_predicted: int | None = None,
    answers: bool = True,
    churn: bool = True,
    averaging: bool = True,
    reason: str = "",
) -> dict[str, Artifact]:
    """Write the artifacts of one run.

    Args:
        directory: where.
        class_names: in the order of the labels.
        shape: height and width of the images.
        baseline: whether there is one; it was trained on other images.
        blessed: whether the last check of the model passed.
        rejected: whether a check of the data failed; then there is nothing after it.
        never_predicted: a label that the candidate never answers with.
        answers: whether the Evaluator left its answers, which older ones did not.
        averaging: whether averaged weights were exported.
        churn: whether it counted the answers that changed, likewise.
        reason: why a person pushed the baseline.
    """
    rng = np.random.default_rng(1)
    artifacts = {
        name: Artifact(id=number, type=kind, uri=directory / name)
        for number, (name, kind) in enumerate(
            [
                ("validation", "DataValidation"),
                ("model_run", "ModelRun"),
                ("baseline", "Model"),
                ("evaluation", "ModelEvaluation"),
                ("pushed_model", "PushedModel"),
            ],
            start=1,
        )
    }
    for artifact in artifacts.values():
        artifact.uri.mkdir(parents=True)
    data_checks = _write_data(artifacts["validation"].uri, class_names, shape, rng, rejected=rejected)
    if rejected:
        return {"validation": artifacts["validation"]}
    _write_training(artifacts["model_run"].uri, averaging=averaging)
    if baseline:
        artifacts["baseline"].properties["version"] = 1
        model_dir = artifacts["baseline"].uri / "Format-Serving"
        _write_data(model_dir / "assets.extra" / "data", class_names, shape, rng, rejected=False)
        manifest = Manifest(
            digest="d",
            recipe="r",
            run_id="20250101-000000-0000",
            baseline_version=None,
            pushed_at="2025-01-01",
            reason=reason,
        )
        write_manifest(model_dir, manifest)
    labels, predictions = _predict(len(class_names), rng, never_predicted)
    if answers:
        made = _make_answers(
            class_names, shape, labels, predictions, rng, baseline=baseline, counted=baseline and churn
        )
        write_answers(artifacts["evaluation"].uri / "answers.json", made)
    accuracy = float(np.mean(predictions[0] == labels))
    checks = [*data_checks, *_make_checks(class_names, accuracy, blessed=blessed)]
    write_checks(artifacts["evaluation"].uri / "gate.json", checks)
    pushed = {"pushed_version": 2} if blessed else {}
    artifacts["pushed_model"].properties.update({**pushed, "newly_pushed": int(blessed), "same_answers": 0})
    return artifacts


def _write_data(
    directory: Path, class_names: Sequence[str], shape: tuple[int, int], rng: np.random.Generator, *, rejected: bool
) -> list[Check]:
    directory.mkdir(parents=True, exist_ok=True)
    size = shape[0] * shape[1]
    for split, each in (("train", 4), ("eval", 2)):
        labels = np.repeat(np.arange(len(class_names)), each)
        images = [row.tobytes() for row in rng.integers(0, 256, (len(labels), size), dtype=np.uint8)]
        statistics = summarize_images(images, labels, shape, len(class_names))
        write_statistics(statistics_file(directory, split), statistics)
    write_description(directory, shape, class_names)
    checks = [
        Check(name="schema", slice="train", passed=True, reason="train split: every example fits the schema"),
        check_at_most("image size", "train", 0, 0, images=40),
        Check(
            name="class balance",
            slice=class_names[0],
            passed=not rejected,
            reason=f"train split, label 0 ({class_names[0]}): expected 2 to 20 images, found 4",
            value=4,
            bound=2,
            margin=2 - 4 * rejected,
            images=4,
        ),
    ]
    write_checks(directory / "checks.json", checks)
    return checks


def _write_training(directory: Path, *, averaging: bool) -> None:
    history = [
        {"epoch": n, "loss": 1 / n, "accuracy": 0.8, "eval_loss": 1.1 / n, "eval_accuracy": 0.75} for n in (1, 2, 3)
    ]
    record = {
        "device": "CPU",
        "seconds": 1.5,
        "options": {"epochs": 3, "seed": 42, "averaging": averaging},
        "history": history,
    }
    (directory / "training.json").write_text(json.dumps(record))


def _predict(classes: int, rng: np.random.Generator, never: int | None) -> tuple[np.ndarray, list[np.ndarray]]:
    labels = np.arange(EVAL_IMAGES) % classes
    predictions = [np.where(rng.random(EVAL_IMAGES) < 0.8, labels, rng.permutation(labels)) for _ in range(2)]
    if never is not None:
        predictions[0][predictions[0] == never] = (never + 1) % classes
    return labels, predictions


def _make_answers(
    class_names: Sequence[str],
    shape: tuple[int, int],
    labels: np.ndarray,
    predictions: list[np.ndarray],
    rng: np.random.Generator,
    *,
    baseline: bool,
    counted: bool,
) -> Answers:
    candidate, earlier = predictions
    right = [answers == labels for answers in predictions]
    confidences = rng.uniform(0.3, 1, (2, EVAL_IMAGES))

    def count(model: int) -> ModelAnswers:
        confusion = np.zeros((len(class_names),) * 2, int)
        np.add.at(confusion, (labels, predictions[model]), 1)
        bins = np.zeros((15, 3))
        rows = np.stack([np.ones(EVAL_IMAGES), confidences[model], right[model]], axis=1)
        np.add.at(bins, (confidences[model] * 15).astype(int), rows)
        return ModelAnswers(confusion=confusion.tolist(), bins=bins.tolist())

    def show(chosen: np.ndarray) -> list[AnsweredImage]:
        return [
            AnsweredImage(
                pixels=base64.b64encode(rng.integers(0, 256, shape, dtype=np.uint8).tobytes()).decode(),
                label=int(labels[index]),
                candidate=Answer(predicted=int(candidate[index]), confidence=float(confidences[0, index])),
                baseline=Answer(predicted=int(earlier[index]), confidence=float(confidences[1, index]))
                if baseline
                else None,
            )
            for index in np.flatnonzero(chosen)[:24]
        ]

    outcomes = (right[0] & right[1], right[0] & ~right[1], ~right[0] & right[1], ~right[0] & ~right[1])
    pairs = [[int((outcome & (labels == label)).sum()) for outcome in outcomes] for label in range(len(class_names))]
    return Answers(
        image_shape=shape,
        class_names=tuple(class_names),
        candidate=count(0),
        baseline=count(1) if baseline else None,
        pairs=pairs if baseline else [],
        changed=np.bincount(labels[candidate != earlier], minlength=len(class_names)).tolist() if counted else [],
        lost=show(outcomes[2]) if baseline else [],
        won=show(outcomes[1]) if baseline else [],
        mistakes=show(~right[0]),
    )


def _make_checks(class_names: Sequence[str], accuracy: float, *, blessed: bool) -> list[Check]:
    overall = check_at_least("accuracy", "overall", accuracy, 0.5, images=EVAL_IMAGES)
    return [
        replace(overall, interval=(accuracy - 0.04, accuracy + 0.04)),
        *(check_at_least("class accuracy", name, 0.8, 0.6, images=40) for name in class_names),
        check_at_most("calibration error", "overall", 0.04 if blessed else 0.08, 0.05, images=EVAL_IMAGES),
    ]
