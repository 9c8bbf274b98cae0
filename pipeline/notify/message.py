"""What is told of a run, in plain text: computed from records, sent elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from pipeline.commands.plain_text import show_line
from pipeline.notify.settings import Event
from pipeline.runs import RunRecord

# Verdicts of runs that came to an end, with the event that each is, and Apprise's word for how bad it is.
_EVENTS: dict[str, Event] = {"not_blessed": "rejected", "data_rejected": "data_rejected", "error": "error"}
_KINDS = {"pushed": "success", "not_blessed": "warning", "data_rejected": "warning", "error": "failure"}
_MOST_REASONS = 3
_LONGEST_REASON = 300
_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent: a line and a few more, without control characters.

    Attributes:
        kind: Apprise's type: `info`, `success`, `warning` or `failure`.
    """

    title: str
    body: str
    kind: str = "info"


def compose(
    record: RunRecord, previous: RunRecord | None, *, when: Iterable[str], served: int | None
) -> Message | None:
    """Return what is to be told of a run that ended, None for nothing.

    Args:
        record: The run; one that was interrupted is never told, for whoever interrupted it knows.
        previous: The run before it that came to an end (`find_previous`), None for none.
        when: The events that are told, see `list_events`.
        served: The version that is served now, None for none.
    """
    if not list_events(record, previous) & set(when):
        return None
    title = show_line(f"{record.data}: {_write_title(record)}")
    lines = [_write_sentence(record), *_list_facts(record, previous, served)]
    return Message(
        title=_shorten(_make_encodable(title), _LONGEST_TITLE),
        body=_make_encodable("\n".join(show_line(line) for line in lines)),
        kind=_KINDS[record.verdict],
    )


def compose_test() -> Message:
    """Return the message that `notify --test` sends."""
    body = f"A test, sent {_write_time('')}: alarms of the pipeline's runs arrive here."
    return Message(title="Test of alarms", body=body)


def list_events(record: RunRecord, previous: RunRecord | None) -> set[Event]:
    """Return what a run is news of; nothing for one that did not come to an end.

    It is `changed` where its verdict is another than that of the run before, as after an error or a rejection that is
    over; where there was no run before; and wherever it is an error.
    """
    if record.verdict not in _KINDS:
        return set()
    events: set[Event] = {_EVENTS[record.verdict]} if record.verdict in _EVENTS else set()
    if record.newly_pushed:
        events.add("pushed")
    if record.verdict == "error" or previous is None or previous.verdict != record.verdict:
        events.add("changed")
    return events


def _write_title(record: RunRecord) -> str:
    if record.verdict == "pushed":
        return f"version {record.pushed_version} {'pushed' if record.newly_pushed else 'stays, nothing to do'}"
    return {"not_blessed": "model rejected", "data_rejected": "data rejected", "error": "run failed"}[record.verdict]


def _write_sentence(record: RunRecord) -> str:
    """Say what happened, and why."""
    if record.verdict == "pushed" and record.newly_pushed:
        return f"The model passed every check and is version {record.pushed_version} now."
    if record.verdict == "pushed":
        return f"There was nothing to do: what was trained is version {record.pushed_version}, which stays."
    what = {
        "not_blessed": "The model was rejected",
        "data_rejected": "The data was rejected and nothing was trained",
        "error": "The run failed",
    }[record.verdict]
    reasons = _write_reasons(record.reasons) or "no reason is known"
    return f"{what}: {reasons}{'' if reasons.endswith('…') else '.'}"


def _write_reasons(reasons: list[str]) -> str:
    shown = [_shorten(reason.rstrip("."), _LONGEST_REASON) for reason in reasons[:_MOST_REASONS]]
    more = len(reasons) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _list_facts(record: RunRecord, previous: RunRecord | None, served: int | None) -> Iterator[str]:
    if record.accuracy is not None:
        baseline = record.baseline_accuracy
        compared = "compared with no baseline" if baseline is None else f"baseline {baseline:.4f}"
        churn = "" if record.churn is None else f", {record.churn:.2%} of the answers changed"
        yield f"Accuracy: {record.accuracy:.4f}, {compared}{churn}"
    if record.run_id:
        yield f"Served now: {'nothing' if served is None else f'version {served}'}"
    if previous and previous.verdict != record.verdict:
        yield f"Before: {previous.verdict.replace('_', ' ')}"
    if record.report_path:
        yield f"Report: {record.report_path}"
    yield f"Run: {record.run_id or 'it could not begin'}, {_write_time(record.started_at)}"


def _write_time(text: str) -> str:
    """Write a time of ISO 8601 so that a message that comes late is seen to be late; "" is now."""
    try:
        time = datetime.fromisoformat(text) if text else datetime.now(timezone.utc)
    except ValueError:
        return text
    return f"{time:%d %b %Y %H:%M %Z}".strip()


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _make_encodable(text: str) -> str:
    """Replace what stands for bytes of a path that are no UTF-8; no service takes those."""
    return text.encode("utf-8", "replace").decode()
