"""The Trainer exports a model, says how it was trained, and refuses to go on without a GPU that is required."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from components import example_gen, trainer
from components.example_gen import plan_shards, write_shard
from components.images.datasets import Dataset
from components.trainer import choose_device, run_fn

OPTIONS = {
    "epochs": 2,
    "batch_size": 32,
    "learning_rate": 0.001,
    "averaging": True,
    "hidden_units": 8,
    "seed": 42,
    "require_gpu": False,
    "distribution": "none",
}


@pytest.fixture(scope="module")
def files(sample_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The patterns of the training examples in seven shards."""
    directory = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_gen, "SHARD_BYTES", 90 * 28 * 28)
        for shard in plan_shards(sample_dataset, directory, directory):
            write_shard(shard)
    return [f"{directory}/Split-train/*"]


def test_without_a_gpu_the_cpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert choose_device(require_gpu=False) == "CPU"


def test_a_gpu_that_is_required_and_missing_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    # TFX reloads the module for each Trainer, and its classes are others then.
    with pytest.raises(trainer.NoGpuError, match=r"--require-gpu: .* no GPU .* nvidia-smi .*make setup GPU=1"):
        trainer.choose_device(require_gpu=True)


def make_fn_args(directory: Path, files: list[str], schema: Any, transform_graph_dir: Path, **options: Any) -> Any:
    return SimpleNamespace(
        custom_config=OPTIONS | options,
        schema_path=str(Path(schema.uri, "schema.pbtxt")),
        transform_graph_path=str(transform_graph_dir),
        train_files=files,
        eval_files=[pattern.replace("Split-train", "Split-eval") for pattern in files],
        model_run_dir=str(directory / "run"),
        serving_model_dir=str(directory / "model"),
    )


def read_weights(directory: Path) -> list[bytes]:
    reader = tf.train.load_checkpoint(str(directory / "model" / "variables" / "variables"))
    names = sorted(name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name)
    return [reader.get_tensor(name).tobytes() for name in names]


def test_a_run_exports_a_model_and_records_how_it_was_trained(
    tmp_path, files, schema, transform_graph_dir, caplog
) -> None:
    with caplog.at_level(logging.INFO, "components.trainer"):
        run_fn(make_fn_args(tmp_path, files, schema, transform_graph_dir))
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert sorted(signatures) == ["serving_bytes", "serving_default", "serving_images"]
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["options"] == OPTIONS
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2]
    assert record["history"][1]["loss"] < record["history"][0]["loss"]
    assert record["seconds"] > 0
    assert record["device"]
    told = [(entry.epoch.epoch, entry.total_epochs) for entry in caplog.records if hasattr(entry, "epoch")]
    assert told == [(1, 2), (2, 2)]
    for split in ("train", "eval"):
        assert list((tmp_path / "run" / "tensorboard" / split).iterdir()), "TensorBoard would show nothing"


def test_the_same_seed_gives_the_same_model_and_another_seed_does_not(
    tmp_path, files, schema, transform_graph_dir
) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        run_fn(make_fn_args(tmp_path / name, files, schema, transform_graph_dir, seed=seed, epochs=1))
    weights = {name: read_weights(tmp_path / name) for name in ("one", "again", "other")}
    assert len(weights["one"]) == 4
    assert weights["one"] == weights["again"]
    assert weights["one"] != weights["other"]
