"""A year of nightly runs in one process: `make simulate-year` prints what became of it, and fails where it went wrong.

New images come every few nights; in the others there is nothing to do. They drift, are broken for a week, and are
mended. The labels are wrong twice, which the gate refuses; a person overrules the second refusal, and rolls back twice.
`clean` removes what is old once a week. A mail server hears of what changes, and is down when the data breaks. The
nights are real runs, with real trainings; only Python's clock is moved (tests/moved_clock.py).
"""

from __future__ import annotations

import argparse
import email
import email.policy
import io
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.histories import time_command
from components.images.idx import write_idx
from components.images.samples import draw_samples, name_samples
from components.serving.history import read_history
from deploy.background import find_free_port
from pipeline.cli import app
from pipeline.commands.history import HISTORY_FILE
from pipeline.disk import measure_size
from pipeline.quantities import write_size
from pipeline.runs import RunRecord, Verdict, read_records
from tests.alarm_servers import Inbox, serve_mail, write_mail_address
from tests.moved_clock import move_clock

FIRST_NIGHT = datetime(2027, 1, 1, 2, tzinfo=timezone.utc)
TRAINING_IMAGES, EVALUATION_IMAGES = 2_000, 1_000
OPTIONS = (
    "--epochs", "2", "--min-accuracy", "0.5", "--min-class-accuracy", "0.1", "--max-class-loss", "0.5",
    "--max-loss", "0.1", "--max-pixel-skew", "0.2", "--max-calibration-error", "0.5",
)  # fmt: skip
KEEP = ("--keep-versions", "5", "--keep-days", "30", "--yes")
FEWEST_DAYS = 60
# Much more than the first month's end has, a folder that is kept clean does not take, whatever the year brings.
MOST_GROWTH = 1.25
MOST_METADATA_PER_NIGHT = 200_000
SUBJECTS = {
    "pushed": "pushed",
    "not_blessed": "model rejected",
    "data_rejected": "data rejected",
    "error": "run failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens in which night, counted from 0; `every` so many of them, there are new images."""

    every: int
    drifting: range
    broken: range
    wrong_labels: tuple[int, int]
    rolled_back: tuple[int, int]
    server_down: range

    @property
    def overruled(self) -> int:
        """The night whose rejection a person overrules."""
        return self.wrong_labels[1]

    def has_new_images(self, night: int) -> bool:
        """Tell whether the images of a night are new: what goes wrong does so with new ones, and ends with others."""
        odd = {*self.broken, *self.wrong_labels, *self.rolled_back}
        return night % self.every == 0 or night in odd or night - 1 in odd

    def expect(self, night: int) -> Verdict:
        """Return what a night has to come to."""
        if night in self.broken:
            return "data_rejected"
        return "not_blessed" if night in self.wrong_labels else "pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What came of a night.

    Attributes:
        record: Of the run.
        mails: Subjects of those that arrived.
        seconds: How long the run took.
        size: Bytes of the folder after it.
        metadata: Bytes of ML Metadata's file, which is a part of that.
    """

    record: RunRecord
    mails: list[str]
    seconds: float
    size: int
    metadata: int


def main() -> None:
    """Live through the nights, tell of them, and check what is left."""
    parser = argparse.ArgumentParser(prog="make simulate-year", description=__doc__)
    parser.add_argument("--days", type=int, default=365, help=f"how many, from {FEWEST_DAYS} on (default 365)")
    parser.add_argument("--every", type=int, default=7, metavar="N", help="new images every N-th night (default 7)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the output folder, which is not there yet")
    args = parser.parse_args()
    if args.days < FEWEST_DAYS:
        parser.error(f"--days {args.days}: expected at least {FEWEST_DAYS}, for what happens to have room.")
    if args.every < 1:
        parser.error(f"--every {args.every}: expected at least 1.")
    if args.keep and args.keep.exists():
        parser.error(f"--keep {args.keep}: expected a folder that is not there yet.")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # each line that the mail server hears and says
    plan = make_plan(args.days, args.every)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="year-") as workplace:
        output = (args.keep or Path(workplace, "output")).resolve()
        configuration = Path(workplace, "pipeline.toml")
        configuration.write_text('[notify]\nenv = "YEAR_ADDRESSES"\nwhen = ["changed"]\n')
        nights = list(live(plan, args.days, output, configuration, Path(workplace, "clothes")))
        problems = [
            *check_nights(plan, nights), *check_records(nights, output), *check_people(plan, nights, output),
            *check_mails(plan, nights), *check_size(nights), *check_health(nights, output),
        ]  # fmt: skip
        print_summary(nights, output, time.monotonic() - started)
    for problem in problems:
        print(f"WRONG: {problem}")
    sys.exit(1 if problems else 0)


def make_plan(days: int, every: int) -> Plan:
    """Spread what happens over so many days, as it is spread over a year."""

    def find(day: int) -> int:
        return day * days // 365

    broken = find(190)
    return Plan(
        every=every,
        drifting=range(find(100), broken),
        broken=range(broken, max(find(197), broken + 3)),
        wrong_labels=(find(60), find(250)),
        rolled_back=(find(130), find(300)),
        server_down=range(find(184), broken + 2),
    )


def live(plan: Plan, days: int, output: Path, configuration: Path, data_dir: Path) -> Iterator[Night]:
    """Live through the nights, one after the other, and yield what came of each."""
    port, newest = find_free_port(), 0
    os.environ["YEAR_ADDRESSES"] = write_mail_address(port)
    for night in range(days):
        if plan.has_new_images(night):
            newest = night
            write_data(data_dir, plan, night)
        now = FIRST_NIGHT + timedelta(days=night)
        options = ("--seed", str(newest), "--config", str(configuration), "--data", str(data_dir))
        with nullcontext(Inbox()) if night in plan.server_down else serve_mail(port) as inbox:
            started = time.monotonic()
            call(now, "run", *OPTIONS, *options, "--output", str(output), "--quiet")
            seconds, record = time.monotonic() - started, read_records(output)[0]
            look_after(plan, night, record, now + timedelta(hours=7), output)
        mails = [
            email.message_from_string(mail["content"], policy=email.policy.default)["Subject"]
            for mail in inbox.messages
        ]
        size, metadata = measure_size(output), (output / record.data / "metadata.sqlite").stat().st_size
        accuracy = "" if record.accuracy is None else f", accuracy {record.accuracy:.4f}"
        print(f"night {night + 1:3}: {record.verdict}{accuracy}, {seconds:.1f} s, {write_size(size)}", flush=True)
        yield Night(record=record, mails=mails, seconds=seconds, size=size, metadata=metadata)


def look_after(plan: Plan, night: int, record: RunRecord, morning: datetime, output: Path) -> None:
    """Do what a person does in the morning after a night."""
    folder = ("--output", str(output))
    if night == plan.overruled:
        call(morning, "promote", record.run_id, "--reason", "The labels of the evaluation were wrong.", *folder)
    if night in plan.rolled_back:
        call(morning, "rollback", "--reason", "The shop window shows bags as sandals.", *folder)
    if night % 7 == 6:
        call(morning, "clean", *KEEP, *folder)


def write_data(directory: Path, plan: Plan, night: int) -> None:
    """Write the images of a night: those of no other night, darker as the data drifts; broken ones are all blank."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    drift = (night - plan.drifting.start) / len(plan.drifting) if night in plan.drifting else 0.0
    for number, (prefix, count) in enumerate((("train", TRAINING_IMAGES), ("t10k", EVALUATION_IMAGES))):
        images, labels = draw_samples(count, np.random.SeedSequence((night, number)))
        images = (images * (1 - 0.4 * drift)).astype(np.uint8)
        if night in plan.broken:
            images[:] = 0
        if night in plan.wrong_labels and prefix == "t10k":
            labels = (labels + 1) % 10
        write_idx(directory / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(directory / f"{prefix}-labels-idx1-ubyte.gz", labels)
    name_samples(directory)


def call(now: datetime, *arguments: str, quiet: bool = True) -> int:
    """Run a command in this process, by a clock that starts at `now`, and return its exit code."""
    with move_clock(now), redirect_stdout(io.StringIO()) if quiet else nullcontext():
        try:
            app(args=list(arguments), prog_name="run_pipeline.py")
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def check_nights(plan: Plan, nights: Sequence[Night]) -> Iterator[str]:
    """Say which night came to another end than it had to."""
    for number, night in enumerate(nights):
        record = night.record
        if record.verdict != plan.expect(number):
            yield f"night {number + 1}: {record.verdict}, expected {plan.expect(number)}: {record.reasons[:2]}"
        if bool(record.same_as) == plan.has_new_images(number):
            yield f"night {number + 1}: {'nothing was done' if record.same_as else 'trained again'}, unlike its images"


def check_records(nights: Sequence[Night], output: Path) -> Iterator[str]:
    """Say of which night there is no record any more, or one that says something else."""
    kept = {record.run_id: record.verdict for record in read_records(output)}
    for number, night in enumerate(nights):
        if kept.get(night.record.run_id) != night.record.verdict:
            yield f"night {number + 1}: its record says {kept.get(night.record.run_id)}"


def check_people(plan: Plan, nights: Sequence[Night], output: Path) -> Iterator[str]:
    """Say where the records do not tell who overruled what, or what was taken back."""
    kept = {record.run_id: record for record in read_records(output)}
    overruled = [number for number, night in enumerate(nights) if kept[night.record.run_id].promotion]
    if overruled != [plan.overruled]:
        yield f"nights that were overruled: {overruled}, expected {[plan.overruled]}"
    restored = [push for push in read_history(output / nights[0].record.data / "serving") if push.restores is not None]
    if len(restored) != len(plan.rolled_back):
        yield f"{len(restored)} rollbacks are known, expected {len(plan.rolled_back)}"


def check_mails(plan: Plan, nights: Sequence[Night]) -> Iterator[str]:
    """Say which mail is missing or too many: each change is told in its night, or in the first that has a server."""
    verdicts = [None, *(night.record.verdict for night in nights)]
    expected = [
        (plan.server_down.stop if number in plan.server_down else number, SUBJECTS[verdict])
        for number, (before, verdict) in enumerate(pairwise(verdicts))
        if verdict and verdict != before
    ]
    mails = [(number, subject) for number, night in enumerate(nights) for subject in night.mails]
    if len(expected) != len(mails):
        yield f"{len(mails)} mails, expected {len(expected)}"
    for (night, words), (arrived, subject) in zip(expected, mails, strict=False):
        if arrived != night or words not in subject:
            yield f"night {arrived + 1}: a mail says {subject!r}, expected in night {night + 1}: {words}"


def check_size(nights: Sequence[Night]) -> Iterator[str]:
    """Say whether the folder grows on once the first runs are old enough to be removed, and metadata by how much."""
    rest = [night.size - night.metadata for night in nights]  # the metadata keeps a line for whatever there was
    first, last = max(rest[30:45]), max(rest[-15:])  # in between, a month of more trainings keeps more of them
    if last > MOST_GROWTH * first:
        yield f"the folder grew from {first:,} to {last:,} bytes"
    if (each := nights[-1].metadata / len(nights)) > MOST_METADATA_PER_NIGHT:
        yield f"the metadata has {each:,.0f} bytes for each night, expected at most {MOST_METADATA_PER_NIGHT:,}"


def check_health(nights: Sequence[Night], output: Path) -> Iterator[str]:
    """Say whether `health` is not well on the last morning."""
    morning = FIRST_NIGHT + timedelta(days=len(nights) - 1, hours=7)
    if code := call(morning, "health", "--within", "26h", "--output", str(output), quiet=False):
        yield f"health ends with {code}"


def print_summary(nights: Sequence[Night], output: Path, seconds: float) -> None:
    """Print what came of the nights, how the folder grew, and how long the commands take that tell of it."""
    verdicts = [night.record.verdict for night in nights]
    told = ", ".join(f"{verdicts.count(each)} {each.replace('_', ' ')}" for each in dict.fromkeys(verdicts))
    trained = sum("Trainer" in night.record.stages and not night.record.same_as for night in nights)
    mails = sum(len(night.mails) for night in nights)
    print(f"{len(nights)} nights in {seconds:,.0f} s: {told}; {trained} trainings; {mails} mails.")
    print(f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MiB")
    for last in [*range(30, len(nights), 30), len(nights)]:
        night, month = nights[last - 1], nights[max(0, last - 30) : last]
        mean = sum(each.seconds for each in month) / len(month)
        sizes = f"{write_size(night.size)}, of which metadata {write_size(night.metadata)}"
        print(f"  night {last:3}: {sizes}; {mean:.1f} s a night")
    for command in (("status", "--last", "14"), ("history",)):
        print(f"  {command[0]}: {time_command(*command, '--output', str(output)):.1f} s")
    print(f"  {HISTORY_FILE}: {write_size((output / HISTORY_FILE).stat().st_size)}")


if __name__ == "__main__":
    main()
