"""The page tells what happened, whatever happened, and fetches, runs and trusts nothing."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from components.gate.checks import check_at_least, write_checks
from components.report.lineage import Promotion
from components.report.page import MAX_MATRIX_CLASSES, render_page
from components.report.record import gather_report
from tests.made_reports import ORIGIN, make_artifacts, make_report

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b")


def read_text(page: str) -> str:
    """What is read on the page: its tags left out, its spaces made one."""
    body = re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("\N{NO-BREAK SPACE}", " ").split())


def test_a_pushed_run_says_why_and_how_it_compares(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    text = read_text(render_page(report))
    assert "The model passed every check, and was pushed as version 2." in text
    assert "The closest call: Calibration error of overall is 0.0400, at most 0.0500" in text
    assert report.accuracy
    assert report.baseline_accuracy
    assert f"Accuracy {report.accuracy:.2%}".replace("%", " %") in text
    assert f"Baseline, version 1 {report.baseline_accuracy:.2%}".replace("%", " %") in text
    assert "All 15 checks passed." in text
    assert "Confusion matrix" in text
    assert "Difference to the baseline" in text
    assert "3 epochs in 1.5 seconds on CPU." in text
    assert ORIGIN.command in text
    assert ORIGIN.git_commit in text


def test_counts_of_the_page_are_those_of_the_answers(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    assert report.answers
    page = render_page(report)
    cells = re.findall(r'<td class="right" style="--s:[\d.]+">(\d+)<small>', page)
    assert [int(cell) for cell in cells] == [row[n] for n, row in enumerate(report.answers.candidate.confusion)]
    won, lost = (sum(pair[n] for pair in report.answers.pairs) for n in (1, 2))
    changed, text = sum(report.answers.changed), read_text(page)
    assert f"{changed} of 400 answers changed, {changed / 400:.2%}".replace("%", " %") in text
    assert f"{lost} images were right and are wrong now, {won} were wrong and are right now." in text
    shown = [report.answers.lost, report.answers.won, report.answers.mistakes]
    assert len(re.findall('<img src="data:image/png;base64,[^"]+" alt="Image', page)) == sum(map(len, shown))


def test_the_curves_say_whether_they_are_of_averaged_weights(tmp_path: Path) -> None:
    averaged, plain = (
        read_text(render_page(make_report(tmp_path / str(averaging), averaging=averaging)))
        for averaging in (True, False)
    )
    assert "The curves of the eval split are those of the averaged weights" in averaged
    assert "averaged weights" not in plain


def test_a_run_that_was_not_blessed_lists_what_failed(tmp_path: Path) -> None:
    text = read_text(render_page(make_report(tmp_path, blessed=False)))
    assert "The model did not pass, and was not pushed." in text
    assert "What decided: Calibration error of overall is 0.0800, expected at most 0.0500" in text
    assert "1 of 15 checks failed." in text
    assert "Nothing what is served stays as it was" in text


def test_a_rejected_run_shows_its_data_and_nothing_of_a_model(tmp_path: Path) -> None:
    page = render_page(make_report(tmp_path, rejected=True))
    text = read_text(page)
    assert "The data was rejected; nothing was trained." in text
    assert "Train split, label 0 (T-shirt/top): expected 2 to 20 images, found 4" in text
    assert "<details open>" in page
    assert "One anomaly was found." in text
    assert not re.search('id="(classes|changes|training)"', page)


def test_without_a_baseline_it_says_so(tmp_path: Path) -> None:
    text = read_text(render_page(make_report(tmp_path, baseline=False)))
    assert "There was no baseline, so that only floors were checked." in text
    assert "there was nothing to compare with" in text
    assert "Difference to the baseline" not in text


def test_a_class_that_is_never_predicted_is_told(tmp_path: Path) -> None:
    text = read_text(render_page(make_report(tmp_path, never_predicted=3)))
    assert re.search(r"Dress 40 never predicted 0\.0 % 0\.0 %", text)
    assert "Dress worst (F1 0" in text


def test_an_older_run_without_answers_shows_the_rest(tmp_path: Path) -> None:
    page = render_page(make_report(tmp_path, answers=False))
    assert 'id="checks"' in page
    assert 'id="classes"' not in page
    assert "its answers are not known" in read_text(page)


def test_a_training_that_went_astray_is_shown(tmp_path: Path) -> None:
    artifacts = make_artifacts(tmp_path)
    nan = math.nan
    history = [{"epoch": 1, "loss": nan, "accuracy": 0.1, "eval_loss": nan, "eval_accuracy": 0.1}]
    record = {"device": "CPU", "seconds": 1.5, "options": {}, "history": history}
    (artifacts["model_run"].uri / "training.json").write_text(json.dumps(record))
    check = replace(check_at_least("accuracy", "overall", nan, 0.5, images=1), interval=(nan, nan))
    write_checks(artifacts["evaluation"].uri / "gate.json", [check])
    page = render_page(gather_report(artifacts, run_id="1", started_at="", origin=ORIGIN))
    assert "Accuracy of overall is nan, expected at least 0.5000" in page
    assert not re.search(r'(x|y|cx|cy|points|width)\d?="[^"]*nan', page)


def test_what_a_person_decided_is_shown_with_the_reason(tmp_path: Path) -> None:
    report = make_report(tmp_path, blessed=False, reason="Only model that knows bags")
    promotion = Promotion(version=7, reason="Bags <b>now</b>", pushed_at="2025-01-02T00:00:00+00:00")
    page = render_page(replace(report, promotion=promotion))
    assert "The model did not pass; a person pushed it as version 7. " in read_text(page)
    assert "Why it was pushed, on 2025-01-02" in read_text(page)
    assert "“Bags &lt;b&gt;now&lt;/b&gt;”" in page
    assert "“Only model that knows bags”" in page


@pytest.mark.parametrize("variations", [{}, {"rejected": True}, {"blessed": False}])
def test_names_that_are_markup_stay_text(tmp_path: Path, variations) -> None:
    page = render_page(make_report(tmp_path, class_names=HOSTILE, **variations))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "<img src=x" not in page


def test_nothing_is_fetched_and_nothing_runs(tmp_path: Path) -> None:
    page = render_page(make_report(tmp_path))
    addresses = re.findall(r'(?:src|href|srcset|action|xlink:href)="([^"]*)"', page)
    assert {address.split(":")[0][0] for address in addresses} == {"d", "#"}
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"url\(|@import|<script|<link rel=.stylesheet|<iframe| on[a-z]+=|https?://", page)


def test_the_page_stays_within_its_size_with_large_images_of_many_classes(tmp_path: Path) -> None:
    names = [f"class {n}" for n in range(256)]
    page = render_page(make_report(tmp_path, class_names=names, shape=(160, 120)))
    assert len(page.encode()) <= 1_500_000
    assert f"Shown are the {MAX_MATRIX_CLASSES} classes with the most mistakes, of 256." in read_text(page)
