"""One stage in a container, given what releases of KFP have sent to it."""

import copy
import json
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.types import standard_artifacts

from benchmarks.engines import start_engine
from components.images.schema import get_class_names, get_image_shape, read_schema
from components.serving.versions import list_versions
from pipeline.engines.worker_pool import serve
from pipeline.kubeflow import artifacts, entrypoint, places, verdict_stages
from pipeline.kubeflow.run_artifacts import StageRecord, StoredArtifact

OVER_THE_DATA = ("ExampleGen", "StatisticsGen", "DataValidator", "Transform", "Evaluator")
FOLDER = "minio://mlpipeline/v2/artifacts/clothes/cbcd6986-6c2d-42ce-ab38-c898f001427a"
# What driver and launcher of KFP 2.17.0 gave to the Schema stage; the session information is shortened.
RECORDED = {
    "inputs": {
        "artifacts": {
            "examples": {
                "artifacts": [
                    {
                        "name": "1",
                        "type": {"instanceSchema": ""},
                        "uri": f"{FOLDER}/ExampleGen/fd995c55-5800-43e9-ae6c-986d252a6229/examples",
                        "metadata": {
                            "class_names": '["cat", "dog"]',
                            "data_digest": "a3b34f7ba41fe6919ead73a23d6d409ffdaadc1a107722e89c004d516e1ea357",
                            "display_name": "examples",
                            "image_shape": "[20, 16]",
                            "split_names": '["train", "eval"]',
                            "store_session_info": '{"Provider":"minio","Params":{"region":"us-east-1"}}',
                            "tfx_version": "1.16.0",
                        },
                    }
                ]
            }
        }
    },
    "outputs": {
        "artifacts": {
            "executor-logs": {
                "artifacts": [
                    {
                        "name": "executor-logs",
                        "type": {"schemaTitle": "system.Artifact"},
                        "uri": f"{FOLDER}/Schema/b55e4ba4-1887-4d43-baed-10629601bf23/executor-logs-0",
                    }
                ]
            },
            "schema": {
                "artifacts": [
                    {
                        "name": "schema",
                        "type": {"schemaTitle": "tfx.Schema", "schemaVersion": "0.0.1"},
                        "uri": f"{FOLDER}/Schema/b55e4ba4-1887-4d43-baed-10629601bf23/schema",
                    }
                ]
            },
        },
        "outputFile": "/minio/mlpipeline/v2/artifacts/output_metadata.json",
    },
}
# All that it gave to the containers of a run, by stage and in their order; tests/kubeflow/test_runs.py records it.
RECORDED_RUN = Path(__file__).with_name("recorded_run.json")
FULL_SCHEMA = "title: tfx.Examples\ntype: object\nproperties:\n  span: {type: integer}\n"


def as_2_17(message: dict[str, Any]) -> None:
    """As it was recorded."""


def as_2_0(message: dict[str, Any]) -> None:
    """No log artifact yet, and the output file in a folder of its own."""
    del message["outputs"]["artifacts"]["executor-logs"]
    message["outputs"]["outputFile"] = "/tmp/kfp_outputs/output_metadata.json"


def as_2_5(message: dict[str, Any]) -> None:
    """The log artifact without a name or an address."""
    message["outputs"]["artifacts"]["executor-logs"] = {"artifacts": [{"type": {"schemaTitle": "system.Artifact"}}]}
    message["outputs"]["outputFile"] = "/tmp/kfp_outputs/output_metadata.json"


def with_typed_inputs(message: dict[str, Any]) -> None:
    message["inputs"]["artifacts"]["examples"]["artifacts"][0]["type"] = {"instanceSchema": FULL_SCHEMA}


def as_announced(message: dict[str, Any]) -> None:
    """The whole schema where its title was, and fields that there are not yet."""
    (examples,) = message["inputs"]["artifacts"]["examples"]["artifacts"]
    examples |= {"type": {"schemaTitle": FULL_SCHEMA}, "artifactId": "1", "customPath": ""}
    message["inputs"] |= {"parameterValues": {}, "parameters": {}}


def without_types(message: dict[str, Any]) -> None:
    for listed in (*message["inputs"]["artifacts"].values(), *message["outputs"]["artifacts"].values()):
        listed["artifacts"][0].pop("type", None)


@pytest.fixture
def pod(tmp_path, monkeypatch) -> Path:
    """A file system in which /minio, /s3, /gcs and /tmp lie below a folder."""
    monkeypatch.setattr(
        places, "LOCAL_ROOTS", {"gs": tmp_path / "gcs", "minio": tmp_path / "minio", "s3": tmp_path / "s3"}
    )
    monkeypatch.setattr(entrypoint, "TERMINATION_LOG", tmp_path / "termination-log")
    return tmp_path


