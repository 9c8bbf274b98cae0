"""Runs a stage of TFX's kind in a pod: the pipeline is built as a local run does, and the stage's own executor called.

So types, thresholds and options come from the pipeline itself, and not from KFP's message.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.environment import keep_beam_in_process
from pipeline.kubeflow import artifacts
from pipeline.kubeflow.data import DATA_DIR, fetch_data
from pipeline.kubeflow.engine_stage import do_on_engine
from pipeline.kubeflow.message import Outputs, Task
from pipeline.pipeline import create_pipeline


def run_tfx_stage(task: Task, scratch: Path) -> Outputs:
    """Run it, and return the metadata of its outputs.

    Args:
        task: What is to be done.
        scratch: An empty folder, which an engine's workers share where the stage runs on one.

    Raises:
        DataError: The data cannot be used.
        EngineError: The engine can't be used, or failed.
        Exception: What the stage raised.
    """
    (stage,) = (each for each in create_pipeline(task.config, task.run_id).components if each.id == task.stage)
    input_dict = {
        key: [artifacts.restore_input(channel.type, runtime) for runtime in task.inputs[key]]
        for key, channel in stage.inputs.items()
    }
    output_dict = {
        key: [artifacts.make_output(channel.type, task.outputs[key])] for key, channel in stage.outputs.items()
    }
    properties = {name: value for name, value in stage.exec_properties.items() if value is not None}
    if DATA_DIR in properties:
        properties[DATA_DIR] = str(fetch_data(properties[DATA_DIR], task.config.name, scratch, task.sample_size))
    if task.work_dir:
        do_on_engine(stage, task.config, scratch, (input_dict, output_dict, properties))
    else:
        keep_beam_in_process()
        stage.executor_spec.executor_class().Do(input_dict, output_dict, properties)
    return {key: artifacts.describe_output(artifact) for key, (artifact,) in output_dict.items()}
