"""The records of many runs, made in a moment and the same each time, for tests that read them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from components.report.lineage import Origin, Promotion
from components.serving.history import Push, write_history
from pipeline.runs import RunRecord, save_record

FIRST_NIGHT = datetime(2025, 1, 1, 2, tzinfo=timezone.utc)
_DRIFT, _BROKEN, _MENDED = range(120, 200), range(200, 212), 212
_STAGES = ("ExampleGen", "StatisticsGen", "DataValidator", "Transform", "Trainer", "Evaluator", "Pusher", "Report")


def make_nights(count: int = 365, data: str = "fashion-mnist") -> list[RunRecord]:
    """Make the records of nightly runs, oldest first: data that drifts, breaks and is mended, and a person at work."""
    rng = random.Random(1)
    return list(_make_nights(count, data, rng))


def _make_nights(count: int, data: str, rng: random.Random) -> Iterator[RunRecord]:
    version, served = 0, 0.892
    for night in range(count):
        started = FIRST_NIGHT + timedelta(days=night, seconds=rng.randrange(40))
        drift = max(night - _DRIFT.start, 0) / len(_DRIFT) if night < _MENDED else 0.0
        record = RunRecord(
            run_id=f"{started:%Y%m%d-%H%M%S}-{rng.randrange(1 << 16):04x}",
            data=data,
            started_at=started.isoformat(),
            sequence=night + 1,
            seconds=rng.gauss(38, 2) + 10 * drift,
            startup_seconds=9.0,
            stages={stage: {"seconds": round(rng.uniform(0.1, 11), 3), "cached": False} for stage in _STAGES},
            origin=Origin(data=data, command="python run_pipeline.py run", recipe="c0ffee" * 10),
            label_shift=abs(rng.gauss(0.004, 0.001)) + 0.01 * drift,
            shifted_label="Shirt",
            pixel_divergence=abs(rng.gauss(0.0004, 0.0001)) + 0.001 * drift,
        )
        if night in _BROKEN:
            record.label_shift, record.shifted_label, record.pixel_divergence = 0.31, "Coat", 0.12
        if night in _BROKEN and night % 3:
            record.verdict, record.seconds = "data_rejected", 19.0
            record.reasons = ["train split, label 4 (Coat): expected 1,200 to 30,000 images, found none", "and another"]
        elif night % 89 == 70:
            record.verdict, record.label_shift, record.pixel_divergence = "error", None, None
            record.reasons = ["Trainer failed: the memory is not enough; choose a smaller --batch-size"]
        elif night == 100:
            record.verdict, record.reasons = "interrupted", ["Trainer was interrupted; run it again"]
        else:
            record.accuracy = accuracy = 0.55 if night in _BROKEN else rng.gauss(0.8915, 0.0012) - 0.02 * drift
            record.accuracy_interval = (accuracy - 0.0062, accuracy + 0.006)
            record.baseline_accuracy = served + rng.gauss(0, 0.0005) - 0.01 * drift if version else None
            record.churn = abs(rng.gauss(0.041, 0.002)) if version else None
            if night in _BROKEN or night % 41 == 40:
                record.verdict = "not_blessed"
                record.reasons = ["accuracy of Shirt is 0.6120, a change of -0.0431, expected at least -0.0350"]
                record.served_accuracy = record.baseline_accuracy
                if night == 163:
                    version += 1
                    reason = "The autumn coats have to ship; see ticket 7."
                    record.promotion = Promotion(version=version, reason=reason, pushed_at=started.isoformat())
            else:
                version, served = version + 1, accuracy
                record.verdict, record.newly_pushed, record.pushed_version = "pushed", True, version
                record.served_accuracy = accuracy
        record.served_version = version or None
        yield record


def make_rollbacks(records: list[RunRecord]) -> list[Push]:
    """Make what `.pushed.json` holds of two rollbacks, about a day after the runs that they take back."""
    pushed = [record for record in records if record.newly_pushed]
    return [
        Push(
            version=(record.pushed_version or 0) + 1,
            digest="d",
            recipe="r",
            at=f"{record.started_at[:10]}T09:12:00+00:00",
            restores=(record.pushed_version or 0) - 1,
            reason=reason,
        )
        for record, reason in (
            (pushed[len(pushed) // 2], "Shop windows showed bags as sandals."),
            (pushed[-40], "Customers' photos of shirts were answered as coats; back to yesterday's."),
        )
    ]


def write_nights(output: Path, records: list[RunRecord], pushes: list[Push] = []) -> None:  # noqa: B006 - never changed
    """Write records, with a page for each that came to an end, and the versions that the last of them serves."""
    for record in records:
        directory = save_record(output / record.data, record)
        if record.verdict not in ("error", "interrupted", "running"):
            (directory / "report.html").write_text("<!doctype html>")
    serving_dir = output / records[-1].data / "serving"
    (serving_dir / str(records[-1].served_version or 1)).mkdir(parents=True)
    write_history(serving_dir, pushes)
