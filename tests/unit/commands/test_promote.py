"""A person can overrule the gate, for a reason that stays; nothing else can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from components.report.lineage import Artifact, Origin
from components.serving.versions import list_versions, read_manifest
from pipeline.cli import app
from pipeline.runs import RunRecord, list_records, save_record
from tests.made_reports import make_artifacts

RUN, REJECTED = "20250102-000000-aaaa", "20250103-000000-bbbb"
REASON = "The bags have to ship; see ticket 7."


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, constant_models: SimpleNamespace) -> Path:
    """A run that was not blessed, and one whose data was rejected."""
    from components import pusher

    artifacts = make_artifacts(tmp_path / "run", blessed=False)
    artifacts["baseline"] = replace(artifacts["baseline"], properties={"version": 0})
    model = Artifact(uri=tmp_path / "model")
    model.uri.mkdir()
    (model.uri / "Format-Serving").symlink_to(constant_models.a)
    (tmp_path / "examples").mkdir()
    runs = {
        RUN: {
            "Trainer.model": model,
            "ExampleGen.examples": Artifact(uri=tmp_path / "examples"),
            "Baseline.baseline": artifacts["baseline"],
            "Evaluator.evaluation": artifacts["evaluation"],
            "DataValidator.validation": artifacts["validation"],
        },
        REJECTED: {"DataValidator.validation": make_artifacts(tmp_path / "rejected", rejected=True)["validation"]},
    }
    for module in ("promote", "report"):
        monkeypatch.setattr(f"pipeline.commands.{module}.read_outputs", lambda _, run_id: runs[run_id])
    monkeypatch.setattr(pusher, "verify_copy", lambda *_: None)
    output = tmp_path / "output"
    save_record(
        output / "sample", RunRecord(run_id=RUN, data="sample", verdict="not_blessed", origin=Origin(recipe="flour"))
    )
    save_record(output / "sample", RunRecord(run_id=REJECTED, data="sample", verdict="data_rejected"))
    (output / "sample" / "metadata.sqlite").touch()
    return output


def promote(output: Path, run_id: str, reason: str) -> Result:
    return CliRunner().invoke(app, ["promote", run_id, "--reason", reason, "--output", str(output)])


def test_the_model_is_pushed_and_the_reason_kept_everywhere(output: Path) -> None:
    result = promote(output, RUN, f"  {REASON}\n")
    assert result.exit_code == 0, result.stderr
    assert f"is version 1 now, by a person: {REASON}" in result.stdout
    serving_dir = output / "sample" / "serving"
    manifest = read_manifest(serving_dir, 1)
    assert manifest
    assert (manifest.reason, manifest.run_id, manifest.recipe) == (REASON, RUN, "flour")
    record = next(record for record in list_records(output) if record.run_id == RUN)
    assert record.promotion
    assert (record.promotion.version, record.promotion.reason, record.verdict) == (1, REASON, "not_blessed")
    assert REASON in (output / "sample" / "runs" / RUN / "report.html").read_text()
    assert REASON in (output / "index.html").read_text()


@pytest.mark.parametrize(
    ("run_id", "reason", "complaint"),
    [
        (RUN, " \n", '--reason "": expected a sentence'),
        ("nope", REASON, "nope: no such run"),
        (REJECTED, REASON, f"{REJECTED}: this run has no evaluated model (data_rejected)"),
    ],
)
def test_what_cannot_be_promoted_is_refused_in_one_sentence(
    output: Path, run_id: str, reason: str, complaint: str
) -> None:
    result = promote(output, run_id, reason)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list_versions(output / "sample" / "serving") == []


def test_what_is_pushed_is_not_pushed_again(output: Path) -> None:
    promote(output, RUN, REASON)
    result = promote(output, RUN, "again")
    assert result.exit_code == 2
    assert "its model is what is pushed already, version 1" in result.stderr
    assert list_versions(output / "sample" / "serving") == [1]


def test_a_copy_that_is_refused_is_an_error_and_leaves_no_trace(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from components import pusher

    def refuse(*_: Path) -> None:
        raise pusher.PushError("The staged copy of the model was refused")

    monkeypatch.setattr(pusher, "verify_copy", refuse)
    result = promote(output, RUN, REASON)
    assert result.exit_code == 1
    assert "refused" in result.stderr
    assert list_versions(output / "sample" / "serving") == []
    assert all(record.promotion is None for record in list_records(output))


def test_a_model_that_is_no_longer_whole_is_not_pushed(output: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").rmdir()
    result = promote(output, RUN, REASON)
    assert result.exit_code == 2
    assert (
        f"{RUN}: its model can't be pushed, {tmp_path / 'examples'} is gone; run the pipeline again." in result.stderr
    )
    assert not (output / "sample" / "serving").exists()
