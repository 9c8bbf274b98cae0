"""What each stage needs in a container of its own, from the start of its process to the end of it.

    python -m benchmarks.stages --data DIR

Each stage is run by the entrypoint of its pod with what KFP's launcher would tell it, the artifacts in folders. The
report, which asks ML Metadata, is left out: `make test-kubeflow` has it. `[stages.*]` in deploy/kubeflow.toml follows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.measure import (
    ROOT,
    CommandError,
    Measurement,
    describe_machine,
    make_console,
    measure_command,
    write_report,
)

BUCKET = "minio://bucket"
# The entrypoint, with /minio in another folder, and a last line that says that it is done.
PROGRAM = """
import sys
from pathlib import Path
from pipeline.kubeflow import entrypoint, places
places.LOCAL_ROOTS["minio"] = Path(sys.argv.pop(1))
code = entrypoint.main()
print("{}")
sys.exit(code)
"""


def main() -> None:
    """Run the stages of one run, and print what each took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "stages.json", metavar="FILE")
    args = parser.parse_args()

    console, machine = make_console(), describe_machine()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        data_dir, source = provide_data(args.data, Path(workplace))
        console.print(f"{source}; {machine}", markup=False, soft_wrap=True)
        try:
            measured = dict(run_stages(data_dir, Path(workplace)))
        except CommandError as error:
            sys.exit(f"A stage failed, so there are no results: {error}")
    stages = {
        name: {"seconds": each.seconds, "cpu_seconds": each.cpu_seconds, "peak_rss_mib": each.peak_rss_mib}
        for name, each in measured.items()
    }
    print_stages(stages, console)
    write_report(args.out, {"data": source, "machine": machine, "stages": stages})
    console.print(f"Written to {args.out}", markup=False, soft_wrap=True)


def run_stages(data_dir: Path, workplace: Path) -> Iterator[tuple[str, Measurement]]:
    """Run each stage after those that it needs, and yield its name and what it took.

    Raises:
        CommandError: A stage failed.
    """
    spec = compile_stages(data_dir, workplace)
    tasks = spec["components"]["comp-Stages"]["dag"]["tasks"]
    made: dict[str, Any] = {}
    for name in TopologicalSorter({name: task["dependentTasks"] for name, task in tasks.items()}).static_order():
        message = make_executor_input(spec, name, tasks[name], made, workplace / f"{name}.json")
        container = spec["deploymentSpec"]["executors"][f"exec-{name}"]["container"]
        arguments = [json.dumps(message) if each == "{{$}}" else each for each in container["args"]]
        yield name, measure_command([sys.executable, "-c", PROGRAM, str(workplace / "minio"), *arguments])
        output = json.loads((workplace / f"{name}.json").read_text())
        made |= {f"{name}.{key}": listed for key, listed in output["artifacts"].items()}


def compile_stages(data_dir: Path, workplace: Path) -> dict[str, Any]:
    """Return the pipeline's specification, for data in a folder of this machine."""
    from pipeline.environment import prepare_environment

    prepare_environment()
    from pipeline.kubeflow.compile import compile_pipeline
    from pipeline.kubeflow.config import KubeflowConfig, Volume

    serving = Volume(claim="models", mount_path=str(workplace / "models"))
    config = KubeflowConfig(host="http://localhost", image="none", name="measured", data=str(data_dir), serving=serving)
    return next(yaml.safe_load_all(compile_pipeline(config)))


def make_executor_input(
    spec: Mapping[str, Any], name: str, task: Mapping[str, Any], made: Mapping[str, Any], output_file: Path
) -> dict[str, Any]:
    """Return what KFP tells the container of a stage, `made` being the outputs of the stages before it."""
    defined = spec["root"]["inputDefinitions"]["parameters"]
    outputs = spec["components"][f"comp-{name}"]["outputDefinitions"]["artifacts"]
    inputs = {
        key: made["{producerTask}.{outputArtifactKey}".format(**source["taskOutputArtifact"])]
        for key, source in task["inputs"]["artifacts"].items()
    }
    values = {parameter: definition["defaultValue"] for parameter, definition in defined.items()}
    return {
        "inputs": {"artifacts": inputs, "parameterValues": {**values, "run_id": "measured"}},
        "outputs": {
            "artifacts": {key: {"artifacts": [{"name": key, "uri": f"{BUCKET}/{name}/{key}"}]} for key in outputs},
            "outputFile": str(output_file),
        },
    }


def print_stages(stages: Mapping[str, Mapping[str, float]], console: Console) -> None:
    """Print seconds, processor time and memory of each stage, and the sums."""
    table = Table("stage", title="Each stage in a process of its own")
    for column in ("seconds", "CPU s", "peak RSS MiB"):
        table.add_column(column, justify="right")
    for name, each in stages.items():
        table.add_row(name, f"{each['seconds']:.1f}", f"{each['cpu_seconds']:.1f}", f"{each['peak_rss_mib']:,.0f}")
    seconds, cpu = (sum(each[kind] for each in stages.values()) for kind in ("seconds", "cpu_seconds"))
    table.add_row(
        "all", f"{seconds:.1f}", f"{cpu:.1f}", f"{max(each['peak_rss_mib'] for each in stages.values()):,.0f}"
    )
    console.print(table)


if __name__ == "__main__":
    main()
