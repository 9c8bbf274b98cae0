"""What Beam is told of an engine, and what is no engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import PipelineConfig
from pipeline.declared import ConfigError
from pipeline.engines.engine import choose_engine, parse_address


def make_config(**options: Any) -> PipelineConfig:
    return PipelineConfig(name="clothes", data_dir="/data", output_dir=Path("output/clothes"), **options)


def test_without_one_the_stages_run_in_this_process() -> None:
    assert choose_engine(make_config()) is None


def test_beam_is_told_where_the_engine_and_its_workers_are() -> None:
    config = make_config(engine="flink", engine_address="jobs:8099", worker_pool="localhost:50000", workers=7)
    engine = choose_engine(config)
    assert engine is not None
    assert engine.list_arguments("ExampleGen") == [
        "--runner=PortableRunner", "--job_endpoint=jobs:8099", "--job_server_timeout=15", "--job_name=examplegen",
        "--environment_type=EXTERNAL", "--environment_config=localhost:50000", "--parallelism=7",
        "--environment_cache_millis=1000", "--sdk_container_image=none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "flink"}, "--engine flink: expected --engine-address HOST:PORT, that of Beam's job server."),
        ({"engine_address": "a:1"}, "--engine-address a:1: expected --engine flink or prism beside it."),
        ({"worker_pool": "a:1"}, "--worker-pool a:1: expected --engine flink or prism beside it."),
        (
            {"engine": "flink", "engine_address": "a:1", "asked_pool": "b:1"},
            "--asked-pool b:1: expected --worker-pool HOST:PORT beside it.",
        ),
        (
            {"engine": "flink", "engine_address": "http://a"},
            "--engine-address http://a: expected HOST:PORT, such as localhost:8099.",
        ),
        (
            {"engine": "flink", "engine_address": "a:1", "worker_pool": "a"},
            "--worker-pool a: expected HOST:PORT, such as localhost:8099.",
        ),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        choose_engine(make_config(**options))
    assert str(raised.value) == sentence


@pytest.mark.parametrize("address", ["", ":1", "a:", "a:70000", "a:b", "8099"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        parse_address("--engine-address", address)
    assert parse_address("--engine-address", "[::1]:8099") == ("[::1]", 8099)
