"""The report of a run as a record, gathered from the artifacts alone. Imports neither TensorFlow nor TFX."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeVar

from components.features import NOTE_PROPERTY
from components.gate.answers import ANSWERS_FILE, Answers, read_answers
from components.gate.checks import DATA_CHECKS_FILE, GATE_FILE, OVERALL, Check, read_checks
from components.gate.churn import USUAL_OTHER_IMAGES, USUAL_SAME_IMAGES, Churn, add_churn, measure_churn
from components.gate.class_metrics import measure_accuracy, measure_calibration_error, measure_classes
from components.gate.drift import Drift, measure_drift
from components.images.summary import DataSummary, read_summary
from components.report.lineage import Artifact, Origin, Promotion
from components.report.number_format import without_nan, write_percent
from components.report.push import read_push
from components.serving.manifest import DATA_SUMMARY, Manifest, read_model_manifest

TRAINING_FILE = "training.json"
# Where TFX keeps the model in a Model artifact.
MODEL_DIR = "Format-Serving"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is told of a run; empty where the run did not come to it."""

    run_id: str
    started_at: str
    origin: Origin
    artifacts: Mapping[str, Artifact]
    data_checks: list[Check]
    gate_checks: list[Check]
    data: DataSummary | None
    training: dict[str, Any] | None
    answers: Answers | None
    baseline_version: int | None
    baseline_manifest: Manifest | None
    baseline_data: DataSummary | None
    pushed_version: int | None
    newly_pushed: bool
    same_answers: int
    rollback: str = ""
    promotion: Promotion | None = None
    error: str = ""

    @property
    def checks(self) -> list[Check]:
        """All checks, those of the data first."""
        return [*self.data_checks, *self.gate_checks]

    @property
    def note(self) -> str:
        """What a person has to know of the data; "" for nothing in particular."""
        return str(self.artifacts["examples"].properties.get(NOTE_PROPERTY, "")) if "examples" in self.artifacts else ""

    @property
    def failures(self) -> list[Check]:
        """The checks that failed, in their order."""
        return [check for check in self.checks if not check.passed]

    @property
    def verdict(self) -> Literal["pushed", "not_blessed", "data_rejected", "error"]:
        """What became of the run."""
        if any(not check.passed for check in self.data_checks):
            return "data_rejected"
        if self.error or not self.gate_checks:
            return "error"
        return "not_blessed" if self.failures else "pushed"

    @property
    def deciding_check(self) -> Check | None:
        """The first check of the data that failed, else the check of the model that is nearest to its bound or past it.

        The bounds of a model are all on shares, so that their margins can be compared; those of the data are not.
        """
        if self.verdict == "data_rejected":
            return self.failures[0]
        measured = [check for check in self.gate_checks if check.margin is not None and math.isfinite(check.margin)]
        return min([*self.failures, *measured], key=lambda check: (check.passed, check.margin or 0), default=None)

    @property
    def accuracy(self) -> float | None:
        """Accuracy of the candidate on the evaluation images."""
        check = self._accuracy_check
        return check.value if check else None

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """Where the true accuracy lies with 95 % confidence, as the gate estimates it."""
        check = self._accuracy_check
        return check.interval if check else None

    @property
    def baseline_accuracy(self) -> float | None:
        """Accuracy of the baseline on the same images."""
        return measure_accuracy(self.answers.baseline) if self.answers and self.answers.baseline else None

    @property
    def churn(self) -> Churn | None:
        """How many answers are others than the baseline's; None without a baseline."""
        return add_churn(measure_churn(self.answers)) if self.answers else None

    @property
    def _accuracy_check(self) -> Check | None:
        return next((check for check in self.gate_checks if (check.name, check.slice) == ("accuracy", OVERALL)), None)

    @property
    def drift(self) -> dict[str, Drift]:
        """Drift by split; empty where the data of the baseline is not known, or has other classes."""
        now, then = self.data, self.baseline_data
        return measure_drift(now, then) if now and then and now.class_names == then.class_names else {}


def gather_report(artifacts: Mapping[str, Artifact], **facts: Any) -> Report:
    """Read what the artifacts of a run hold.

    Args:
        artifacts: By the name that the pipeline gives them, such as `evaluation`; any may be missing.
        facts: The fields of the report that no artifact tells: `run_id`, `started_at`, `origin`, `promotion`, `error`.
    """
    baseline = artifacts.get("baseline")
    baseline_version = read_baseline_version(baseline) if baseline else None
    model_dir = Path(baseline.uri, MODEL_DIR) if baseline and baseline_version is not None else None
    pushed = read_push(artifacts["pushed_model"].properties if "pushed_model" in artifacts else {})
    data_checks = _read(artifacts, "validation", DATA_CHECKS_FILE, read_checks) or []
    gate_checks = _read(artifacts, "evaluation", GATE_FILE, read_checks) or []
    return Report(
        artifacts=dict(sorted(artifacts.items(), key=lambda item: item[1].id)),
        data_checks=data_checks,
        # The gate's list begins with the checks of the data.
        gate_checks=[*(check for check in gate_checks if check not in data_checks), *pushed.checks],
        data=read_summary(artifacts["validation"].uri) if "validation" in artifacts else None,
        training=_read(artifacts, "model_run", TRAINING_FILE, lambda path: json.loads(path.read_text())),
        answers=_read(artifacts, "evaluation", ANSWERS_FILE, read_answers),
        baseline_version=baseline_version,
        baseline_manifest=read_model_manifest(model_dir) if model_dir else None,
        baseline_data=read_summary(model_dir / DATA_SUMMARY) if model_dir else None,
        pushed_version=pushed.version,
        newly_pushed=pushed.newly,
        same_answers=pushed.same_answers,
        rollback=pushed.rollback,
        **facts,
    )


