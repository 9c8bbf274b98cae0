"""What the cache keys of the stages hold: the sources that a stage runs, and nothing that each run has anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import PipelineConfig
from pipeline.fingerprint import fingerprint_sources
from pipeline.pipeline import NEVER_CACHED, create_pipeline

OURS = {
    "ExampleGen": "example_gen", "Schema": "schema", "DataValidator": "data_validator", "DataGate": "data_gate",
    "Transform": "transform", "Trainer": "trainer", "Baseline": "baseline", "Evaluator": "evaluator",
    "Pusher": "pusher", "Report": "reporter",
}  # fmt: skip


@pytest.fixture(scope="module")
def stages() -> dict[str, Any]:
    config = PipelineConfig(name="clothes", data_dir="/data", output_dir=Path("/output"))
    return {stage.id: stage for stage in create_pipeline(config, "run-7").components}


def test_the_sources_of_each_stage_are_part_of_its_key(stages: dict[str, Any]) -> None:
    for stage, module in OURS.items():
        sources = fingerprint_sources(f"components.{module}")
        assert stages[stage].executor_spec.extra_flags == [f"--sources={sources}"], stage
    assert stages.keys() - OURS.keys() == {"StatisticsGen", "ExampleValidator"}, (
        "TFX's own, of which the release counts"
    )


def test_the_id_of_the_run_is_part_of_no_key_that_is_looked_up(stages: dict[str, Any]) -> None:
    told = {name for name, stage in stages.items() if "run-7" in stage.exec_properties.values()}
    assert told == set(NEVER_CACHED)
