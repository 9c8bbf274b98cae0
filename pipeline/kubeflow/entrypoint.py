"""The container's command: `python -m pipeline.kubeflow.entrypoint` runs one stage between KFP's launcher and TFX.

The pod builds the pipeline with `create_pipeline`, as a local run does, from the parameters of the run, and runs its
own stage of it. So types, thresholds and options come from the pipeline itself; all that is read of the executor input
is what every release of KFP sends: addresses, metadata and parameters.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.commands.messages import explain
from pipeline.environment import keep_beam_in_process, prepare_environment

_FACTS = ("data_digest", "image_shape")


def run_stage(
    stage_id: str,
    fixed: Mapping[str, Any],
    executor_input: Mapping[str, Any],
    *,
    scratch: Path,
    sample_size: int,
) -> None:
    """Run a stage and write what came of it where the launcher looks for it.

    Args:
        stage_id: Its name in the pipeline.
        fixed: Options that were fixed when the pipeline was compiled, see `describe_fixed`.
        executor_input: KFP's message of that name, parsed from JSON.
        scratch: An empty folder.
        sample_size: Training images that `data = sample` generates.

    Raises:
        ConfigError: A parameter is out of its range.
        DataError: The data cannot be used.
        Exception: What the stage raised.
    """
    from pipeline.kubeflow import artifacts
    from pipeline.kubeflow.config import RUN_ID, restore_pipeline_config
    from pipeline.kubeflow.data import DATA_DIR, fetch_data
    from pipeline.pipeline import create_pipeline

    inputs, outputs = executor_input.get("inputs", {}), executor_input["outputs"]
    parameters = dict(inputs.get("parameterValues", {}))
    run_id = parameters.pop(RUN_ID, "")
    received = {key: listed["artifacts"] for key, listed in inputs.get("artifacts", {}).items()}
    config = restore_pipeline_config({**fixed, **read_facts(received)}, parameters)
    (stage,) = (stage for stage in create_pipeline(config, run_id).components if stage.id == stage_id)

    input_dict = {
        key: [artifacts.restore_input(channel.type, runtime) for runtime in received[key]]
        for key, channel in stage.inputs.items()
    }
    declared = {key: listed["artifacts"][0] for key, listed in outputs.get("artifacts", {}).items()}
    output_dict = {key: [artifacts.make_output(channel.type, declared[key])] for key, channel in stage.outputs.items()}
    properties = {name: value for name, value in stage.exec_properties.items() if value is not None}
    if DATA_DIR in properties:
        properties[DATA_DIR] = str(fetch_data(properties[DATA_DIR], config.name, scratch, sample_size))
    keep_beam_in_process()
    stage.executor_spec.executor_class().Do(input_dict, output_dict, properties)

    metadata = {}
    for key, (artifact,) in output_dict.items():
        metadata[key] = artifacts.describe_output(artifact)
        for view in artifacts.VIEWS.get(artifact.TYPE_NAME, ()):
            view_key = f"{key}_{view.name}"
            metadata[view_key] = artifacts.write_view(view, artifact, declared[view_key]["uri"])
    write_executor_output(Path(outputs["outputFile"]), declared, metadata)


def read_facts(received: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a local run knows of the data before it starts, and a pod from the examples that it is given."""
    facts: dict[str, Any] = {}
    for runtimes in received.values():
        metadata = runtimes[0].get("metadata", {})
        facts |= {name: metadata[name] for name in _FACTS if name in metadata}
    if "image_shape" in facts:
        facts["image_shape"] = tuple(json.loads(facts["image_shape"]))
    return facts


def write_executor_output(path: Path, declared: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Write KFP's ExecutorOutput: the outputs as they were declared, with their metadata."""
    listed = {
        key: {"artifacts": [{"name": declared[key].get("name", ""), "uri": declared[key]["uri"], "metadata": values}]}
        for key, values in metadata.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"artifacts": listed}))


def main(arguments: list[str] | None = None) -> int:
    """Run the stage that the command line names; the last line of the log says why it failed.

    Returns:
        The exit code of the container.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.entrypoint")
    for option in ("--stage", "--fixed", "--sample-size", "--executor-input"):
        parser.add_argument(option, required=True)
    options = parser.parse_args(arguments)
    sys.argv = sys.argv[:1]  # TFX and Beam take what stands there for flags of theirs
    prepare_environment()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            run_stage(
                options.stage,
                json.loads(options.fixed),
                json.loads(options.executor_input),
                scratch=Path(scratch),
                sample_size=int(options.sample_size),
            )
    except Exception as error:  # noqa: BLE001 - whatever a stage raises: all of it in the log, and the reason last
        traceback.print_exc()
        print(f"Error: {options.stage} failed: {explain(error).sentence}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
