"""A value out of its range is refused before anything runs, by the name of the option that set it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import ConfigError, PipelineConfig


def make_config(**fields: Any) -> PipelineConfig:
    return PipelineConfig(name="sample", data_dir="data", data_digest="0" * 64, output_dir=Path("out"), **fields)


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
    ],
)
def test_a_value_out_of_range_names_option_value_and_range(field: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        make_config(**{field: value})
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 1, "batch_size": 1, "hidden_units": 1, "seed": 0, "learning_rate": 1e-9},
        {"epochs": 10_000, "batch_size": 65_536, "hidden_units": 65_536, "seed": 2**31 - 1, "learning_rate": 1},
        {"min_accuracy": 0, "min_class_accuracy": 0, "max_calibration_error": 0, "max_loss": 0, "max_class_loss": 0},
        {"min_accuracy": 1, "min_class_accuracy": 1, "max_calibration_error": 1, "max_loss": 1, "max_class_loss": 1},
    ],
)
def test_the_ends_of_the_ranges_are_allowed(fields: dict[str, float]) -> None:
    config = make_config(**fields)
    assert {field: getattr(config, field) for field in fields} == fields
