"""The stage at the beginning of a run on a cluster: has anything changed since the one whose model is pushed now?"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from components.images.idx_folder import load_dataset
from pipeline.config import PipelineConfig
from pipeline.kubeflow.changes import KNOWN, Known
from pipeline.kubeflow.data import fetch_data
from pipeline.kubeflow.message import Outputs, Task
from pipeline.kubeflow.places import keep_folder, make_folder
from pipeline.kubeflow.run_artifacts import read_stages
from pipeline.kubeflow.verdict_stages import gather_cluster_report
from pipeline.runs import list_records
from pipeline.unchanged import find_unchanged, fingerprint_run


def run_changes(task: Task) -> Outputs:
    """Say which run this one would repeat, if it would, and what this one depends on.

    Raises:
        DataError: The data cannot be used.
        UnavailableError: The bucket of the data, the object store or ML Metadata does not answer.
    """
    config = _read_data(task)
    fingerprint = fingerprint_run(config)
    records = list_records(config.output_dir.parent)
    last = find_unchanged(config, fingerprint, records, partial(_can_be_told_again, task))
    same_as = last.artifacts_of if last else ""
    print(f"Nothing changed since run {same_as}: no stage has anything to do." if last else "No run is to be repeated.")
    keep_folder(make_folder(task.outputs[KNOWN]["uri"]))
    # ExampleGen refuses other data than of this digest: it may change between the two.
    return {KNOWN: {"data_digest": config.data_digest, **Known(fingerprint, same_as).to_properties()}}


def _read_data(task: Task) -> PipelineConfig:
    """Return the configuration with what is known of the data.

    A GPU is asked for where the Trainer's pod gets one. Another than this one makes sure that it is there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        directory = fetch_data(task.config.data_dir, task.config.name, Path(scratch), task.sample_size)
        dataset = load_dataset(directory)
    return replace(task.config, data_digest=dataset.digest, image_shape=dataset.image_shape, require_gpu=False)


def _can_be_told_again(task: Task, run_id: str) -> bool:
    """Tell whether the report of a run can be made once more, from artifacts that lie in the object store.

    Raises:
        UnavailableError: The object store or ML Metadata does not answer.
    """
    try:
        return gather_cluster_report(task, read_stages(run_id)).verdict == "pushed"
    except (OSError, ValueError):  # gone, or damaged
        return False
