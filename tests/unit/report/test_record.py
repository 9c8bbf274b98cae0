"""The report is gathered from whatever a run left behind, and its numbers are right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from components.features import CLASS_NAMES
from components.gate.checks import Check, check_at_least, write_checks
from components.gate.churn import USUAL_OTHER_IMAGES, USUAL_SAME_IMAGES
from components.report.page import render_page
from components.report.record import (
    describe_churn,
    describe_verdict,
    gather_report,
    group_checks,
    list_key_metrics,
    to_json,
)
from tests.made_reports import ORIGIN, make_artifacts, make_report

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("variations", "verdict", "words"),
    [
        ({}, "pushed", "pushed as version 2"),
        ({"blessed": False}, "not_blessed", "did not pass, and was not pushed"),
        ({"rejected": True}, "data_rejected", "nothing was trained"),
        ({"error": "Trainer failed: no disk"}, "error", "did not come to its end"),
    ],
)
def test_the_verdict_follows_from_the_artifacts(tmp_path: Path, variations, verdict: str, words: str) -> None:
    report = make_report(tmp_path, **variations)
    assert report.verdict == verdict
    assert words in describe_verdict(report)


def test_what_was_pushed_before_is_told_as_that(tmp_path: Path) -> None:
    report = replace(make_report(tmp_path), newly_pushed=False)
    assert describe_verdict(report).endswith("what was pushed already as version 2.")


def test_a_run_that_broke_off_shows_what_it_came_to(tmp_path: Path) -> None:
    artifacts = make_artifacts(tmp_path)
    facts = {"run_id": "1", "started_at": "", "origin": ORIGIN, "error": "Evaluator failed"}
    report = gather_report({name: artifacts[name] for name in ("validation", "model_run")}, **facts)
    assert report.training
    assert report.data
    assert not report.gate_checks
    assert (report.verdict, report.accuracy, report.answers) == ("error", None, None)
    assert gather_report({}, **facts).verdict == "error"


def test_the_check_that_decided_is_the_worst_one_or_the_closest_call(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    checks = [check_at_least("accuracy", name, value, 0.5, images=1) for name, value in (("a", 0.9), ("b", 0.51))]
    failed = [check_at_least("accuracy", name, value, 0.5, images=1) for name, value in (("c", 0.49), ("d", 0.3))]
    closest = replace(report, gate_checks=checks).deciding_check
    worst = replace(report, gate_checks=[*checks, *failed]).deciding_check
    assert closest
    assert worst
    assert (closest.slice, worst.slice) == ("b", "d")
    rejected = make_report(tmp_path / "rejected", rejected=True).deciding_check
    assert rejected
    assert rejected.name == "class balance"


def test_the_baseline_and_its_data_are_those_of_the_copy(tmp_path: Path) -> None:
    report = make_report(tmp_path / "with", reason="it had to be")
    assert report.baseline_manifest
    assert report.baseline_manifest.reason == "it had to be"
    assert report.drift.keys() == {"train", "eval"}
    assert 0 < report.drift["train"].pixel_divergence < 1
    assert report.baseline_accuracy is not None
    first = make_report(tmp_path / "without", baseline=False)
    assert (first.baseline_version, first.baseline_manifest, first.drift, first.baseline_accuracy) == (
        None,
        None,
        {},
        None,
    )


def test_json_holds_every_check_and_no_nan(tmp_path: Path) -> None:
    artifacts = make_artifacts(tmp_path)
    nan = check_at_least("accuracy", "overall", float("nan"), 0.5, images=1)
    write_checks(artifacts["evaluation"].uri / "gate.json", [replace(nan, interval=(float("nan"), 1.0))])
    report = gather_report(artifacts, run_id="1", started_at="", origin=ORIGIN)
    values = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert values["verdict"] == "not_blessed"
    assert [check["name"] for check in values["checks"]] == ["schema", "image size", "class balance", "accuracy"]
    assert values["accuracy"] is None
    assert values["checks"][-1]["interval"] == [None, 1.0]
    assert "accuracy" not in list_key_metrics(report)


def test_churn_is_told_overall_and_by_class_in_json_and_as_metrics(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    assert report.answers
    changed, pairs = report.answers.changed, report.answers.pairs
    churn = to_json(report)["churn"]
    assert list(churn) == ["overall", *CLASS_NAMES]
    assert churn["overall"] == {
        "share": sum(changed) / 400,
        "images": 400,
        "changed": sum(changed),
        "lost": sum(counts[2] for counts in pairs),
        "won": sum(counts[1] for counts in pairs),
    }
    assert churn["Coat"]["share"] == changed[4] / 40
    metrics = list_key_metrics(report)
    assert metrics["churn"] == churn["overall"]["share"]
    assert (metrics["right_then_wrong_now"], metrics["wrong_then_right_now"]) == (
        churn["overall"]["lost"],
        churn["overall"]["won"],
    )


def test_of_a_run_of_an_older_version_which_did_not_count_changes_the_rest_is_told(tmp_path: Path) -> None:
    report = make_report(tmp_path, churn=False)
    assert report.churn
    assert (report.churn.changed, report.churn.share) == (None, None)
    assert describe_churn(report.churn).startswith(f"{report.churn.lost} images were right and are wrong now")
    assert "churn" not in list_key_metrics(report)
    assert to_json(report)["churn"]["overall"]["lost"] == report.churn.lost
    assert describe_churn(report.churn) in render_page(report)


def test_without_a_baseline_there_is_no_churn(tmp_path: Path) -> None:
    report = make_report(tmp_path, baseline=False)
    assert report.churn is None
    assert to_json(report)["churn"] == {}
    assert "churn" not in list_key_metrics(report)


def test_the_churn_that_is_said_to_be_usual_is_the_one_that_the_benchmark_measured() -> None:
    found = json.loads((ROOT / "benchmarks" / "retraining.json").read_text())["retrainings"]
    assert round(found["same images"]["churn"], 3) == USUAL_SAME_IMAGES
    assert round(found["other 90 %"]["churn"], 3) == USUAL_OTHER_IMAGES


def test_key_metrics_are_numbers_by_name(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    metrics = list_key_metrics(report)
    assert metrics["accuracy"] == report.accuracy
    assert metrics["train_loss"] == pytest.approx(1 / 3)
    assert metrics["failed_checks"] == 0
    assert 0 < metrics["recall of Coat"] < 1
    assert {type(value) for value in metrics.values()} == {float}


def test_checks_that_follow_one_another_are_grouped_by_name() -> None:
    checks = [Check(name=name, slice=str(n), passed=True, reason="") for n, name in enumerate("aabba")]
    assert [(name, len(group)) for name, group in group_checks(checks)] == [("a", 2), ("b", 2), ("a", 1)]
