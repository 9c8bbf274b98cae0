"""The compiled file keeps the rules that KFP's backend has and does not state, and tells all that a cluster needs."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.declared import ConfigError
from pipeline.kubeflow.changes import ANYTHING_CHANGED
from pipeline.kubeflow.compile import compile_pipeline
from pipeline.kubeflow.config import KubeflowConfig, make_pipeline_config
from pipeline.kubeflow.pod_config import ClusterEngine, Gpu, Secret, Stage, Volume
from pipeline.pipeline import create_pipeline

CONFIG = KubeflowConfig(
    host="https://kubeflow.example.com",
    image="registry.example.com/image@sha256:1",
    name="fashion-mnist",
    data="/mnt/data/fashion-mnist",
    serving=Volume(claim="models", mount_path="/mnt/models"),
    data_volume=Volume(claim="images", mount_path="/mnt/data"),
    gpu=Gpu(count=2, image="registry.example.com/gpu@sha256:2", resource="amd.com/gpu"),
    secrets=[Secret(name="bucket", key="password", env="BUCKET_PASSWORD")],
    stages={
        "default": Stage(cpu=0.5, memory_gb=2),
        "Trainer": Stage(
            cpu=4, memory_gb=8, cpu_request=1.5, memory_request_gb=3,
            node_selector={"gpu": "yes"}, tolerations=[{"key": "gpu", "operator": "Exists"}],
        ),
    },
    parameters={"epochs": 3},
    retries=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def package() -> str:
    return compile_pipeline(CONFIG)


@pytest.fixture(scope="module")
def spec(package: str) -> dict:
    return next(yaml.safe_load_all(package))


@pytest.fixture(scope="module")
def platform(package: str) -> dict:
    return list(yaml.safe_load_all(package))[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def get_tasks(spec: dict) -> dict:
    """The tasks of all stages, the report among them."""
    inner = spec["components"]["comp-Stages"]["dag"]["tasks"]
    return {**inner, "Report": spec["root"]["dag"]["tasks"]["Report"]}


def test_both_documents_are_what_their_formats_allow(spec, platform):
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert (parsed.schema_version, parsed.pipeline_info.name) == ("2.1.0", "fashion-mnist")
    json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    whole = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}}
    json_format.ParseDict(whole, pipeline_spec_pb2.PlatformSpec())
    for executor in platform.values():
        json_format.ParseDict(executor, kubernetes_executor_config_pb2.KubernetesExecutorConfig())


def test_equal_configurations_compile_to_equal_bytes_and_leave_nothing_behind(package, tmp_path):
    mounted = dataclasses.replace(CONFIG, serving=Volume(claim="models", mount_path=str(tmp_path / "mount")))
    compile_pipeline(mounted)
    assert not (tmp_path / "mount").exists()
    assert compile_pipeline(CONFIG) == package


def test_the_stages_and_their_order_are_those_of_the_local_pipeline(spec):
    stages = {stage.id: stage for stage in create_pipeline(make_pipeline_config(CONFIG)).components}
    tasks = get_tasks(spec)
    assert tasks.keys() == {*stages, "Changes"}
    for name in stages.keys() - {"ExampleGen", "Report"}:
        assert set(tasks[name]["dependentTasks"]) == {node.id for node in stages[name].upstream_nodes}
        assert tasks[name]["inputs"]["artifacts"].keys() == stages[name].inputs.keys()


def test_where_nothing_changed_no_stage_runs_since_all_follow_from_the_one_that_is_passed_over(spec):
    """Argo omits what depends on a task that it skips: KFP asks for `ExampleGen.Succeeded`."""
    tasks = get_tasks(spec)
    conditional = [name for name, task in tasks.items() if "condition" in task.get("triggerPolicy", {})]
    assert conditional == ["ExampleGen"]
    assert tasks["ExampleGen"]["triggerPolicy"]["condition"] == ANYTHING_CHANGED
    assert (tasks["ExampleGen"]["dependentTasks"], tasks["Changes"]["dependentTasks"]) == (["Changes"], [])
    below = {"ExampleGen"}
    for _ in tasks:
        below |= {name for name, task in tasks.items() if below.intersection(task["dependentTasks"])}
    assert below == tasks.keys() - {"Changes", "Report"}
    assert all(not task["cachingOptions"]["enableCache"] for task in tasks.values())


def test_the_report_follows_whatever_became_of_the_others_and_asks_for_nothing_of_theirs(spec):
    """KFP's driver fails where an artifact is missing, and makes an exit hook of every task that such a one names."""
    report = spec["root"]["dag"]["tasks"]["Report"]
    assert report["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert (report["dependentTasks"], report["inputs"]["artifacts"]) == (["Stages"], {})
    assert spec["root"]["dag"]["tasks"].keys() == {"Stages", "Report"}
    outputs = spec["components"]["comp-Report"]["outputDefinitions"]["artifacts"]
    titles = {key: output["artifactType"]["schemaTitle"] for key, output in outputs.items()}
    assert titles == {"report": "system.HTML", "metrics": "system.Metrics"}


def test_a_run_fails_for_a_model_that_is_not_blessed_only_where_that_is_asked_for(spec):
    assert "Verdict" not in get_tasks(spec)
    asked = next(yaml.safe_load_all(compile_pipeline(dataclasses.replace(CONFIG, fail_when_rejected=True))))
    verdict = get_tasks(asked)["Verdict"]
    assert verdict["inputs"]["artifacts"].keys() == {"evaluation", "pushed_model"}
    assert verdict["dependentTasks"] == ["Evaluator", "Pusher"]
    assert verdict["retryPolicy"]["maxRetryCount"] == 0


def test_names_and_executors_are_those_that_the_backend_takes(spec):
    for name in get_tasks(spec):
        assert re.fullmatch("[a-zA-Z0-9][-a-zA-Z0-9]*", name)
    for executor in spec["deploymentSpec"]["executors"].values():
        assert executor.keys() == {"container"}, "resolvers and importers do not run on open-source KFP"
        assert executor["container"]["command"] == ["python", "-m", "pipeline.kubeflow.entrypoint"]


def test_every_parameter_has_a_type_and_a_default_and_stays_a_string_in_yaml(spec):
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters.keys() >= {
        "data",
        "epochs",
        "batch_size",
        "learning_rate",
        "hidden_units",
        "seed",
        "min_accuracy",
    }
    defaults = make_pipeline_config(CONFIG)
    assert parameters["data"]["defaultValue"] == "/mnt/data/fashion-mnist"
    assert parameters["epochs"]["defaultValue"] == 3
    for name in parameters.keys() - {"data"}:
        assert parameters[name]["defaultValue"] == getattr(defaults, name)
    for name, definition in parameters.items():
        assert isinstance(name, str)
        assert name not in ("n", "y"), "the backend's YAML library takes it for a truth value"
        assert definition["parameterType"] in ("NUMBER_INTEGER", "NUMBER_DOUBLE", "STRING", "BOOLEAN")


def test_every_stage_gets_every_parameter_since_its_pod_builds_the_whole_pipeline(spec):
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    for name, task in get_tasks(spec).items():
        given = dict(task["inputs"]["parameters"])
        assert given.pop("run_id") == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}
        assert given == {name: {"componentInputParameter": name} for name in parameters}
        declared = spec["components"][f"comp-{name}"]["inputDefinitions"]["parameters"]
        assert declared.pop("run_id") == {"parameterType": "STRING"}
        assert declared == {name: {"parameterType": parameters[name]["parameterType"]} for name in parameters}


