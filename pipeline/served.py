"""What is served when a run has ended, and how far the run's data is from that which it was trained with."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from components.gate.drift import Drift, measure_drift
from components.images.summary import read_summary
from components.report.record import MODEL_DIR, read_baseline_version
from components.serving.manifest import DATA_SUMMARY
from components.serving.versions import find_versions
from pipeline.config import PipelineConfig
from pipeline.runs import RunRecord, read_outputs


def fill_in_served(record: RunRecord, config: PipelineConfig) -> None:
    """Fill in what is served now, its accuracy on the images of the run, and the drift of the run's data.

    What is not known stays empty. The drift is from the data of what was served when the run began: with what the run
    itself pushed, it would always be none.
    """
    versions = find_versions(config.serving_dir)
    record.served_version = served = max(versions, default=None)
    outputs = read_outputs(config.metadata_path, record.artifacts_of)
    baseline = outputs.get("Baseline.baseline")
    accuracies = {read_baseline_version(baseline) if baseline else None: record.baseline_accuracy}
    if record.pushed_version is not None:
        accuracies[record.pushed_version] = record.accuracy
    record.served_accuracy = accuracies.get(served)
    if "DataValidator.validation" not in outputs or served is None:
        return
    earlier = baseline.uri / MODEL_DIR if record.newly_pushed and baseline else versions[served]
    fill_in_drift(record, _measure_drift(outputs["DataValidator.validation"].uri, earlier / DATA_SUMMARY))


def fill_in_drift(record: RunRecord, drift: Collection[Drift]) -> None:
    """Fill in the most that the data of any split has drifted; nothing where that is not known."""
    if drift:
        most = max(drift, key=lambda each: each.label_shift)
        record.label_shift, record.shifted_label = most.label_shift, most.label if most.label_shift else ""
        record.pixel_divergence = max(each.pixel_divergence for each in drift)


def _measure_drift(now: Path, then: Path) -> list[Drift]:
    """Return the drift of each split; [] where one of them is not known, or has other classes."""
    data, earlier = read_summary(now), read_summary(then)
    if not data or not earlier or data.class_names != earlier.class_names:
        return []
    return list(measure_drift(data, earlier).values())
