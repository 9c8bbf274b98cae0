"""What is said of a run at its end, beside the verdict."""

from __future__ import annotations

import shlex
from pathlib import Path

from components.gate.data_checks import list_deciding_bounds
from components.images.idx_folder import Dataset
from pipeline.commands.console import START_UP, describe_accuracy
from pipeline.commands.history import HISTORY_FILE
from pipeline.config import PipelineConfig
from pipeline.runs import RunRecord, read_outcome


def list_facts(record: RunRecord, config: PipelineConfig, dataset: Dataset, log_file: Path) -> list[tuple[str, str]]:
    """List what the summary tells beside the verdict, each with its name."""
    facts = [("data", describe_data(dataset))]
    if dataset.note:
        facts.append(("note", dataset.note))
    if record.accuracy is not None:
        facts.append(("accuracy", describe_accuracy(record, dataset.counts["eval"])))
    if record.serving_path:
        facts.append(("pushed", f"version {record.pushed_version}, {record.serving_path}"))
    slowest = sorted(record.stages.items(), key=lambda stage: -stage[1]["seconds"])
    cached = sum(stage["cached"] for stage in record.stages.values())
    parts = [f"{START_UP} {record.startup_seconds or 0:.1f}"]
    parts += [f"{name} {stage['seconds']:.1f}" for name, stage in slowest if not stage["cached"]]
    if cached:
        parts.append(f"{cached} of {len(record.stages)} stages from the cache")
    facts.append(("seconds", f"{record.seconds:.1f}: {', '.join(parts)}"))
    if record.report_path:
        facts.append(("report", record.report_path))
    if (history := config.output_dir.parent / HISTORY_FILE).is_file():
        facts.append(("history", str(history)))
    facts.append(("log", str(log_file)))
    facts.append(("next", suggest_next(record, config)))
    return facts


def suggest_next(record: RunRecord, config: PipelineConfig) -> str:
    """Say what a person would do now."""
    if record.verdict == "pushed":
        volume = shlex.quote(f"{config.serving_dir}:/models/model")
        return f"docker run -p 8501:8501 -v {volume} tensorflow/serving"
    if record.verdict == "not_blessed":
        return "train otherwise, or allow what failed; python run_pipeline.py options lists what can be set"
    if record.verdict == "data_rejected":
        return f"mend the files in {config.data_dir}, and run again{_name_deciding_bounds(record, config)}"
    return "run it again" if record.verdict == "interrupted" else "read the log"


def _name_deciding_bounds(record: RunRecord, config: PipelineConfig) -> str:
    """Name the options that decided against the data, and their values; nothing where no option would let it pass."""
    names = list_deciding_bounds(read_outcome(config.metadata_path, record.run_id).checks)
    options = (f"--{name.replace('_', '-')} (now {getattr(config, name):g})" for name in names)
    return f"; or, where it is meant to be so, with a higher {' and '.join(options)}" if names else ""


def describe_data(dataset: Dataset) -> str:
    """Say in one line what the run works on."""
    height, width = dataset.image_shape
    return f"{dataset.source}: {dataset.counts['train']:,} + {dataset.counts['eval']:,} images of {height} x {width}"
