"""The whole pipeline on Fashion-MNIST itself, as a user runs it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.images.idx import read_images, read_labels

ROOT = Path(__file__).parents[2]
FOLDER = os.environ.get("FASHION_MNIST_DIR")

pytestmark = pytest.mark.skipif(not FOLDER, reason="needs the real files in $FASHION_MNIST_DIR")


def run(output: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "run_pipeline.py", "run", "--data", "fashion-mnist", "--output", str(output), "--json"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def first_run(output) -> dict:
    process = run(output)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_json_is_all_of_standard_output(first_run):
    assert first_run["verdict"] == "pushed"
    assert first_run["data"] == "fashion-mnist"
    assert first_run["pushed_version"] == 1


def test_pushed_model_is_as_good_on_the_raw_test_images_as_the_run_says(first_run):
    images, labels = (
        read(Path(FOLDER, f"t10k-{name}.gz"))
        for read, name in ((read_images, "images-idx3-ubyte"), (read_labels, "labels-idx1-ubyte"))
    )
    model = tf.saved_model.load(first_run["serving_path"])
    answers = model.signatures["serving_images"](images=tf.constant(images))["class_ids"].numpy()
    accuracy = np.mean(answers == labels)
    assert accuracy == pytest.approx(first_run["accuracy"], abs=1e-6)
    assert accuracy >= 0.885


def test_a_second_run_has_nothing_to_do(first_run, output):
    process = run(output)
    assert process.returncode == 0, process.stderr
    second = json.loads(process.stdout)
    assert second["pushed_version"] == 1
    assert all(stage["cached"] for stage in second["stages"].values())
    assert sorted(path.name for path in Path(first_run["serving_path"]).parent.glob("[0-9]*")) == ["1"]
