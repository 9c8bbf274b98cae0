"""Every run has a page and a verdict on a cluster: one that is pushed, one that is rejected, and one that broke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from components.report.lineage import Artifact
from pipeline.commands import notify as alarms
from pipeline.kubeflow import places, verdict_stages
from pipeline.kubeflow.message import Task, read_task
from pipeline.kubeflow.run_artifacts import StageRecord, StoredArtifact
from pipeline.kubeflow.verdict_stages import ModelRejectedError, run_report, run_verdict
from pipeline.notify.settings import Notify
from pipeline.runs import read_records
from tests.made_reports import make_artifacts

STAGE_OF = {
    "validation": "DataValidator", "model_run": "Trainer", "baseline": "Baseline", "evaluation": "Evaluator",
    "pushed_model": "Pusher",
}  # fmt: skip
STARTED = datetime(2026, 3, 28, 1, 30, tzinfo=timezone.utc)


def store(artifact: Artifact) -> StoredArtifact:
    """As ML Metadata has it: by an address, and with all numbers as floats."""
    uri = f"minio://{artifact.uri.relative_to(places.LOCAL_ROOTS['minio'])}"
    properties = {name: float(value) for name, value in artifact.properties.items()}
    return StoredArtifact(id=artifact.id, type=artifact.type, uri=uri, properties=properties)


def record(state: str, outputs: dict[str, StoredArtifact] | None = None) -> StageRecord:
    return StageRecord(state=state, started=STARTED, outputs=outputs or {})


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bucket whose objects all lie where the launcher would put them."""
    monkeypatch.setattr(places, "LOCAL_ROOTS", {"minio": tmp_path})
    monkeypatch.setattr(StoredArtifact, "fetch", StoredArtifact.locate)
    return tmp_path / "bucket"


@pytest.fixture
def tell(
    bucket: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, dict[str, Any], str]]:
    """Runs the stage after these others, and returns the page, the numbers and what is printed."""

    def call(
        stages: dict[str, StageRecord] | Callable[[str], dict[str, StageRecord]], notify: Notify | None = None
    ) -> tuple[str, dict[str, Any], str]:
        own = record("RUNNING")
        read = stages if callable(stages) else lambda run_id: stages
        monkeypatch.setattr(verdict_stages, "read_stages", lambda run_id: {**read(run_id), "Report": own})
        task = make_task("Report", outputs=("report", "metrics"), volume=bucket.parent / "volume")
        outputs = run_report(replace(task, notify=notify))
        return (bucket / "report").read_text(), outputs["metrics"], capsys.readouterr().out

    return call


def make_task(
    stage: str,
    inputs: dict[str, Artifact] | None = None,
    outputs: tuple[str, ...] = (),
    volume: Path = Path("/mnt/models"),
) -> Task:
    given = {
        key: {"artifacts": [{"uri": store(artifact).uri, "metadata": store(artifact).properties}]}
        for key, artifact in (inputs or {}).items()
    }
    made = {key: {"artifacts": [{"name": key, "uri": f"minio://bucket/{key}"}]} for key in outputs}
    message = {
        "inputs": {"parameterValues": {"run_id": "cbcd6986", "epochs": 3.0}, "artifacts": given},
        "outputs": {"artifacts": made, "outputFile": "/tmp/output.json"},
    }
    fixed = {"name": "clothes", "output_dir": str(volume / "clothes"), "require_gpu": False}
    return read_task(stage, fixed, message)


def make_stages(directory: Path, **variations: Any) -> dict[str, StageRecord]:
    """The stages of a run that left artifacts."""
    made = make_artifacts(directory, **variations)
    return {STAGE_OF[key]: record("COMPLETE", {key: store(artifact)}) for key, artifact in made.items()}


def test_of_a_pushed_model_the_page_says_all_that_a_local_one_says(bucket, tell):
    page, metrics, printed = tell(make_stages(bucket))
    assert "was pushed as version 2" in page
    assert "cbcd6986" in page
    assert "2026-03-28 01:30" in page
    assert "--epochs 3" in page
    assert (metrics["verdict"], metrics["exit_code"], metrics["pushed_version"]) == ("pushed", 0, 2)
    assert metrics["accuracy"] > 0.5
    assert printed.startswith("Verdict: pushed (exit code 0). The model passed every check")


def test_of_a_run_in_which_nothing_changed_the_page_is_that_of_the_one_before(bucket, tell, monkeypatch):
    known = StoredArtifact(id=9, type="system.Artifact", uri="minio://bucket/known", properties={"same_as": "earlier"})
    earlier, own = make_stages(bucket), {"Changes": record("COMPLETE", {"known": known})}
    page, metrics, printed = tell(lambda run_id: earlier if run_id == "earlier" else own)
    assert "cbcd6986" in page
    assert (metrics["verdict"], metrics["pushed_version"]) == ("pushed", 2)
    assert printed.startswith("Verdict: pushed (exit code 0). Nothing changed since run earlier. ")
    (kept,) = read_records(bucket.parent / "volume")
    assert (kept.same_as, kept.newly_pushed, kept.accuracy) == ("earlier", False, metrics["accuracy"])


