"""What is told of a run, and when, follows from its record and from that of the run before."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.notify.message import Message, compose, list_events
from pipeline.notify.settings import EVENTS
from pipeline.runs import RunRecord


def make(verdict: str, **values: Any) -> RunRecord:
    return RunRecord(run_id="20261126-0300-abcd", data="fashion-mnist", verdict=verdict, **values)  # type: ignore[arg-type]


def tell(record: RunRecord, previous: RunRecord | None = None, served: int | None = 3) -> Message:
    message = compose(record, previous, when=EVENTS, served=served)
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("verdict", "previous", "events"),
    [
        ("pushed", None, {"changed"}),
        ("pushed", "pushed", set()),
        ("pushed", "error", {"changed"}),
        ("not_blessed", "pushed", {"rejected", "changed"}),
        ("not_blessed", "not_blessed", {"rejected"}),
        ("data_rejected", "not_blessed", {"data_rejected", "changed"}),
        ("error", "error", {"error", "changed"}),
        ("interrupted", "pushed", set()),
        ("running", None, set()),
    ],
)
def test_what_a_run_is_news_of(verdict: str, previous: str | None, events: set[str]) -> None:
    assert list_events(make(verdict), make(previous) if previous else None) == events


def test_a_new_version_is_news_even_where_the_verdict_is_the_same() -> None:
    assert list_events(make("pushed", newly_pushed=True), make("pushed")) == {"pushed"}


def test_only_what_was_asked_for_is_told() -> None:
    record = make("not_blessed")
    assert compose(record, None, when=["pushed", "error"], served=None) is None
    assert compose(record, make("not_blessed"), when=["changed"], served=None) is None
    assert compose(record, make("pushed"), when=["changed"], served=None) is not None


def test_a_rejection_says_why_with_figures_what_is_served_and_where_the_report_is() -> None:
    record = make(
        "not_blessed",
        accuracy=0.8801,
        baseline_accuracy=0.8928,
        churn=0.0412,
        reasons=["accuracy of overall is 0.8801, 0.0127 below the baseline's."],
        report_path="/output/report.html",
        started_at="2026-11-26T03:00:00+00:00",
    )
    message = tell(record, make("pushed"))
    assert message == Message(
        title="fashion-mnist: model rejected",
        body=(
            "The model was rejected: accuracy of overall is 0.8801, 0.0127 below the baseline's.\n"
            "Accuracy: 0.8801, baseline 0.8928, 4.12% of the answers changed\n"
            "Served now: version 3\n"
            "Before: pushed\n"
            "Report: /output/report.html\n"
            "Run: 20261126-0300-abcd, 26 Nov 2026 03:00 UTC"
        ),
        kind="warning",
    )


def test_each_verdict_has_a_title_and_a_sentence_of_its_own() -> None:
    records = [
        make("pushed", pushed_version=4, newly_pushed=True),
        make("pushed", pushed_version=3),
        make("not_blessed"),
        make("data_rejected"),
        make("error"),
    ]
    messages = [tell(record) for record in records]
    assert len({message.title for message in messages}) == len({message.body for message in messages}) == len(records)
    assert "version 4 now" in messages[0].body


def test_what_comes_from_outside_is_neither_obeyed_nor_endless() -> None:
    reasons = [f"class \x1b[31m\r\nSubject: {number}\u202e \udcff" + "x" * 10_000 for number in range(300)]
    message = tell(make("data_rejected", reasons=reasons))
    assert all(line.isprintable() for line in message.body.splitlines())
    assert not [line for line in message.body.splitlines() if line.startswith("Subject")]
    assert "and 297 more" in message.body
    assert len(message.body) < 2_000
    message.body.encode()


def test_of_a_run_that_could_not_begin_nothing_is_said_that_is_not_known() -> None:
    body = tell(RunRecord(run_id="", data="/nowhere", verdict="error", reasons=["/nowhere: no folder"]), None).body
    assert "The run failed: /nowhere: no folder." in body
    assert "Served" not in body
