"""Several devices or workers train as one device does: the same batches, the same curve, a model by the chief."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.distribution import write_cluster
from components import example_gen
from components.example_gen import plan_shards, write_shard
from components.trainer import run_fn
from components.training import apart
from components.training.network import build_model

ROOT = Path(__file__).parents[2]
OPTIONS = {
    "epochs": 3,
    "batch_size": 32,
    "learning_rate": 0.005,
    "averaging": True,
    "hidden_units": 16,
    "seed": 42,
    "require_gpu": False,
}
STREAMING = "from components.training import examples, process; examples.MEMORY_BUDGET_BYTES = 1 << 18; process.main()"


@pytest.fixture(scope="module")
def files(sample_dataset, tmp_path_factory) -> list[str]:
    """The patterns of 600 training images in seven shards."""
    directory = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_gen, "SHARD_BYTES", 90 * 28 * 28)
        for shard in plan_shards(sample_dataset, directory, directory):
            write_shard(shard)
    return [f"{directory}/Split-train/*"]


@pytest.fixture
def cluster() -> list[str]:
    """What TF_CONFIG is for two workers on this machine."""
    return list(write_cluster())


@pytest.fixture
def join(cluster: list[str]) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start the other worker as a person does."""
    started = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "run_pipeline.py", "join", "--wait", "2m"]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        environment = {**os.environ, "TF_CONFIG": cluster[1]}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def train(
    files, schema, transform_graph_dir, tmp_path
) -> Callable[..., tuple[list[dict[str, float]], list[np.ndarray]]]:
    """Run the Trainer's function, and return the curve and the exported weights."""

    def run(distribution: str, **options: Any) -> tuple[list[dict[str, float]], list[np.ndarray]]:
        directory = tmp_path / distribution
        run_fn(
            SimpleNamespace(
                custom_config={**OPTIONS, "distribution": distribution, **options},
                schema_path=str(Path(schema.uri, "schema.pbtxt")),
                transform_graph_path=str(transform_graph_dir),
                train_files=files,
                eval_files=[pattern.replace("Split-train", "Split-eval") for pattern in files],
                model_run_dir=str(directory / "run"),
                serving_model_dir=str(directory / "model"),
            )
        )
        reader = tf.train.load_checkpoint(str(directory / "model" / "variables" / "variables"))
        names = sorted(name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name)
        history = json.loads((directory / "run" / "training.json").read_text())["history"]
        return history, [reader.get_tensor(name) for name in names]

    return run


def check_alike(one: tuple[list[dict[str, float]], list[np.ndarray]], other: Any) -> None:
    for expected, found in zip(one[0], other[0], strict=True):
        assert found == pytest.approx(expected, rel=1e-3, abs=2e-3)
    for expected_weights, found_weights in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(found_weights, expected_weights, atol=1e-3)


@pytest.mark.parametrize("averaging", [True, False])
def test_two_devices_train_as_one(train, averaging: bool) -> None:
    """600 images make 18 batches and three quarters; of 33 images, no two devices get the same number."""
    options = {"averaging": averaging, "batch_size": 33}
    check_alike(train("none", **options), train("mirrored", **options))


@pytest.mark.parametrize("averaging", [True, False])
def test_two_workers_train_as_one_device(train, join, cluster, monkeypatch, averaging: bool) -> None:
    other = join()
    monkeypatch.setenv("TF_CONFIG", cluster[0])
    found = train("multi-worker", averaging=averaging)
    said, _ = other.communicate(timeout=60)
    assert other.returncode == 0, said
    assert said.splitlines()[-1] == "Trained; the chief evaluates and exports."
    check_alike(train("none", averaging=averaging), found)


def test_where_the_data_is_streamed_each_worker_reads_its_own_shards(
    files, transform_graph_dir, cluster, tmp_path
) -> None:
    """Four shards with 360 images, three with 240: the second worker runs out, and the first goes on."""
    job = {
        "train_files": files,
        "eval_files": [pattern.replace("Split-train", "Split-eval") for pattern in files],
        "transform_graph": str(transform_graph_dir),
        "network": build_model((28, 28), 10, 16).to_json(),
        "fit": {"epochs": 8, "batch_size": 32, "learning_rate": 0.005, "averaging": True, "seed": 42},
        "weights": str(tmp_path / "weights.npz"),
    }
    workers = []
    for index, config in enumerate(cluster):
        worker = subprocess.Popen(
            [sys.executable, "-c", STREAMING], cwd=ROOT, env={**os.environ, "TF_CONFIG": config}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(tmp_path / f"{index}.log").open("w"),
        )  # fmt: skip
        worker.stdin.write(json.dumps({"job": job if index == 0 else None, "worker": index, "workers": 2}))
        worker.stdin.close()
        workers.append(worker)
    told = [[json.loads(line) for line in worker.stdout] for worker in workers]
    assert [worker.wait(60) for worker in workers] == [0, 0], (tmp_path / "0.log").read_text()[-2000:]
    chief, other = ([value for what, value in each if what == "epoch"] for each in told)
    assert [epoch["loss"] for epoch in chief] == pytest.approx([epoch["loss"] for epoch in other])
    assert chief[-1]["loss"] < 0.5 * chief[0]["loss"]
    assert chief[-1]["eval_accuracy"] > 0.7
    assert len(np.load(tmp_path / "weights.npz").files) == 4


def test_a_worker_that_does_not_come_is_told_within_the_time(train, cluster, monkeypatch) -> None:
    monkeypatch.setenv("TF_CONFIG", cluster[0])
    monkeypatch.setattr(apart.train_apart, "__defaults__", (12.0,))
    started = time.monotonic()
    with pytest.raises(RuntimeError, match=r"not all of 127\.0\.0\.1:\d+ were there within 12 s; start `run_pipeline"):
        train("multi-worker")
    assert time.monotonic() - started < 30


def test_a_chief_that_does_not_come_is_told_by_join(cluster) -> None:
    command = [sys.executable, "run_pipeline.py", "join", "--wait", "0.2m"]
    environment = {**os.environ, "TF_CONFIG": cluster[1]}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: --distribution multi-worker: not all of 127.0.0.1:")
    assert "Traceback" not in result.stderr


def test_a_worker_that_is_lost_ends_the_training_with_a_sentence(train, join, cluster, monkeypatch) -> None:
    other = join()
    monkeypatch.setenv("TF_CONFIG", cluster[0])

    def kill_in_the_middle(options: Any) -> None:
        os.killpg(other.pid, 9)

    monkeypatch.setattr("components.trainer.TrainingLog.write", lambda _, result: kill_in_the_middle(result))
    with pytest.raises(RuntimeError, match=r"the training with 127\.0\.0\.1:\d+ broke off"):
        train("multi-worker", epochs=2000)


def test_a_batch_smaller_than_the_devices_is_refused(train) -> None:
    with pytest.raises(RuntimeError, match=r"^--batch-size 1: expected 2 or more, an image for each device"):
        train("mirrored", batch_size=1)