def test_a_first_stage_that_fails_is_named(bucket, tell):
    page, metrics, _ = tell({"Changes": record("FAILED")})
    assert "Changes failed" in page
    assert (metrics["verdict"], metrics["exit_code"]) == ("error", 1)


def test_a_model_that_is_not_blessed_is_a_verdict_with_its_reason(bucket, tell):
    stages = {**make_stages(bucket, blessed=False), "Verdict": record("FAILED")}
    page, metrics, printed = tell(stages)
    assert "Not blessed" in page
    assert (metrics["verdict"], metrics["exit_code"]) == ("not_blessed", 3)
    assert "pushed_version" not in metrics
    assert printed.startswith("Verdict: not_blessed (exit code 3). The model did not pass, and was not pushed. ")


def test_of_rejected_data_the_page_has_the_checks(bucket, tell):
    page, metrics, printed = tell({**make_stages(bucket, rejected=True), "DataGate": record("FAILED")})
    assert "Data rejected" in page
    assert "label 0" in page
    assert (metrics["verdict"], metrics["exit_code"]) == ("data_rejected", 4)
    assert "label 0" in printed


def test_a_stage_that_failed_is_named_with_the_last_sentence_of_its_log(bucket, tell):
    stages = dict(list(make_stages(bucket).items())[:1])
    log = bucket / "executor-logs-0"
    log.write_text("Error: something else\nTraceback\nError: Trainer failed: --batch-size <b>70000</b>: too much.\n\n")
    stored = StoredArtifact(id=9, type="system.Artifact", uri="minio://bucket/executor-logs-0", properties={})
    page, metrics, printed = tell({**stages, "Trainer": record("FAILED", {"executor-logs": stored})})
    sentence = "Trainer failed: --batch-size <b>70000</b>: too much."
    assert printed == f"Verdict: error (exit code 1). {sentence}\n"
    assert "Trainer failed: --batch-size &lt;b&gt;70000&lt;/b&gt;: too much." in page
    assert (metrics["verdict"], metrics["exit_code"]) == ("error", 1)
    assert "All 3 checks passed" in page


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ({"Trainer": "FAILED"}, "Trainer failed: its log says why."),
        ({"ExampleGen": "COMPLETE", "Trainer": "RUNNING"}, "Trainer did not come to its end: its pod was stopped"),
        ({"ExampleGen": "COMPLETE"}, "The stage after ExampleGen did not start."),
        ({}, "No stage of it started."),
    ],
)
def test_whatever_is_known_of_a_run_that_broke_is_told(tell, stages, sentence):
    page, metrics, printed = tell({name: record(state) for name, state in stages.items()})
    assert sentence in page
    assert sentence in printed
    assert metrics["verdict"] == "error"


def test_the_volume_has_record_page_and_history_of_each_run(bucket, tell):
    tell(make_stages(bucket))
    volume = bucket.parent / "volume"
    (kept,) = read_records(volume)
    assert (kept.run_id, kept.data, kept.verdict, kept.sequence) == ("cbcd6986", "clothes", "pushed", 1)
    assert (kept.pushed_version, kept.newly_pushed) == (2, True)
    assert kept.accuracy
    assert kept.accuracy > 0.5
    assert kept.started_at == "2026-03-28T01:30:00+00:00"
    assert kept.report_path
    assert "was pushed as version 2" in Path(kept.report_path).read_text()
    assert "clothes" in (volume / "index.html").read_text()


def test_a_volume_that_can_t_be_written_fails_no_report(bucket, tell):
    (bucket.parent / "volume").write_text("")
    _, metrics, printed = tell(make_stages(bucket))
    assert metrics["verdict"] == "pushed"
    assert printed.startswith("Verdict: pushed")


def test_whoever_wants_to_hear_of_a_run_is_told_by_its_report(bucket, tell, monkeypatch):
    told = []
    monkeypatch.setattr(alarms, "deliver", lambda folder, notify, message: told.append((folder, message)) or ([], []))
    tell(make_stages(bucket, blessed=False), Notify(env="NOTIFY_ADDRESSES"))
    ((folder, message),) = told
    assert folder == bucket.parent / "volume" / ".unsent"
    assert message.title == "clothes: model rejected"


def test_a_run_fails_with_the_sentence_of_the_check_that_decided(bucket):
    rejected = make_artifacts(bucket, blessed=False)
    with pytest.raises(ModelRejectedError, match=r"The model was not blessed: .* expected at most 0\.05"):
        run_verdict(make_task("Verdict", {key: rejected[key] for key in ("evaluation", "pushed_model")}))


def test_a_blessed_model_fails_nothing(bucket):
    made = make_artifacts(bucket)
    assert run_verdict(make_task("Verdict", {key: made[key] for key in ("evaluation", "pushed_model")})) == {}
