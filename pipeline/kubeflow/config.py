"""What a cluster has to be told: one frozen configuration, from a TOML file and the options of a command."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge
from croniter import CroniterBadDateError, croniter

from pipeline.config import Options, PipelineConfig, SampleSize
from pipeline.declared import ConfigError, Declared, Option, build, describe_kind, list_fields, read_toml, suggest
from pipeline.kubeflow.pod_config import ClusterEngine, Gpu, Secret, Stage, Volume
from pipeline.notify.settings import ClusterNotify, check_table

SAMPLE = "sample"
RUN_ID = "run_id"
CRON_FIELDS = 5
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeflowConfig(Declared):
    """All that the pipeline's way to a cluster depends on. Made by `read_config`, which checks it."""

    host: Annotated[str, Option("Address of Kubeflow Pipelines, such as https://kubeflow.example.com/pipeline.")]

    image: Annotated[str, Option("The image of the stages, by tag or digest.")]

    serving: Annotated[Volume, Option("The volume that models are pushed to: <mount_path>/<name>/serving.")]

    name: Annotated[str, Option("Name of the pipeline, unless it runs on generated samples.")] = "fashion-mnist"

    namespace: Annotated[str, Option("Of a Kubeflow for many users; empty where there is one for all.")] = ""

    experiment: Annotated[str, Option("Name that runs and schedules are listed under.")] = "fashion-mnist"

    data: Annotated[str, Option("Folder in the container, gs://..., s3://..., fashion-mnist, or sample.")] = SAMPLE

    data_volume: Annotated[Volume | None, Option("The volume with the data, if it comes from one.")] = None

    sample_size: Annotated[SampleSize, Option("Training images that sample generates.", unit="images")] = 12_000

    pipeline_root: Annotated[
        str, Option("Where artifacts go, such as s3://bucket/prefix; by default where the cluster keeps them.")
    ] = ""

    service_account: Annotated[str, Option("Of the pods; by default the cluster's.")] = ""

    gpu: Annotated[Gpu | None, Option("A GPU for the Trainer; without it, it trains on the CPU.")] = None

    engine: Annotated[
        ClusterEngine | None, Option("Where the stages over the data run; without it, in their pods.")
    ] = None

    stages: Annotated[dict[str, Stage], Option("By stage; `default` is for all that are not named.")] = field(
        default_factory=dict
    )

    secrets: Annotated[list[Secret], Option("For data in a bucket.")] = field(default_factory=list)

    notify: Annotated[ClusterNotify | None, Option("Who is told of runs, and of what; without it, nobody.")] = None

    parameters: Annotated[
        dict[str, Any], Option("Defaults of the run's parameters, by the names of the options of `run`.")
    ] = field(default_factory=dict)

    retries: Annotated[
        int,
        Ge(0),
        Option(
            "How often a stage is tried again whose pod was lost, or that finds a bucket, ML Metadata or a network "
            "file system away. Any other failure is final."
        ),
    ] = 2

    fail_when_rejected: Annotated[
        bool, Option("Whether a model that is not blessed makes a run fail, with the sentence of the check.")
    ] = False

    cron: Annotated[str, Option("When the schedule starts a run: minute, hour, day, month, weekday; UTC.")] = (
        "0 2 * * *"
    )

    enabled: Annotated[bool, Option("Whether a new schedule starts runs.")] = True

    token_file: Annotated[
        str, Option("File with the bearer token; also in $KUBEFLOW_TOKEN, or a session cookie in $KUBEFLOW_COOKIE.")
    ] = ""

    timeout: Annotated[int, Ge(1), Option("How long to wait for an answer.", unit="seconds")] = 30

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"name {self.name}: expected up to 63 of a-z, 0-9 and -, such as fashion-mnist.")
        if not self.host.startswith(("http://", "https://")):
            raise ConfigError(f"host {self.host}: expected an address that starts with http:// or https://.")
        if self.name == SAMPLE and self.data != SAMPLE:
            raise ConfigError(f"name {self.name}: kept for generated samples; expected another one for {self.data}.")
        if not croniter.is_valid(self.cron) or len(self.cron.split()) != CRON_FIELDS:
            raise ConfigError(f"cron {self.cron!r}: expected minute, hour, day, month, weekday, such as '0 2 * * *'.")
        try:
            croniter(self.cron).get_next()
        except CroniterBadDateError:
            raise ConfigError(
                f"cron {self.cron!r}: such a day never comes; expected one such as '0 2 * * *'."
            ) from None
        if self.data == "auto":
            raise ConfigError("data auto: a cluster has to be told; name a folder, a bucket, fashion-mnist or sample.")
        if self.serving.claim.startswith(("gs://", "s3://")):
            raise ConfigError(
                f"serving {self.serving.claim}: expected a volume claim; a bucket can neither be locked nor renamed in."
            )
        make_pipeline_config(self)

    @property
    def pipeline_name(self) -> str:
        """`sample` for generated samples: models that learnt from them never come where those of real data are."""
        return SAMPLE if self.data == SAMPLE else self.name

    def get_stage(self, name: str) -> Stage:
        """Return the limits of a stage."""
        return self.stages.get(name) or self.stages.get("default") or Stage()