def run(pod: Path, stage: str, message: dict[str, Any], *options: str, **fixed: Any) -> dict[str, Any]:
    """Run a stage as the container does and return the executor output that it wrote, strictly parsed."""
    message = copy.deepcopy(message)
    message["outputs"]["outputFile"] = str(pod / message["outputs"]["outputFile"].lstrip("/"))
    settings = {"name": "clothes", "output_dir": str(pod / "models/clothes"), "require_gpu": False, **fixed}
    arguments = ["--stage", stage, "--fixed", json.dumps(settings), "--sample-size", "100", "--retries", "0"]
    assert entrypoint.main([*arguments, *options, "--executor-input", json.dumps(message)]) == 0
    written = Path(message["outputs"]["outputFile"]).read_text()
    json_format.Parse(written, pipeline_spec_pb2.ExecutorOutput())
    assert "null" not in written
    return json.loads(written)["artifacts"]


@pytest.mark.parametrize("change", [as_2_17, as_2_0, as_2_5, with_typed_inputs, as_announced, without_types])
def test_every_release_s_input_is_understood(pod, change):
    message = copy.deepcopy(RECORDED)
    change(message)
    output = run(pod, "Schema", message)
    assert output.keys() == {"schema"}, "the log artifact is the launcher's"
    (schema,) = output["schema"]["artifacts"]
    assert schema["uri"] == RECORDED["outputs"]["artifacts"]["schema"]["artifacts"][0]["uri"]
    written = read_schema(str(places.find_local_path(schema["uri"]) / "schema.pbtxt"))
    assert get_image_shape(written) == (20, 16), "the size comes from the data, and is 28 x 28 in the configuration"
    assert get_class_names(written) == ("cat", "dog")


@pytest.mark.parametrize("scheme", ["minio", "s3", "gs"])
def test_addresses_of_every_store_become_paths_and_stay_addresses_in_the_output(pod, scheme):
    message = json.loads(json.dumps(RECORDED).replace("minio://", f"{scheme}://"))
    (schema,) = run(pod, "Schema", message)["schema"]["artifacts"]
    assert schema["uri"].startswith(f"{scheme}://mlpipeline/")
    assert (places.find_local_path(schema["uri"]) / "schema.pbtxt").is_file()


def test_no_baseline_is_an_artifact_that_says_so_and_leaves_something_to_upload(pod):
    uri = f"{FOLDER}/Baseline/1/baseline"
    outputs = {"baseline": {"artifacts": [{"name": "baseline", "uri": uri}]}}
    inputs = {"artifacts": {"model": {"artifacts": [{"name": "3", "uri": f"{FOLDER}/Trainer/1/model"}]}}}
    written = {"artifacts": outputs, "outputFile": "/minio/output_metadata.json"}
    (baseline,) = run(pod, "Baseline", {"inputs": inputs, "outputs": written})["baseline"]["artifacts"]
    assert "version" not in baseline["metadata"]
    assert list(places.find_local_path(uri).iterdir())


def test_numbers_come_back_as_floats_and_are_read_as_what_they_were():
    metadata = {"blessed": 1.0, "share": 0.25, "note": "text", "nested": {"a": [1.0]}, "store_session_info": "{}"}
    runtime = {"name": "12", "uri": "minio://bucket/key", "metadata": metadata}
    blessing = artifacts.restore_input(standard_artifacts.ModelBlessing, runtime)
    assert (blessing.id, blessing.get_int_custom_property("blessed")) == (12, 1)
    assert blessing.get_float_custom_property("share") == 0.25
    assert blessing.get_string_custom_property("note") == "text"
    assert not blessing.has_custom_property("store_session_info"), (
        "where KFP keeps things is no property of the artifact"
    )
    assert blessing.get_json_value_custom_property("nested") == {"a": [1.0]}
    assert blessing.mlmd_artifact.custom_properties["blessed"].int_value == 1, "executors read the message as well"
    examples = artifacts.restore_input(
        standard_artifacts.Examples, {"uri": "gs://b/k", "metadata": {"span": 3.0, "split_names": '["train"]'}}
    )
    assert (examples.span, type(examples.span), examples.split_names) == (3, int, '["train"]')


def test_structs_are_unwrapped_and_written_as_plain_values(pod):
    runtime = {"uri": "minio://bucket/key", "metadata": {"table": {"struct": {"a": 1.0}}}}
    model = artifacts.restore_input(standard_artifacts.Model, runtime)
    assert model.get_json_value_custom_property("table") == {"a": 1.0}
    artifacts.make_output(standard_artifacts.Model, runtime)
    assert artifacts.describe_output(model)["table"] == {"a": 1.0}