def test_the_gpu_is_the_trainers_alone(spec):
    for name, executor in spec["deploymentSpec"]["executors"].items():
        container = executor["container"]
        if name == "exec-Trainer":
            assert container["image"] == "registry.example.com/gpu@sha256:2"
            assert container["resources"]["accelerator"] == {
                "count": "2", "type": "amd.com/gpu", "resourceCount": "2", "resourceType": "amd.com/gpu",
            }  # fmt: skip
        else:
            assert container["image"] == "registry.example.com/image@sha256:1"
            assert "accelerator" not in container["resources"]


def test_limits_are_given_as_older_and_as_newer_backends_read_them(spec):
    executors = spec["deploymentSpec"]["executors"]
    trainer, other = (
        executors["exec-Trainer"]["container"]["resources"],
        executors["exec-Schema"]["container"]["resources"],
    )
    assert (trainer["cpuLimit"], trainer["memoryLimit"]) == (4, 8)
    assert (other["resourceCpuLimit"], other["resourceMemoryLimit"]) == ("0.5", "2G")


def test_a_node_needs_to_have_free_what_is_requested_and_not_the_limit(spec):
    resources = spec["deploymentSpec"]["executors"]["exec-Trainer"]["container"]["resources"]
    assert (resources["cpuRequest"], resources["resourceCpuRequest"]) == (1.5, "1.5")
    assert (resources["memoryRequest"], resources["resourceMemoryRequest"]) == (3, "3G")
    unsaid = spec["deploymentSpec"]["executors"]["exec-Schema"]["container"]["resources"]
    assert (unsaid["resourceCpuRequest"], unsaid["resourceMemoryRequest"]) == ("0.5", "2G")


