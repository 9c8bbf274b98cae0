"""The whole pipeline, on generated samples, by its command line."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner, Result

from components.images.idx import read_images, read_labels, write_idx
from components.serving.versions import list_versions
from pipeline.cli import app

# Small, and good enough to pass the floors; on 200 images the calibration error is mostly chance.
FAST = ("--epochs", "4", "--batch-size", "16", "--min-class-accuracy", "0.3", "--max-calibration-error", "0.3")

# 200 images tell little, but a class may well be lost on them.
ANY_LOSS = ("--max-loss", 1, "--max-class-loss", 1)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run(*arguments: object) -> tuple[int, dict]:
    result = invoke("run", "--json", *arguments)
    return result.exit_code, json.loads(result.stdout)


def digest_tree(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def first_run(output, sample_dir) -> tuple[int, dict]:
    return run("--data", sample_dir, "--output", output, *FAST)


def test_first_run_is_blessed_and_pushed(first_run):
    code, record = first_run
    assert code == 0, record["reasons"]
    assert record["verdict"] == "pushed"
    assert record["pushed_version"] == 1
    assert record["baseline_accuracy"] is None
    assert record["reasons"] == []
    low, high = record["accuracy_interval"]
    assert low < record["accuracy"] < high
    assert (record["served_version"], record["served_accuracy"]) == (1, record["accuracy"])
    assert record["label_shift"] is None
    assert not any(stage["cached"] for stage in record["stages"].values())


def test_pushed_model_has_the_accuracy_that_was_reported(first_run, sample_dir):
    _, record = first_run
    images = read_images(sample_dir / "t10k-images-idx3-ubyte.gz")
    labels = read_labels(sample_dir / "t10k-labels-idx1-ubyte.gz")
    model = tf.saved_model.load(record["serving_path"])
    answers = model.signatures["serving_images"](images=tf.constant(images))
    assert np.mean(answers["class_ids"].numpy() == labels) == pytest.approx(record["accuracy"], abs=1e-6)


def test_the_run_leaves_a_report_and_the_stage_its_metrics(first_run, output):
    _, record = first_run
    page = Path(record["report_path"]).read_text()
    assert "The model passed every check, and was pushed as version 1." in page
    assert 'id="data"' in page
    assert 'id="training"' in page
    (directory,) = output.glob(f"{record['data']}/artifacts/Report/report/*")
    assert "was pushed as version 1." in (directory / "report.html").read_text()
    metrics = json.loads((directory / "metrics.json").read_text())
    assert metrics["accuracy"] == pytest.approx(record["accuracy"])
    told = json.loads(invoke("report", record["run_id"], "--format", "json", "--output", output).stdout)
    assert told["origin"]["command"].startswith("python run_pipeline.py run --data ")
    assert told["artifacts"]["model"]["type"] == "Model"


def test_second_run_takes_everything_from_the_cache_and_pushes_nothing(first_run, output, sample_dir):
    before = digest_tree(Path(first_run[1]["serving_path"]).parent)
    code, record = run("--data", sample_dir, "--output", output, *FAST)
    assert code == 0
    assert record["pushed_version"] == 1
    assert record["stages"].keys() == first_run[1]["stages"].keys()
    assert all(stage["cached"] for stage in record["stages"].values())
    assert record["accuracy"] == first_run[1]["accuracy"]
    assert record["accuracy_interval"] == first_run[1]["accuracy_interval"]
    assert (record["served_version"], record["label_shift"], record["pixel_divergence"]) == (1, 0, 0)
    assert digest_tree(Path(record["serving_path"]).parent) == before
    assert "it is what was pushed already as version 1" in Path(record["report_path"]).read_text()


def test_another_bound_judges_again_and_takes_the_rest_from_the_cache(first_run, output, sample_dir):
    code, record = run("--data", sample_dir, "--output", output, *FAST, "--max-calibration-error", 0.9)
    assert code == 0
    assert (record["pushed_version"], record["newly_pushed"]) == (1, False)
    worked = {name for name, stage in record["stages"].items() if not stage["cached"]}
    assert worked == {"Baseline", "Evaluator", "Pusher", "Report"}
    assert record["baseline_accuracy"] is None, "it is not compared with itself"


def test_second_run_says_that_there_was_nothing_to_do(first_run, output, sample_dir):
    result = invoke("run", "--data", sample_dir, "--output", output, *FAST)
    assert result.exit_code == 0
    assert "nothing to do, version 1 is this very model" in result.stdout
    assert "stages from the cache" in result.stdout


def test_other_hyperparameters_train_again_and_are_compared_with_what_is_pushed(first_run, output, sample_dir):
    code, record = run("--data", sample_dir, "--output", output, *FAST, "--hidden-units", 96, *ANY_LOSS)
    assert code == 0, record["reasons"]
    cached = {name for name, stage in record["stages"].items() if stage["cached"]}
    assert cached >= {"ExampleGen", "StatisticsGen", "DataValidator", "Transform"}
    assert not cached & {"Trainer", "Baseline", "Evaluator", "Pusher"}
    assert record["baseline_accuracy"] == pytest.approx(first_run[1]["accuracy"])
    assert record["pushed_version"] == 2


def test_model_below_the_floor_is_not_pushed(first_run, output, sample_dir):
    serving = Path(first_run[1]["serving_path"]).parent
    before = digest_tree(serving)
    code, record = run("--data", sample_dir, "--output", output, *FAST, "--epochs", 1, "--min-accuracy", 0.999)
    assert code == 3
    assert record["verdict"] == "not_blessed"
    assert record["pushed_version"] is None
    assert record["served_accuracy"] == record["baseline_accuracy"]
    assert "accuracy of overall is" in record["reasons"][0]
    assert "at least 0.9990" in record["reasons"][0]
    assert digest_tree(serving) == before
    assert "did not pass, and was not pushed" in Path(record["report_path"]).read_text()


def test_a_person_pushes_what_the_gate_refused(first_run, output):
    records = json.loads(invoke("status", "--output", output, "--json").stdout)
    record = next(record for record in records if record["verdict"] == "not_blessed")
    serving = Path(first_run[1]["serving_path"]).parent
    before = list_versions(serving)
    result = invoke("promote", record["run_id"], "--reason", "it is only a test", "--output", output)
    assert result.exit_code == 0, result.stderr
    assert list_versions(serving) == [*before, before[-1] + 1]
    assert "“it is only a test”" in Path(record["report_path"]).read_text()
    assert "“it is only a test”" in (output / "index.html").read_text()
    answers = json.loads(invoke("predict", "--eval-range", "0:20", "--json", "--output", output).stdout)
    assert len(answers) == 20


def test_a_pushed_model_that_can_not_be_loaded_is_passed_over_only_when_asked(first_run, output, sample_dir, tmp_path):
    shutil.copytree(output, tmp_path / "output")
    for saved_model in (tmp_path / "output").glob("*/serving/*/saved_model.pb"):
        saved_model.write_bytes(b"no model")
        (saved_model.parent / "assets.extra" / "manifest.json").unlink()
    arguments = (
        "--data",
        sample_dir,
        "--output",
        tmp_path / "output",
        *FAST,
        "--hidden-units",
        64,
        "--min-accuracy",
        0.5,
    )
    code, record = run(*arguments)
    assert code == 3
    assert record["verdict"] == "not_blessed"
    assert len(record["reasons"]) == 1, record["reasons"]
    reason = record["reasons"][0]
    assert "can't be compared: it can't be loaded" in reason
    assert "--accept-new-baseline" in reason
    code, record = run(*arguments, "--accept-new-baseline")
    assert code == 0, record["reasons"]
    assert record["newly_pushed"]
    code, again = run(*arguments)
    assert code == 0, "what a person accepted need not be accepted again"
    assert (again["pushed_version"], again["newly_pushed"]) == (record["pushed_version"], False)


def test_a_damaged_version_ends_the_run_and_is_not_asked(first_run, output, sample_dir, tmp_path):
    shutil.copytree(output, tmp_path / "output")
    for saved_model in (tmp_path / "output").glob("*/serving/*/saved_model.pb"):
        saved_model.write_bytes(saved_model.read_bytes()[:-1])
    code, record = run("--data", sample_dir, "--output", tmp_path / "output", *FAST, "--hidden-units", 64)
    assert code == 1
    assert "is damaged: saved_model.pb: has" in record["reasons"][0]
    assert "Restore its files, or delete that folder" in record["reasons"][0]
    assert record["stages"] == {}, "known before anything is trained"
    asked = invoke("predict", "--eval", 0, "--output", tmp_path / "output")
    assert asked.exit_code == 1
    assert "is damaged: saved_model.pb: has" in asked.stderr
    assert invoke("verify", "--output", tmp_path / "output").exit_code == 1
    assert invoke("verify", "--output", output).exit_code == 0


def test_what_was_taken_back_is_pushed_again_only_when_asked(first_run, output, sample_dir, tmp_path):
    shutil.copytree(output, tmp_path / "output")
    (serving,) = (tmp_path / "output").glob("*/serving")
    arguments = ("--data", sample_dir, "--output", tmp_path / "output", *FAST, "--hidden-units", 64, *ANY_LOSS)
    _, record = run(*arguments)
    assert record["newly_pushed"], record["reasons"]
    taken_back = record["pushed_version"]
    shutil.rmtree(serving / str(taken_back))
    code, record = run(*arguments)
    assert (code, record["verdict"], record["pushed_version"]) == (3, "not_blessed", None)
    assert f"version {taken_back}, of the same recipe, was taken back" in record["reasons"][0]
    assert "was taken back" in Path(record["report_path"]).read_text()
    code, record = run(*arguments, "--accept")
    assert (code, record["pushed_version"], record["newly_pushed"]) == (0, taken_back + 1, True)


def test_a_rollback_and_a_clean_leave_a_pipeline_that_goes_on(first_run, output, sample_dir, tmp_path, capfd):
    """With `[keep]`, after the runs, and by hand; the record of what was removed stays, the cache takes none of it."""
    shutil.copytree(output, tmp_path / "output")
    (serving,) = (tmp_path / "output").glob("*/serving")
    arguments = ("--data", sample_dir, "--output", tmp_path / "output", *FAST, *ANY_LOSS)
    _, record = run(*arguments, "--hidden-units", 48)
    assert record["newly_pushed"], record["reasons"]
    rollback = invoke("rollback", "--to", 1, "--reason", "it is only a test", "--output", tmp_path / "output", "--json")
    assert rollback.exit_code == 0, rollback.stderr
    served = json.loads(rollback.stdout)["version"]
    code, again = run(*arguments, "--hidden-units", 48)
    assert (code, again["pushed_version"]) == (3, None)
    assert "a person brought version 1 back as version" in again["reasons"][0]
    assert "which brought back 1 on" in Path(again["report_path"]).read_text()

    (tmp_path / "pipeline.toml").write_text("[keep]\nversions = 1\ndays = 0\n")
    result = invoke("run", *arguments, "--config", tmp_path / "pipeline.toml")
    assert result.exit_code == 0, result.stderr
    assert "Removed, as [keep] says: " in capfd.readouterr().err
    assert list_versions(serving) == [served]
    told = invoke("report", again["run_id"], "--output", tmp_path / "output")
    assert (told.exit_code, "this run was removed on 20" in told.stderr) == (2, True)
    records = json.loads(invoke("status", "--output", tmp_path / "output", "--json").stdout)
    assert {each["run_id"]: each["removed"] for each in records}[again["run_id"]] is True
    assert records[0]["used_bytes"] > 0

    code, last = run(*arguments, "--hidden-units", 48, "--accept")
    assert code == 0, last["reasons"]
    assert not last["stages"]["Trainer"]["cached"], "what was removed is in no cache"
    assert (last["pushed_version"], last["newly_pushed"]) == (served + 1, True)
    assert invoke("verify", "--output", tmp_path / "output").exit_code == 0
    assert invoke("health", "--within", "1h", "--output", tmp_path / "output").exit_code == 0


def test_unsound_data_stops_the_run_before_training(tmp_path, sample_dir):
    for name in ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "labels.txt"):
        (tmp_path / name).symlink_to(sample_dir / name)
    labels = read_labels(sample_dir / "train-labels-idx1-ubyte.gz")
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.where(labels == 3, 12, labels).astype(np.uint8))
    code, record = run("--data", tmp_path, "--output", tmp_path / "output", *FAST)
    assert code == 4
    assert record["verdict"] == "data_rejected"
    assert any("feature label: expected one integer from 0 to 9" in reason for reason in record["reasons"])
    assert any("label 3 (Dress): expected" in reason and "found none" in reason for reason in record["reasons"])
    assert not record["stages"].keys() & {"Transform", "Trainer", "Evaluator", "Pusher"}
    assert not list((tmp_path / "output").glob("*/serving/*"))
    assert "The last run was stopped, for its data was rejected." in (tmp_path / "output/index.html").read_text()
    assert "found none" in Path(record["report_path"]).read_text()


def test_damaged_files_are_bad_input_and_leave_nothing(tmp_path, sample_dir):
    for path in sample_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-20])
    result = invoke("run", "--data", tmp_path, "--output", tmp_path / "output")
    assert result.exit_code == 2
    assert "idx" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--data", "/no/such/folder"), "no such folder"),
        (("--epochs", 0), "--epochs 0: expected 1 to 10,000"),
        (("--min-accuracy", 1.5), "--min-accuracy 1.5: expected 0 to 1"),
        (("--max-class-loss", -1), "--max-class-loss -1.0: expected 0 to 1"),
        (("--learning-rate", 0), "--learning-rate 0.0: expected a number above 0"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(tmp_path, arguments, complaint):
    result = invoke("run", "--data", "sample", "--sample-size", 100, "--output", tmp_path, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_wrong_usage_is_an_error_in_json_as_well(tmp_path):
    code, record = run("--data", "/no/such/folder", "--output", tmp_path)
    assert code == 2
    assert (record["run_id"], record["verdict"], record["accuracy"]) == (None, "error", None)
    assert "no such folder" in record["reasons"][0]


def test_a_required_gpu_that_is_missing_is_an_error(tmp_path, sample_dir):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    code, record = run("--data", sample_dir, "--output", tmp_path, *FAST, "--require-gpu")
    assert code == 1
    assert record["verdict"] == "error"
    assert "--require-gpu: TensorFlow sees no GPU" in record["reasons"][0]


def test_status_lists_runs_newest_first(first_run, output):
    records = json.loads(invoke("status", "--output", output, "--json").stdout)
    assert records[-1]["run_id"] == first_run[1]["run_id"]
    numbers = [record["sequence"] for record in records]
    assert numbers == sorted(numbers, reverse=True)
    listing = invoke("status", "--output", output).stdout
    assert first_run[1]["run_id"] in listing
    assert "version 1" in listing


def test_the_history_has_every_run_and_a_link_to_its_report(first_run, output):
    records = json.loads(invoke("status", "--output", output, "--json").stdout)
    kept = (output / "index.html").read_text()
    for record in records:
        link = f"./{record['data']}/runs/{record['run_id']}/report.html"
        assert f'href="{link}"' in kept
        assert (output / link).samefile(record["report_path"])
    assert invoke("history", "--output", output).stdout == f"{output}/index.html\n"
    chosen = json.loads(invoke("status", "--output", output, "--json", "--verdict", "pushed", "--last", 1).stdout)
    assert [record["run_id"] for record in chosen] == [
        record["run_id"] for record in records if record["verdict"] == "pushed"
    ][:1]


def test_a_damaged_cache_is_made_anew(first_run, output, sample_dir):
    _, record = first_run
    (shard,) = output.glob(f"{record['data']}/artifacts/ExampleGen/examples/*/Split-eval/*")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    _, second = run("--data", sample_dir, "--output", output, *FAST, *ANY_LOSS)
    assert not second["stages"]["ExampleGen"]["cached"]
    (again,) = set(output.glob(f"{record['data']}/artifacts/ExampleGen/examples/*/Split-eval/*")) - {shard}
    assert again.read_bytes() == whole
    told = json.loads(invoke("report", "--format", "json", "--output", output).stdout)
    assert {check["name"]: check["value"] for check in told["checks"]}["evaluated images"] == 200
