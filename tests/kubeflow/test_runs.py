"""The compiled pipeline on KFP's driver and launcher: what is in the bucket, in ML Metadata, in the serving volume."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_metadata.proto import metadata_store_pb2
from pyarrow import fs

from components.images.idx import read_labels, write_idx
from components.serving.versions import list_versions, read_manifest
from pipeline.kubeflow.compile import compile_pipeline
from pipeline.kubeflow.config import read_config
from pipeline.kubeflow.pod_config import Secret, Volume
from pipeline.kubeflow.promotion import IMPORTED
from pipeline.kubeflow.task import compile_task
from pipeline.kubeflow.told import Told, find_told
from pipeline.runs import read_records
from tests.kubeflow.argo import report, start_scheduled
from tests.kubeflow.cluster import Cluster, Run, StageRun
from tests.kubeflow.conftest import BUCKET, KEY, SECRET
from tests.kubeflow.runs import describe_failure, make_config
from tests.kubeflow.test_api import call, get_schedule, invoke, read_runtime

COMPLETE, FAILED = metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.FAILED
RECORDED = Path(__file__).parents[1] / "unit/kubeflow/recorded_run.json"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROMOTED = {output.partition(".")[2]: title for output, title in IMPORTED.items()}
pytestmark = pytest.mark.timeout(1800)  # eleven containers import TensorFlow


@pytest.fixture(scope="module")
def package() -> str:
    volume = Volume(claim="images", mount_path="/mnt/data")
    return compile_pipeline(make_config(name="clothes", data="/mnt/data/sound", data_volume=volume))


@pytest.fixture(scope="module")
def strict_package() -> str:
    volume = Volume(claim="images", mount_path="/mnt/data")
    return compile_pipeline(
        make_config(name="clothes", data="/mnt/data/sound", data_volume=volume, fail_when_rejected=True)
    )


@pytest.fixture(scope="module")
def images(cluster: Cluster, sample_dir: Path) -> Path:
    """The volume of the data: a folder `sound`, and one `unsound`, in which no dress has its label."""
    volume = cluster.volumes / "images"
    shutil.copytree(sample_dir, volume / "sound")
    shutil.copytree(sample_dir, volume / "unsound")
    labels = read_labels(sample_dir / "train-labels-idx1-ubyte.gz")
    write_idx(volume / "unsound/train-labels-idx1-ubyte.gz", np.where(labels == 3, 12, labels).astype(np.uint8))
    return volume


@pytest.fixture(scope="module")
def serving(cluster: Cluster) -> Path:
    return cluster.volumes / "models/clothes/serving"


@pytest.fixture(scope="module")
def first_run(cluster: Cluster, package: str, images: Path) -> Run:
    return cluster.run(package)


@pytest.fixture(scope="module")
def repeated_run(cluster: Cluster, package: str, first_run: Run) -> Run:
    return cluster.run(package)


@pytest.fixture(scope="module")
def second_run(cluster: Cluster, package: str, repeated_run: Run) -> Run:
    return cluster.run(package, hidden_units=96, max_loss=1.0)


@pytest.fixture(scope="module")
def enter_run(api: str, page: str, kubernetes: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Run], Path]:
    """Tells the API server of a run that was run here as of one that a schedule started; returns a configuration."""
    path = tmp_path_factory.mktemp("entered") / "kubeflow.toml"
    path.write_text(
        f'host = "{page}"\nimage = "registry.example.com/image:1"\nname = "clothes"\ndata = "/mnt/data/sound"\n'
        'serving = { claim = "models", mount_path = "/mnt/models" }\n'
    )

    def enter(run: Run) -> Path:
        call("schedule", path)
        workflow = start_scheduled(kubernetes, get_schedule(kubernetes), run.run_id)
        phases = {True: ("Failed", "Error (exit code 1)"), False: ("Succeeded", "")}
        stages = {name: phases[bool(stage.exit_code)] for name, stage in run.stages.items()}
        report(api, workflow, phases[bool(run.failed)][0], stages)
        call("delete", path)
        return path

    return enter


@pytest.fixture(scope="module")
def command_volume(cluster: Cluster, kubernetes: Any) -> Callable[..., Told]:
    """Submits a command `kubeflow ...` about the volume, runs its one task, and returns what that printed."""

    def command(name: str, config: Path, *arguments: object) -> Told:
        call(name, config, *arguments, "--no-wait")
        spec = kubernetes.list_kind("workflows")[-1]["spec"]
        settings = read_config(config)
        if name == "promote":
            package = compile_task(settings, name, "pipeline.kubeflow.promotion", PROMOTED)
        else:
            package = compile_task(settings, name, "pipeline.kubeflow.command")
        (task,) = cluster.run(package, **read_runtime(spec)).stages.values()
        told = find_told(task.log)
        assert told is not None, task.log[-3000:]
        return told

    return command


def get_number(artifact: Any, name: str) -> float:
    value = artifact.custom_properties[name]
    return getattr(value, value.WhichOneof("value"))


def read_report(run: Run, read_run: Any, read_bucket: Any) -> tuple[str, tuple[str, float]]:
    """Return the page of a run, and its verdict with the exit code."""
    outputs = read_run(run)["Report"][1]
    metrics = outputs["metrics"]
    return read_bucket(outputs["report"].uri).decode(), (
        metrics.custom_properties["verdict"].string_value,
        get_number(metrics, "exit_code"),
    )


def test_first_run_pushes_a_model_into_the_volume(first_run, serving):
    assert not first_run.failed, describe_failure(first_run)
    assert list_versions(serving) == [1]
    manifest = read_manifest(serving, 1)
    assert manifest.baseline_version is None
    assert manifest.run_id == first_run.run_id
    assert (serving / "1/saved_model.pb").is_file()


def test_every_stage_is_complete_in_ml_metadata_with_its_types_and_properties(first_run, read_run):
    stages = read_run(first_run)
    assert stages.keys() == first_run.stages.keys()
    assert {state for state, _ in stages.values()} == {COMPLETE}
    outputs = {f"{stage}.{key}": artifact for stage, (_, found) in stages.items() for key, artifact in found.items()}
    types = {
        "ExampleGen.examples": "tfx.Examples", "Schema.schema": "tfx.Schema", "Trainer.model": "tfx.Model",
        "DataValidator.validation": "tfx.DataValidation", "Evaluator.blessing": "tfx.ModelBlessing",
        "Pusher.pushed_model": "tfx.PushedModel",
    }  # fmt: skip
    assert {name: outputs[name].type for name in types} == types
    assert outputs["ExampleGen.examples"].custom_properties["image_shape"].string_value == "[28, 28]"
    assert get_number(outputs["Evaluator.blessing"], "blessed") == 1
    assert "version" not in outputs["Baseline.baseline"].custom_properties  # none was pushed yet
    assert get_number(outputs["Pusher.pushed_model"], "pushed_version") == 1


def test_the_messages_that_the_unit_tests_have_recorded_are_of_this_shape(first_run):
    """With RECORD=1 in the environment they are recorded anew."""
    sent = {name: read_message(stage) for name, stage in first_run.stages.items()}
    if os.environ.get("RECORD"):
        text = _UUID.sub("0" * 8, json.dumps(sent, indent=1))
        RECORDED.write_text(re.sub(r"127\.0\.0\.1:\d+", "minio-service.kubeflow:9000", text) + "\n")
    assert describe_shape(json.loads(RECORDED.read_text())) == describe_shape(sent)


def read_message(stage: StageRun) -> dict[str, Any]:
    """Return the executor input that KFP's driver made for a stage."""
    command = stage.container["command"]
    return json.loads(command[command.index("--executor_input") + 1])


