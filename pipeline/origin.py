"""What a run is started with and from: kept for its report, and enough to start it again."""

from __future__ import annotations

import platform
import shlex
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from components.report.lineage import Origin
from pipeline.addresses import hide_keys
from pipeline.config import Options, PipelineConfig
from pipeline.declared import list_fields
from pipeline.fingerprint import MODEL_SOURCES, fingerprint_sources, fingerprint_values

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = (
    "tfx", "tensorflow", "keras", "apache-beam", "ml-metadata", "tensorflow-data-validation",
    "tensorflow-model-analysis", "tensorflow-transform", "numpy",
)  # fmt: skip


def describe_origin(config: PipelineConfig, recipe: str) -> Origin:
    """Return the origin of a run with this configuration, started from this checkout, with what is installed."""
    return Origin(
        data=config.name,
        data_dir=hide_keys(config.data_dir),
        command=describe_command(config),
        recipe=recipe,
        sources=fingerprint_sources(*MODEL_SOURCES),
        git_commit=_read_own_commit(),
        packages={"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}},
    )


def describe_recipe(config: PipelineConfig) -> str:
    """Return the SHA-256 of all that a model is made from: data, options, sources, releases."""
    sources = fingerprint_sources(*MODEL_SOURCES)
    return fingerprint_values(data=config.data_digest, options=config.list_options("Trainer"), sources=sources)


def describe_command(config: PipelineConfig) -> str:
    """Return the command that starts a run with this configuration.

    Options with their default are left out, but for those that a pipeline.toml has a value for.
    """
    words = ["python", "run_pipeline.py", "run", "--data", config.name]
    if config.name == "sample":
        # The folder of drawn samples is called by their number and seed (components/images/datasets.py).
        words += ["--sample-size", Path(config.data_dir).name.split("-")[0]]
    elif config.name != "fashion-mnist":
        words[-1] = hide_keys(config.data_dir)
    for field in list_fields(Options):
        value = getattr(config, field.name)
        if value != field.default or field.name in config.set_by_file:
            words += _write_option(field.name.replace("_", "-"), value)
    return shlex.join(words)


def _write_option(option: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    if isinstance(value, tuple):
        return [f"--{option}={each}" for each in value]
    return [f"--{option}", str(value)]


@cache
def _read_own_commit() -> str:
    """Ask once: the sources that run are those that were there when the process started."""
    return read_git_commit(_ROOT)


def read_git_commit(directory: Path) -> str:
    """Return the commit that is checked out, with `-dirty` where files were changed since; "" where there is none."""
    command = ["git", "-C", str(directory), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
