"""What a cluster has to be told: one frozen configuration, from a TOML file and the options of a command."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from croniter import croniter

from pipeline.config import ConfigError, PipelineConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SAMPLE = "sample"
RUN_ID = "run_id"
CRON_FIELDS = 5
# What is fixed when the pipeline is compiled, or found in the data. Every other option is a parameter of the run.
_FIXED = {"name", "data_digest", "image_shape", "output_dir", "require_gpu", "use_cache", "beam_args"}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A PersistentVolumeClaim, and where a container finds it."""

    claim: str
    """Name of the claim, in the namespace of the runs."""

    mount_path: str
    """Absolute path in the container."""

    def __post_init__(self) -> None:
        if not self.mount_path.startswith("/"):
            raise ConfigError(f"mount_path {self.mount_path}: expected an absolute path.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A key of a Kubernetes Secret, as an environment variable of the stage that reads the data."""

    name: str
    key: str
    env: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """What the Trainer gets."""

    count: int
    """Number of GPUs, 1 or more. The Trainer fails where TensorFlow sees none."""

    image: str
    """The image with CUDA, by tag or digest."""

    resource: str = "nvidia.com/gpu"
    """Name of the resource in Kubernetes."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"[gpu] count {self.count}: expected 1 or more; leave [gpu] out to train without.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Limits of a stage's container, and which nodes its pod may run on."""

    cpu: float = 1.0
    """CPUs."""

    memory_gb: float = 4.0
    """Memory, 10**9 bytes."""

    node_selector: dict[str, str] = field(default_factory=dict)
    """Labels that a node must have."""

    tolerations: list[dict[str, Any]] = field(default_factory=list)
    """Taints that the pod tolerates, in Kubernetes' own words."""

    def __post_init__(self) -> None:
        if self.cpu <= 0 or self.memory_gb <= 0:
            raise ConfigError(f"[stages]: cpu {self.cpu} and memory_gb {self.memory_gb}: expected more than 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeflowConfig:
    """All that the pipeline's way to a cluster depends on. Checked when it is made.

    Raises:
        ConfigError: A value is missing, unknown or out of its range.
    """

    host: str
    """Address of Kubeflow Pipelines, such as https://kubeflow.example.com/pipeline."""

    image: str
    """The image of the stages, by tag or digest."""

    serving: Volume
    """The volume that models are pushed to: `<mount_path>/<name>/serving`."""

    name: str = "fashion-mnist"
    """Name of the pipeline, unless it runs on generated samples."""

    namespace: str = ""
    """Namespace of a Kubeflow for many users; empty where there is one for all."""

    experiment: str = "fashion-mnist"
    """Name of the experiment that runs and schedules are listed under."""

    data: str = SAMPLE
    """Folder of IDX files in the container, gs://... or s3://..., `fashion-mnist`, or `sample`."""

    data_volume: Volume | None = None
    """The volume with the data, if it comes from one."""

    sample_size: int = 12_000
    """Training images that `sample` generates."""

    pipeline_root: str = ""
    """Where artifacts go, such as s3://bucket/prefix; by default where the cluster keeps them."""

    service_account: str = ""
    """Of the pods; by default the cluster's."""

    gpu: Gpu | None = None
    """A GPU for the Trainer; without it, it trains on the CPU."""

    stages: dict[str, Stage] = field(default_factory=dict)
    """By stage; `default` is for all that are not named."""

    secrets: list[Secret] = field(default_factory=list)
    """For data in a bucket."""

    parameters: dict[str, int | float | str | bool] = field(default_factory=dict)
    """Defaults of the run's parameters, by the names of the options of `run`: epochs, batch_size, ..."""

    retries: int = 2
    """How often a stage that failed is tried again, 0 or more. A rejection of the data is final."""

    cron: str = "0 2 * * *"
    """When the schedule starts a run: minute, hour, day, month, weekday; UTC."""

    enabled: bool = True
    """Whether a new schedule starts runs."""

    token_file: str = ""
    """File with the bearer token; also in $KUBEFLOW_TOKEN, or a session cookie in $KUBEFLOW_COOKIE."""

    timeout: int = 30
    """Seconds to wait for an answer."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"name {self.name}: expected up to 63 of a-z, 0-9 and -, such as fashion-mnist.")
        if not self.host.startswith(("http://", "https://")):
            raise ConfigError(f"host {self.host}: expected an address that starts with http:// or https://.")
        if self.retries < 0 or self.timeout < 1:
            raise ConfigError(f"retries {self.retries}, timeout {self.timeout}: expected 0 or more, and 1 or more.")
        if self.name == SAMPLE and self.data != SAMPLE:
            raise ConfigError(f"name {self.name}: kept for generated samples; expected another one for {self.data}.")
        if not croniter.is_valid(self.cron) or len(self.cron.split()) != CRON_FIELDS:
            raise ConfigError(f"cron {self.cron!r}: expected minute, hour, day, month, weekday, such as '0 2 * * *'.")
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
    return {"name": config.pipeline_name, "output_dir": output_dir, "require_gpu": config.gpu is not None}


def restore_pipeline_config(fixed: dict[str, Any], parameters: dict[str, Any]) -> PipelineConfig:
    """Make a PipelineConfig from fixed options and parameters, whose whole numbers may have become floats in JSON.

    Raises:
        ConfigError: There is no such parameter, or its value is out of its range or of another type.
    """
    types = list_parameters()
    unknown = sorted(parameters.keys() - types.keys())
    if unknown:
        raise ConfigError(f"parameter {unknown[0]}: unknown; expected one of {', '.join(types)}.")
    values = {name: _convert(name, value, types[name]) for name, value in parameters.items()}
    values["data_dir"] = values.pop("data", "")
    return PipelineConfig(**{"data_digest": "", **fixed, **values, "output_dir": Path(fixed["output_dir"])})


def list_parameters() -> dict[str, type]:
    """Return the parameters of a run with their types: the options of PipelineConfig that are not fixed."""
    hints = get_type_hints(PipelineConfig)
    names = [spec.name for spec in fields(PipelineConfig) if spec.name not in _FIXED]
    return {("data" if name == "data_dir" else name): hints[name] for name in names}


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
            raise ConfigError(f"--parameter {pair}: expected {types[name].__name__}.") from error
    return parsed


def _convert(name: str, value: Any, kind: type) -> Any:
    allowed = (int, float) if kind in (int, float) else kind
    if not isinstance(value, allowed) or (kind is not bool and isinstance(value, bool)) or kind(value) != value:
        raise ConfigError(f"parameter {name}: {value!r} given; expected {kind.__name__}.")
    return kind(value)


def read_config(path: Path, **options: Any) -> KubeflowConfig:
    """Read a TOML file; options that are not None take the place of what it says.

    Raises:
        ConfigError: The file cannot be read, or says what is not understood.
    """
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); copy deploy/kubeflow.toml, or name a file with --config."
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML ({error}).") from error
    parameters = {**values.get("parameters", {}), **options.pop("parameters", {})}
    values |= {name: value for name, value in options.items() if value is not None}
    try:
        return _build_config({**values, "parameters": parameters})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _build_config(values: dict[str, Any]) -> KubeflowConfig:
    for name, record in {"serving": Volume, "data_volume": Volume, "gpu": Gpu}.items():
        if name in values:
            values[name] = _build(record, values[name], f"[{name}]")
    values["stages"] = {
        name: _build(Stage, table, f"[stages.{name}]") for name, table in values.get("stages", {}).items()
    }
    values["secrets"] = [_build(Secret, table, "[[secrets]]") for table in values.get("secrets", [])]
    return _build(KubeflowConfig, values, "top level")


def _build(record: type[Record], values: dict[str, Any], where: str) -> Record:
    """Make a record of a table: no key that it does not know, none missing, and single values of their type."""
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected a table.")
    specs = {spec.name: spec for spec in fields(record)}  # type: ignore[arg-type]
    hints = get_type_hints(record)
    for name, value in values.items():
        if name not in specs:
            raise ConfigError(f"{where}: unknown key {name}; expected one of {', '.join(specs)}.")
        kind = (int, float) if hints[name] is float else hints[name]
        wrong_number = isinstance(value, bool) and hints[name] is not bool
        if hints[name] in (str, int, float, bool) and (wrong_number or not isinstance(value, kind)):
            raise ConfigError(f"{where}: {name} is {value!r}; expected {hints[name].__name__}.")
    for name, spec in specs.items():
        if name not in values and spec.default is MISSING and spec.default_factory is MISSING:
            raise ConfigError(f"{where}: {name} is missing.")
    return record(**values)
