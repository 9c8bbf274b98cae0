"""Every Beam stage in worker processes: nothing that cannot be pickled, nothing kept in globals."""

import json

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

WORKERS = ("--beam-arg=--direct_running_mode=multi_processing", "--beam-arg=--direct_num_workers=2")


@pytest.mark.slow
def test_a_run_whose_beam_stages_are_in_other_processes_ends_as_any_other(tmp_path, sample_dir):
    options = ("--epochs", "4", "--batch-size", "16", "--min-class-accuracy", "0.3")
    run = ["run", "--json", "--data", str(sample_dir), *options]
    alone = CliRunner().invoke(app, [*run, "--output", str(tmp_path / "alone")])
    spread = CliRunner().invoke(app, [*run, "--output", str(tmp_path / "spread"), *WORKERS])
    assert spread.exit_code == alone.exit_code == 0, spread.stdout
    assert json.loads(spread.stdout)["accuracy"] == json.loads(alone.stdout)["accuracy"]