def read_baseline_version(baseline: Artifact) -> int | None:
    """Return the version that a Baseline artifact is a copy of, None for none; older ones say 0 for that."""
    version = baseline.properties.get("version")
    return version if version or (baseline.uri / MODEL_DIR).is_dir() else None


def _read(
    artifacts: Mapping[str, Artifact], name: str, file_name: str, reader: Callable[[Path], _Value]
) -> _Value | None:
    path = artifacts[name].uri / file_name if name in artifacts else None
    return reader(path) if path and path.is_file() else None


def describe_verdict(report: Report) -> str:
    """Say in one sentence what became of the model."""
    if report.verdict == "data_rejected":
        return "The data was rejected; nothing was trained."
    if report.verdict == "error":
        return "The run did not come to its end; nothing was decided."
    if report.promotion:
        gate = "did not pass" if report.failures else "passed every check"
        return f"The model {gate}; a person pushed it as version {report.promotion.version}."
    if report.verdict == "not_blessed":
        return "The model did not pass, and was not pushed."
    if report.pushed_version is None:
        return "The model passed every check."
    if report.newly_pushed:
        return f"The model passed every check, and was pushed as version {report.pushed_version}."
    if report.same_answers:
        return (
            "The model passed every check, and was not pushed: "
            f"version {report.pushed_version} gives the same answers on {report.same_answers:,} evaluation images."
        )
    return f"The model passed every check; it is what was pushed already as version {report.pushed_version}."


def describe_churn(churn: Churn) -> str:
    """Say how many answers changed, and how many do where nothing is wrong."""
    balance = f"{churn.lost:,} images were right and are wrong now, {churn.won:,} were wrong and are right now"
    if churn.changed is None:
        return f"{balance}."
    usual, other = (write_percent(share, 1) for share in (USUAL_SAME_IMAGES, USUAL_OTHER_IMAGES))
    return (
        f"{churn.changed:,} of {churn.images:,} answers changed, {write_percent(churn.share)}: {balance}. "
        f"On Fashion-MNIST, {usual} change where nothing but the seed is another, and {other} on another random "
        f"{write_percent(0.9, 0)} of the images."
    )


def group_checks(checks: Sequence[Check]) -> list[tuple[str, list[Check]]]:
    """Put checks that follow one another and have one name together."""
    return [(name, list(group)) for name, group in groupby(checks, key=lambda check: check.name)]


def list_key_metrics(report: Report) -> dict[str, float]:
    """Return the few numbers that a dashboard would plot from run to run; only what is known and finite."""
    answers, training, churn = report.answers, report.training or {}, report.churn
    last = (training.get("history") or [{}])[-1]
    metrics = {
        "accuracy": report.accuracy,
        "baseline_accuracy": report.baseline_accuracy,
        "churn": churn.share if churn else None,
        "right_then_wrong_now": churn.lost if churn else None,
        "wrong_then_right_now": churn.won if churn else None,
        "calibration_error": measure_calibration_error(answers.candidate) if answers else None,
        "failed_checks": len(report.failures),
        "pushed_version": report.pushed_version,
        "train_loss": last.get("loss"),
        "train_accuracy": last.get("accuracy"),
        "train_seconds": training.get("seconds"),
    }
    if answers:
        classes = measure_classes(answers.candidate, answers.class_names)
        metrics |= {f"recall of {one.name}": one.recall for one in classes}
    return {name: float(value) for name, value in metrics.items() if value is not None and math.isfinite(value)}


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as what JSON can hold: all that is told in words and numbers, without the images."""
    answers, data = report.answers, report.data
    deciding = report.deciding_check
    values = {
        "run_id": report.run_id,
        "started_at": report.started_at,
        "verdict": report.verdict,
        "summary": describe_verdict(report),
        "error": report.error,
        "deciding_check": asdict(deciding) if deciding else None,
        "accuracy": report.accuracy,
        "accuracy_interval": report.accuracy_interval,
        "baseline_accuracy": report.baseline_accuracy,
        "baseline_version": report.baseline_version,
        "pushed_version": report.pushed_version,
        "newly_pushed": report.newly_pushed,
        "same_answers": report.same_answers,
        "rollback": report.rollback,
        "promotion": asdict(report.promotion) if report.promotion else None,
        "checks": [asdict(check) for check in report.checks],
        "classes": [asdict(one) for one in measure_classes(answers.candidate, answers.class_names)] if answers else [],
        "confusion": answers.candidate.confusion if answers else None,
        "pairs": answers.pairs if answers else None,
        "churn": _list_churn(answers) if answers else {},
        "note": report.note,
        "data": {split: list_counts(data, split) for split in data.statistics} if data else {},
        "drift": {split: asdict(drift) for split, drift in report.drift.items()},
        "training": report.training,
        "origin": asdict(report.origin),
        "artifacts": {
            name: {"id": each.id, "type": each.type, "uri": str(each.uri)} for name, each in report.artifacts.items()
        },
    }
    return without_nan(values)


def _list_churn(answers: Answers) -> dict[str, dict[str, float | None]]:
    classes = measure_churn(answers)
    named = zip((OVERALL, *answers.class_names), (add_churn(classes), *classes), strict=False)
    return {name: {"share": churn.share, **churn._asdict()} for name, churn in named if churn}


def list_counts(data: DataSummary, split: str) -> dict[str, int]:
    """Return how many images of each class a split has."""
    return dict(zip(data.class_names, data.statistics[split].class_counts.tolist(), strict=True))