def test_nothing_is_cached_and_everything_but_a_rejection_may_be_tried_again(spec):
    for name, task in get_tasks(spec).items():
        assert task["cachingOptions"] == {"enableCache": False}
        retries = 0 if name == "DataGate" else 4
        assert task["retryPolicy"]["maxRetryCount"] == retries
        arguments = spec["deploymentSpec"]["executors"][f"exec-{name}"]["container"]["args"]
        assert arguments[arguments.index("--retries") + 1] == str(retries)


def test_volumes_and_secrets_reach_the_stages_that_use_them_and_no_secret_is_written_down(package, platform):
    def mounts(name: str) -> dict[str, str]:
        return {mount["constant"]: mount["mountPath"] for mount in platform[f"exec-{name}"].get("pvcMount", [])}

    assert mounts("ExampleGen") == {"images": "/mnt/data"}
    assert mounts("Baseline") == mounts("Pusher") == {"models": "/mnt/models"}
    assert mounts("Trainer") == {}
    (mount,) = platform["exec-Pusher"]["pvcMount"]
    assert mount["pvcNameParameter"] == {"runtimeValue": {"constant": "models"}}
    told = [name for name, executor in platform.items() if "secretAsEnv" in executor]
    assert told == ["exec-Changes", "exec-ExampleGen"]
    (secret,) = platform["exec-ExampleGen"]["secretAsEnv"]
    assert secret["keyToEnv"] == [{"secretKey": "password", "envVar": "BUCKET_PASSWORD"}]
    assert secret["secretName"] == secret["secretNameParameter"]["runtimeValue"]["constant"] == "bucket"


def test_an_engine_and_its_volume_reach_the_stages_over_the_data_and_no_other(platform, spec):
    assert "engine" not in get_fixed(spec, "ExampleGen")
    work = Volume(claim="work", mount_path="/mnt/work")
    addresses = {"address": "jobs:8099", "worker_pool": "localhost:50000", "asked_pool": "workers:50001"}
    engine = ClusterEngine(name="flink", **addresses, volume=work)
    spec, platform = yaml.safe_load_all(compile_pipeline(dataclasses.replace(CONFIG, engine=engine)))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounted = [name for name, each in executors.items() if "work" in str(each.get("pvcMount"))]
    assert mounted == [
        "exec-DataValidator",
        "exec-Evaluator",
        "exec-ExampleGen",
        "exec-StatisticsGen",
        "exec-Transform",
    ]
    told = [
        name for name, each in spec["deploymentSpec"]["executors"].items() if "--work-dir" in each["container"]["args"]
    ]
    assert told == mounted
    assert get_fixed(spec, "ExampleGen")["engine_address"] == "jobs:8099"


def get_fixed(spec: dict, stage: str) -> dict:
    arguments = spec["deploymentSpec"]["executors"][f"exec-{stage}"]["container"]["args"]
    return json.loads(arguments[arguments.index("--fixed") + 1])


def test_nodes_are_chosen_for_the_stage_that_says_so(platform):
    assert platform["exec-Trainer"] == {
        "nodeSelector": {"labels": {"gpu": "yes"}}, "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }  # fmt: skip
    assert platform["exec-Schema"] == {}


def test_a_stage_that_is_not_there_is_told():
    with pytest.raises(ConfigError, match=r"\[stages\.Traner\]: no such stage; expected Changes, ExampleGen"):
        compile_pipeline(dataclasses.replace(CONFIG, stages={"Traner": Stage()}))