def test_an_address_of_an_unknown_store_is_refused():
    with pytest.raises(ValueError, match="oci://b/k: expected an address that starts with gs, minio, s3"):
        places.find_local_path("oci://b/k")


def test_a_stage_that_fails_says_why_in_the_last_line(pod, capsys):
    message = {
        "inputs": {"parameterValues": {"data": str(pod / "none")}},
        "outputs": {
            "artifacts": {"examples": {"artifacts": [{"name": "examples", "uri": "minio://bucket/examples"}]}},
            "outputFile": str(pod / "output_metadata.json"),
        },
    }
    fixed = json.dumps({"name": "clothes", "output_dir": str(pod), "require_gpu": False})
    (pod / "termination-log").touch()
    code = entrypoint.main(
        [
            "--stage",
            "ExampleGen",
            "--fixed",
            fixed,
            "--sample-size",
            "1",
            "--retries",
            "0",
            "--executor-input",
            json.dumps(message),
        ]
    )
    assert code == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"Error: ExampleGen failed: --data {pod / 'none'}: no such folder")
    assert last == f"Error: {(pod / 'termination-log').read_text()}"
    assert not (pod / "output_metadata.json").exists()


@pytest.mark.timeout(900)  # twelve stages, one of which trains
def test_a_whole_run_from_its_recorded_messages_ends_with_a_pushed_model_and_its_page(pod, sample_dir, monkeypatch):
    """What KFP 2.17's driver told the containers of a run; the files lie where the launcher would have put them."""
    outputs = run_all(pod, sample_dir, monkeypatch)
    assert list_versions(pod / "models/clothes/serving") == [1]
    page = places.find_local_path(outputs["Report"]["report"]["artifacts"][0]["uri"]).read_text()
    assert "pushed as version 1" in page
    assert outputs["Report"]["metrics"]["artifacts"][0]["metadata"]["verdict"] == "pushed"


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("go") is None, reason="Prism is built by Go")
def test_stages_over_the_data_run_on_an_engine_in_a_folder_that_its_workers_share(pod, sample_dir, monkeypatch):
    here = run_all(pod, sample_dir, monkeypatch)
    shutil.rmtree(pod / "minio")
    server, pool = serve("localhost:0")
    with start_engine("Prism") as options:
        engine = {"engine": "prism", "engine_address": options[-1], "worker_pool": pool}
        (pod / "work").mkdir()
        there = run_all(pod / "again", sample_dir, monkeypatch, "--work-dir", str(pod / "work"), **engine)
    server.stop(None)
    assert not list((pod / "work").iterdir())
    assert get_metrics(there) == get_metrics(here)


def get_metrics(outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    metadata = outputs["Report"]["metrics"]["artifacts"][0]["metadata"]
    return {name: metadata[name] for name in ("verdict", "accuracy")}


def run_all(pod, sample_dir, monkeypatch, *options: str, **fixed: Any) -> dict[str, dict[str, Any]]:
    """Run all stages from their recorded messages, and return what they wrote."""
    outputs: dict[str, dict[str, Any]] = {}
    monkeypatch.setattr(StoredArtifact, "fetch", StoredArtifact.locate)
    monkeypatch.setattr(verdict_stages, "read_stages", lambda run_id: make_records(outputs))
    for stage, message in json.loads(RECORDED_RUN.read_text()).items():
        message["inputs"]["parameterValues"]["data"] = str(sample_dir)
        chosen = options if stage in OVER_THE_DATA else ()
        outputs[stage] = run(pod, stage, message, *chosen, **fixed)
        check_metadata(message, outputs)
    return outputs


def check_metadata(message: dict[str, Any], outputs: dict[str, dict[str, Any]]) -> None:
    """A stage is told what the one before wrote: the properties that KFP sent are those that were written here."""
    written = {
        artifact["uri"]: artifact["metadata"]
        for stage in outputs.values()
        for listed in stage.values()
        for artifact in listed["artifacts"]
    }
    for listed in message["inputs"].get("artifacts", {}).values():
        (artifact,) = listed["artifacts"]
        kfps_own = {"display_name", "store_session_info"}
        assert written[artifact["uri"]].keys() == artifact["metadata"].keys() - kfps_own


def make_records(outputs: dict[str, dict[str, Any]]) -> dict[str, StageRecord]:
    """What ML Metadata has of stages that have come to their end."""
    records = {}
    for stage, written in outputs.items():
        artifacts = {key: listed["artifacts"][0] for key, listed in written.items()}
        stored = {
            key: StoredArtifact(id=1, type="tfx", uri=artifact["uri"], properties=artifact["metadata"])
            for key, artifact in artifacts.items()
        }
        records[stage] = StageRecord(state="COMPLETE", started=datetime.now(timezone.utc), outputs=stored)
    return records