def describe_shape(value: Any) -> Any:
    """Return the keys and types of a message, without its values."""
    if isinstance(value, dict):
        return {key: describe_shape(each) for key, each in value.items()}
    return [describe_shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def test_model_and_verdict_lie_in_the_bucket(first_run, read_run, read_bucket):
    stages = read_run(first_run)
    model, evaluation = stages["Trainer"][1]["model"].uri, stages["Evaluator"][1]["evaluation"].uri
    assert read_bucket(f"{model}/Format-Serving/saved_model.pb")
    checks = json.loads(read_bucket(f"{evaluation}/gate.json"))
    assert checks
    assert all(check["passed"] for check in checks)


def test_the_report_is_a_page_and_figures_that_kfp_shows(first_run, read_run, read_bucket):
    outputs = read_run(first_run)["Report"][1]
    assert (outputs["report"].type, outputs["metrics"].type) == ("system.HTML", "system.Metrics")
    page = read_bucket(outputs["report"].uri).decode()
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "Confusion matrix" in page
    assert get_number(outputs["metrics"], "accuracy") > 0.5
    assert (get_number(outputs["metrics"], "verdict"), get_number(outputs["metrics"], "exit_code")) == ("pushed", 0)
    assert "Verdict: pushed (exit code 0). " in first_run.stages["Report"].log


def test_a_run_in_which_nothing_changed_has_a_page_and_no_stage_but_the_first(
    first_run, repeated_run, read_run, read_bucket, serving
):
    assert not repeated_run.failed, describe_failure(repeated_run)
    assert [*repeated_run.stages] == ["Changes", "Report"]
    assert repeated_run.omitted == first_run.stages.keys() - {"Changes", "Report"}
    assert repeated_run.drivers == 3
    page, metrics = read_report(repeated_run, read_run, read_bucket)
    assert repeated_run.run_id in page
    assert "Confusion matrix" in page
    assert metrics == ("pushed", 0)
    assert f"Nothing changed since run {first_run.run_id}. " in repeated_run.stages["Report"].log
    (record,) = (each for each in read_records(serving.parents[1]) if each.run_id == repeated_run.run_id)
    assert (record.verdict, record.same_as, record.newly_pushed) == ("pushed", first_run.run_id, False)


def test_of_a_run_in_which_nothing_changed_the_verdict_is_told(repeated_run, first_run, enter_run):
    watched = invoke("watch", enter_run(repeated_run), repeated_run.run_id)
    assert watched.exit_code == 0, watched.stderr
    assert f"nothing changed since run {first_run.run_id}" in watched.stdout


def test_second_run_is_compared_with_what_the_first_pushed(second_run, serving, read_run, read_bucket):
    assert not second_run.failed, describe_failure(second_run)
    assert list_versions(serving) == [1, 2]
    assert read_manifest(serving, 2).baseline_version == 1
    stages = read_run(second_run)
    assert get_number(stages["Baseline"][1]["baseline"], "version") == 1
    checks = json.loads(read_bucket(f"{stages['Evaluator'][1]['evaluation'].uri}/gate.json"))
    assert "change of accuracy" in {check["name"] for check in checks}


def test_a_run_is_told_as_a_local_one_and_its_page_is_fetched(first_run, enter_run):
    config = enter_run(first_run)
    watched = invoke("watch", config, first_run.run_id)
    assert watched.exit_code == 0, watched.stderr
    assert watched.stdout.startswith("Pushed: the model is version 1 now.\n  accuracy  0.")
    assert watched.stderr.count("✓") == len(first_run.stages)
    (line,) = (line for line in call("runs", config).splitlines() if first_run.run_id in line)
    assert re.search(r"SUCCEEDED +pushed +0\.\d{4} +version 1 ", line)
    assert first_run.run_id in call("report", config, first_run.run_id, "-")


def test_the_volume_has_record_page_and_history_as_an_output_folder_has(first_run, serving):
    (record,) = (each for each in read_records(serving.parents[1]) if each.run_id == first_run.run_id)
    assert (record.verdict, record.pushed_version, record.newly_pushed) == ("pushed", 1, True)
    assert (serving.parent / "runs" / first_run.run_id / "report.html").is_file()
    assert "clothes" in (serving.parents[1] / "index.html").read_text()


def test_parameters_of_the_run_reach_the_training(second_run, read_run, read_bucket):
    record = json.loads(read_bucket(f"{read_run(second_run)['Trainer'][1]['model_run'].uri}/training.json"))
    assert (record["options"]["hidden_units"], record["options"]["epochs"]) == (96, 4)


@pytest.fixture(scope="module")
def rejected_run(cluster: Cluster, strict_package: str, second_run: Run) -> Run:
    return cluster.run(strict_package, epochs=1, min_accuracy=0.999)


def test_a_model_that_is_not_blessed_is_not_pushed_and_fails_the_run_where_that_is_asked_for(
    rejected_run, serving, read_run, read_bucket
):
    run = rejected_run
    assert run.failed == ["Verdict"], describe_failure(run)
    sentence = "Error: Verdict failed: The model was not blessed: accuracy of overall is"
    assert sentence in run.stages["Verdict"].log
    stages = read_run(run)
    assert get_number(stages["Evaluator"][1]["blessing"], "blessed") == 0
    assert "pushed_version" not in stages["Pusher"][1]["pushed_model"].custom_properties
    assert list_versions(serving) == [1, 2]
    page, metrics = read_report(run, read_run, read_bucket)
    assert "Not blessed" in page
    assert metrics == ("not_blessed", 3)


def test_a_model_that_is_not_blessed_is_promoted_by_a_person(rejected_run, enter_run, command_volume, serving):
    config = enter_run(rejected_run)
    watched = invoke("watch", config, rejected_run.run_id)
    assert watched.exit_code == 3
    assert "  - accuracy of overall is " in watched.stdout
    told = command_volume("promote", config, rejected_run.run_id, "--reason", "seen by hand")
    assert told == (f"Pushed: the model of {rejected_run.run_id} is version 3 now, by a person: seen by hand\n", 0)
    manifest = read_manifest(serving, 3)
    assert (manifest.reason, manifest.baseline_version, manifest.run_id) == ("seen by hand", 2, rejected_run.run_id)
    assert manifest.recipe


def test_what_is_pushed_is_taken_back_looked_after_and_cleaned_by_pods(second_run, enter_run, command_volume, serving):
    config = enter_run(second_run)
    rolled_back = command_volume("rollback", config, "--to", 1, "--reason", "bags are shown as sandals")
    assert rolled_back.exit_code == 0
    assert rolled_back.text.startswith("Rolled back: version 4 is served now, which is version 1 again: /mnt/models/")
    manifest = read_manifest(serving, 4)
    assert (manifest.restored_because, manifest.restores) == ("bags are shown as sandals", 1)
    listed = command_volume("versions", config)
    assert listed.exit_code == 0
    assert len(re.findall(r"\bverified\b", listed.text)) == 4
    assert command_volume("health", config, "--within", "2h").exit_code == 0
    cleaned = command_volume("clean", config, "--keep-versions", 1, "--yes")
    assert cleaned.exit_code == 0
    assert list_versions(serving) == [4]


def test_unsound_data_fails_at_the_gate_with_the_reason_in_the_log_and_on_the_page(
    cluster, package, images, read_run, read_bucket, enter_run
):
    run = cluster.run(package, data="/mnt/data/unsound")
    assert run.failed == ["DataGate"]
    reason = "feature label: expected one integer from 0 to 9"
    assert reason in run.stages["DataGate"].log
    stages = read_run(run)
    assert stages["DataGate"][0] == FAILED
    assert {state for name, (state, _) in stages.items() if name != "DataGate"} == {COMPLETE}
    assert not stages.keys() & {"Transform", "Trainer", "Pusher"}
    page, metrics = read_report(run, read_run, read_bucket)
    assert "Data rejected" in page
    assert reason in page
    assert metrics == ("data_rejected", 4)
    watched = invoke("watch", enter_run(run), run.run_id)
    assert watched.exit_code == 4
    assert watched.stdout.startswith("Data rejected: nothing was trained")
    assert reason in watched.stdout


def test_missing_data_fails_the_first_stage_with_a_sentence_that_the_page_repeats(
    cluster, package, images, read_run, read_bucket
):
    run = cluster.run(package, data="/mnt/data/none")
    assert run.failed == ["Changes"]
    sentence = "Changes failed: --data /mnt/data/none: no such folder"
    assert f"Error: {sentence}" in run.stages["Changes"].log
    assert read_run(run)["Changes"][0] == FAILED
    page, metrics = read_report(run, read_run, read_bucket)
    assert sentence in page
    assert metrics == ("error", 1)


def test_data_is_read_from_a_bucket_with_the_keys_of_a_secret(cluster, s3, bucket, sample_dir, read_run):
    fs.copy_files(str(sample_dir), f"{BUCKET}/images", destination_filesystem=bucket)
    cluster.kubernetes.add_secret("reader", id=KEY, secret=SECRET)
    secrets = [
        Secret(name="reader", key="id", env="AWS_ACCESS_KEY_ID"),
        Secret(name="reader", key="secret", env="AWS_SECRET_ACCESS_KEY"),
    ]
    address = f"s3://{BUCKET}/images?scheme=http&endpoint_override={s3}"
    run = cluster.run(compile_pipeline(make_config(name="clothes", data=address, secrets=secrets)), until="ExampleGen")
    assert not run.failed, describe_failure(run)
    assert SECRET not in json.dumps(run.stages["ExampleGen"].pod)
    assert read_run(run)["ExampleGen"][1]["examples"].custom_properties["data_digest"].string_value


def test_samples_need_no_data_and_go_to_no_other_pipeline(cluster, package):
    smoke = cluster.run(compile_pipeline(make_config(data="sample", sample_size=100)), until="ExampleGen")
    assert not smoke.failed, describe_failure(smoke)
    mixed = cluster.run(package, data="sample")
    assert "data sample: not for the pipeline clothes" in mixed.stages["Changes"].log
    assert mixed.failed == ["Changes"]