def make_pipeline_config(config: KubeflowConfig, **parameters: Any) -> PipelineConfig:
    """Make what `create_pipeline` takes, with the run's `parameters` in place of the defaults.

    Raises:
        ConfigError: There is no such parameter, or its value is out of its range.
    """
    return restore_pipeline_config(describe_fixed(config), {**config.parameters, "data": config.data, **parameters})


def describe_fixed(config: KubeflowConfig) -> dict[str, Any]:
    """Return the options that are no parameters of a run, as JSON can hold them."""
    output_dir = f"{config.serving.mount_path.rstrip('/')}/{config.pipeline_name}"
    fixed: dict[str, Any] = {
        "name": config.pipeline_name,
        "output_dir": output_dir,
        "require_gpu": config.gpu is not None,
    }
    if engine := config.engine:
        fixed |= {"engine": engine.name, "engine_address": engine.address, "workers": engine.workers}
        fixed |= {"worker_pool": engine.worker_pool, "asked_pool": engine.asked_pool}
    return fixed


def restore_pipeline_config(fixed: dict[str, Any], parameters: dict[str, Any]) -> PipelineConfig:
    """Make a PipelineConfig from fixed options and parameters, whose whole numbers may have become floats in JSON.

    Raises:
        ConfigError: There is no such parameter, or its value is out of its range or of another type.
    """
    known = list_parameters()
    for name in parameters.keys() - known.keys():
        raise ConfigError(f"parameter {name}: unknown; {suggest(name, known)}")
    whole = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in parameters.items()
    }
    whole["data_dir"] = whole.pop("data", "")
    return build(PipelineConfig, {**fixed, **whole}, write="parameter {name} {value}")


def list_parameters() -> dict[str, type]:
    """Return the parameters of a run with their types: where the data is, and what a cluster lets one choose."""
    return {"data": str, **{field.name: field.kind for field in list_fields(Options) if field.option.on_cluster}}


def parse_parameters(pairs: list[str]) -> dict[str, Any]:
    """Read `NAME=VALUE` as the command line gives it.

    Raises:
        ConfigError: It has another form, or names no parameter of a run.
    """
    types, parsed = list_parameters(), {}
    for pair in pairs:
        name, found, text = pair.partition("=")
        if not found or name not in types:
            raise ConfigError(f"--parameter {pair}: expected NAME=VALUE with a name of {', '.join(types)}.")
        try:
            parsed[name] = text if types[name] is str else json.loads(text)
        except ValueError as error:
            raise ConfigError(f"--parameter {pair}: expected {describe_kind(types[name])}.") from error
    return parsed


def read_config(path: Path, **options: Any) -> KubeflowConfig:
    """Read a TOML file; options that are not None take the place of what it says.

    Raises:
        ConfigError: The file cannot be read, or says what is not understood.
    """
    values = read_toml(path, "copy deploy/kubeflow.toml, or name a file with --config")
    check_table(ClusterNotify, values, str(path))
    parameters = {**values.get("parameters", {}), **options.pop("parameters", {})}
    given = {name: value for name, value in options.items() if value is not None}
    return build(KubeflowConfig, {**values, **given, "parameters": parameters}, where=str(path))
