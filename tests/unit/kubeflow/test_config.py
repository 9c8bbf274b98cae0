"""What a cluster is told is checked before anything is compiled or sent, and refused by the name of the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.declared import ConfigError
from pipeline.kubeflow.config import make_pipeline_config, parse_parameters, read_config, restore_pipeline_config
from pipeline.kubeflow.pod_config import Stage

ROOT = Path(__file__).parents[3]
LEAST = 'host = "https://kubeflow.example.com"\nimage = "registry/image:1"\n'
SERVING = '[serving]\nclaim = "models"\nmount_path = "/mnt/models"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kubeflow.toml"
    path.write_text(text)
    return path


def test_the_example_is_a_whole_configuration():
    config = read_config(ROOT / "deploy/kubeflow.toml")
    assert config.pipeline_name == "fashion-mnist"
    assert config.gpu is not None
    assert config.get_stage("Trainer").cpu > config.get_stage("Pusher").cpu == config.stages["default"].cpu
    assert make_pipeline_config(config).require_gpu


def test_what_is_requested_is_never_more_than_the_limit_and_fits_a_small_node(tmp_path):
    assert Stage().requests == (0.5, 2.0)
    assert Stage(cpu=0.25, memory_gb=1).requests == (0.25, 1)
    assert Stage(cpu=2, cpu_request=1.5).requests == (1.5, 2.0)


def test_the_example_runs_on_a_node_of_2_cpus_and_8_gb():
    config = read_config(ROOT / "deploy/kubeflow.toml")
    for stage in config.stages.values():
        cpu, memory_gb = stage.requests
        assert cpu <= 1.5
        assert memory_gb <= 6


def test_options_take_the_place_of_what_the_file_says(tmp_path):
    path = write(tmp_path, LEAST + SERVING + "[parameters]\nepochs = 3\nseed = 7\n")
    config = read_config(path, host="http://other", data=None, parameters={"epochs": 5})
    assert (config.host, config.image) == ("http://other", "registry/image:1")
    made = make_pipeline_config(config)
    assert (made.epochs, made.seed) == (5, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERVING, "host is missing."),
        (LEAST, "serving is missing."),
        (LEAST + "imag = 1\n" + SERVING, "unknown key imag; did you mean image?"),
        (LEAST + "retries = true\n" + SERVING, "retries = True: expected a whole number."),
        (LEAST + "retries = '2'\n" + SERVING, "retries = '2': expected a whole number."),
        (LEAST + "retries = -1\n" + SERVING, "retries = -1: expected 0 or more."),
        (LEAST + "serving = 'models'\n", "serving = 'models': expected a table."),
        (LEAST + SERVING.replace("/mnt/models", "models"), "mount_path models: expected an absolute path."),
        (LEAST + SERVING.replace('"models"', '"gs://bucket"'), "serving gs://bucket: expected a volume claim"),
        (LEAST + SERVING + "[gpu]\ncount = 0\nimage = 'i'\n", "[gpu] count = 0: expected 1 or more."),
        (LEAST + SERVING + "[gpu]\ncount = 1\n", "[gpu] image is missing."),
        (LEAST + SERVING + "[stages.Trainer]\ncpus = 1\n", "[stages.Trainer] unknown key cpus; did you mean cpu?"),
        (LEAST + SERVING + "[[secrets]]\nname = 1\n", "[secrets.0] name = 1: expected text."),
        (LEAST + SERVING + "[stages]\nTrainer = 2\n", "expected a table."),
        (LEAST + SERVING + "[stages.Trainer]\ncpu = 0\n", "[stages.Trainer] cpu = 0: expected a number above 0."),
        (
            LEAST + SERVING + "[stages.Trainer]\ncpu_request = 0\n",
            "[stages.Trainer] cpu_request = 0: expected a number above",
        ),
        (LEAST + SERVING + "[stages.Trainer]\ncpu_request = 'x'\n", "cpu_request = 'x': expected a number."),
        (LEAST + SERVING + "[stages.Trainer]\ncpu_request = 2\n", "cpu of a stage: 2 requested, expected no more than"),
        (LEAST + SERVING + "[stages.Trainer]\nmemory_request_gb = 4.5\n", "memory of a stage: 4.5 requested, expected"),
        (LEAST + SERVING + "[parameters]\nepochs = 0\n", "parameter epochs 0: expected 1 to 10,000."),
        (LEAST + SERVING + "[parameters]\nepochs = 1.5\n", "parameter epochs 1.5: expected a whole number."),
        (LEAST + SERVING + "[parameters]\nepoch = 1\n", "parameter epoch: unknown; did you mean epochs?"),
        (LEAST + "cron = '0 0 2 * * *'\n" + SERVING, "cron '0 0 2 * * *': expected minute, hour, day, month, weekday"),
        (LEAST + "cron = '0 2 31 2 *'\n" + SERVING, "cron '0 2 31 2 *': such a day never comes"),
        (LEAST + "cron = '61 2 * * *'\n" + SERVING, "cron '61 2 * * *': expected minute"),
        (LEAST + "data = 'auto'\n" + SERVING, "data auto: a cluster has to be told"),
        (LEAST + "name = 'My Pipeline'\n" + SERVING, "name My Pipeline: expected up to 63 of a-z, 0-9 and -"),
        (LEAST + "name = 'sample'\ndata = '/mnt/data'\n" + SERVING, "name sample: kept for generated samples"),
        (LEAST.replace("https://", "") + SERVING, "host kubeflow.example.com: expected an address"),
        ("host = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as refusal:
        read_config(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert message in str(refusal.value)


def test_a_missing_file_says_where_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match=r"copy deploy/kubeflow\.toml"):
        read_config(tmp_path / "kubeflow.toml")


def test_samples_have_a_pipeline_and_a_serving_directory_of_their_own(tmp_path):
    path = write(tmp_path, LEAST + "name = 'fashion-mnist'\ndata = '/mnt/data'\n" + SERVING)
    real, sample = read_config(path), read_config(path, data="sample")
    assert (real.pipeline_name, sample.pipeline_name) == ("fashion-mnist", "sample")
    assert make_pipeline_config(real).serving_dir == Path("/mnt/models/fashion-mnist/serving")
    assert make_pipeline_config(sample).serving_dir == Path("/mnt/models/sample/serving")


def test_numbers_that_became_floats_on_the_way_are_what_they_were():
    fixed = {"name": "sample", "output_dir": "/mnt/models/sample", "require_gpu": False}
    config = restore_pipeline_config(fixed, {"epochs": 3.0, "learning_rate": 1.0, "min_accuracy": 1})
    assert (config.epochs, type(config.epochs)) == (3, int)
    assert (config.min_accuracy, type(config.min_accuracy)) == (1.0, float)


def test_parameters_of_the_command_line_have_the_types_of_the_options():
    parsed = parse_parameters(["epochs=3", "learning_rate=0.01", "data=s3://bucket/a=b"])
    assert parsed == {"epochs": 3, "learning_rate": 0.01, "data": "s3://bucket/a=b"}


@pytest.mark.parametrize("pair", ["epochs", "epoch=3", "epochs=three"])
def test_a_parameter_that_is_not_understood_is_refused(pair):
    with pytest.raises(ConfigError, match="--parameter"):
        parse_parameters([pair])
