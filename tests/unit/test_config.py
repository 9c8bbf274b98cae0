"""Every option is declared once, with a range whose ends are allowed, and used in one place beside that."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Options, PipelineConfig, RunOptions
from pipeline.declared import ConfigError, build, list_fields

ROOT = Path(__file__).parents[2]


def make_options(**values: Any) -> RunOptions:
    return build(RunOptions, values, write="--{option} {value}")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "--epochs 0: expected 1 to 10,000."),
        ("epochs", 10_001, "--epochs 10001: expected 1 to 10,000."),
        ("batch_size", 0, "--batch-size 0: expected 1 to 65,536."),
        ("batch_size", 65_537, "--batch-size 65537: expected 1 to 65,536."),
        ("hidden_units", 0, "--hidden-units 0: expected 1 to 65,536."),
        ("hidden_units", 65_537, "--hidden-units 65537: expected 1 to 65,536."),
        ("seed", -1, "--seed -1: expected 0 to 2,147,483,647."),
        ("seed", 2**31, "--seed 2147483648: expected 0 to 2,147,483,647."),
        ("min_accuracy", -0.01, "--min-accuracy -0.01: expected 0 to 1."),
        ("min_accuracy", 86, "--min-accuracy 86: expected 0 to 1."),
        ("min_class_accuracy", 1.5, "--min-class-accuracy 1.5: expected 0 to 1."),
        ("max_loss", -0.01, "--max-loss -0.01: expected 0 to 1."),
        ("max_loss", math.nan, "--max-loss nan: expected 0 to 1."),
        ("max_class_loss", 1.01, "--max-class-loss 1.01: expected 0 to 1."),
        ("max_calibration_error", -1, "--max-calibration-error -1: expected 0 to 1."),
        ("learning_rate", 0, "--learning-rate 0: expected a number above 0 and at most 1."),
        ("learning_rate", 1.1, "--learning-rate 1.1: expected a number above 0 and at most 1."),
        ("learning_rate", math.nan, "--learning-rate nan: expected a number above 0 and at most 1."),
        ("max_class_imbalance", 0.5, "--max-class-imbalance 0.5: expected 1 to 1,000,000."),
        ("max_shared_images", 1.5, "--max-shared-images 1.5: expected 0 to 1."),
        ("sample_size", 99, "--sample-size 99: expected 100 to 1,000,000."),
    ],
)
def test_a_value_out_of_range_names_option_value_and_range(field: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        make_options(**{field: value})
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 1, "batch_size": 1, "hidden_units": 1, "seed": 0, "learning_rate": 1e-9, "sample_size": 100},
        {"epochs": 10_000, "batch_size": 65_536, "hidden_units": 65_536, "seed": 2**31 - 1, "learning_rate": 1},
        {"min_accuracy": 0, "min_class_accuracy": 0, "max_calibration_error": 0, "max_loss": 0, "max_class_loss": 0},
        {"min_accuracy": 1, "min_class_accuracy": 1, "max_calibration_error": 1, "max_loss": 1, "max_class_loss": 1},
    ],
)
def test_the_ends_of_the_ranges_are_allowed(fields: dict[str, float]) -> None:
    options = make_options(**fields)
    assert {field: getattr(options, field) for field in fields} == fields


def test_every_number_has_a_range_and_every_option_a_sentence() -> None:
    for field in list_fields(RunOptions):
        assert field.range or field.kind not in (int, float), field.name
        assert field.option.help.endswith("."), field.name


def test_all_that_a_stage_is_told_is_an_option() -> None:
    stages = {field.option.stage for field in list_fields(Options)} - {""}
    config = PipelineConfig(name="sample", data_dir="data", output_dir=Path("out"))
    told = [name for stage in stages for name in config.list_options(stage)]
    assert sorted(told) == sorted(field.name for field in list_fields(Options) if field.option.stage)


@pytest.mark.parametrize("field", [field for field in list_fields(Options) if field.option.stage == "Trainer"])
def test_a_hyperparameter_is_named_where_it_is_declared_and_where_it_is_used(field: Any) -> None:
    """Past these, another hyperparameter would be more than two edits."""
    named = re.compile(rf"""(["']){field.name}\1|\.{field.name}\b|\b{field.name}: Annotated""")
    sources = [path for folder in ("pipeline", "components") for path in (ROOT / folder).rglob("*.py")]
    places = {path.relative_to(ROOT).as_posix() for path in sources if named.search(path.read_text())}
    runners = {"pipeline/kubeflow/config.py", "pipeline/local_runner.py", "pipeline/unchanged.py"}
    others = runners if field.name in ("require_gpu", "distribution") else set()  # they look before the Trainer does
    assert places - others <= {"pipeline/config.py", "components/trainer.py"}
