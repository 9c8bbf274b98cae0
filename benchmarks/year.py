"""A year of nightly runs in some hours: `make simulate-year` prints what became of it, and fails where it went wrong.

Every night has new images. They drift, in a week of July they are broken, then they are mended; twice a mistake in the
labels is made, which the gate refuses; a person overrules one refusal and rolls back twice; a mail server hears of what
changes, and is down for ten days; `clean` removes what is old once a week. The clock is libfaketime's, and the nights
are real runs, each in a process of its own.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from aiosmtpd.controller import Controller

from components.images.idx import write_idx
from components.images.samples import draw_samples, name_samples

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = next((ROOT / ".torture/faketime").glob("usr/lib/*/faketime/libfaketimeMT.so.1"), None)
FIRST_NIGHT = datetime(2027, 1, 1, 2, tzinfo=timezone.utc)
TRAINING_IMAGES, EVALUATION_IMAGES = 3_000, 1_000
OPTIONS = ("--epochs", "2", "--min-accuracy", "0.6", "--min-class-accuracy", "0.2", "--max-class-loss", "0.25")
MORE_OPTIONS = ("--max-loss", "0.05", "--max-pixel-skew", "0.2", "--max-calibration-error", "0.4")
KEEP = ("--keep-versions", "5", "--keep-days", "30", "--yes")
DRIFTING, BROKEN, WRONG_LABELS = range(100, 190), range(190, 197), (60, 250)
OVERRULED, ROLLED_BACK, SERVER_DOWN = 250, (130, 300), range(185, 195)


@dataclass
class Mailbox:
    """A mail server on this machine, and the subjects of what it took."""

    subjects: list[str] = field(default_factory=list)
    port: int = 0
    _controller: Controller | None = None

    def open(self) -> None:
        """Listen, on the same port as before."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port or _find_port())
        self._controller.start()
        self.port = self._controller.port

    def close(self) -> None:
        """Listen no more: who sends is refused the connection."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # aiosmtpd's name
        """Take a message."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.subjects.append(str(message["Subject"]))
        return "250 OK"


@dataclass(slots=True)
class Night:
    """What came of a night: the record of its run, and how large the output folder was after it, in bytes."""

    record: dict[str, Any]
    size: int


def main() -> None:
    """Live through the nights and check what is left."""
    parser = argparse.ArgumentParser(prog="make simulate-year", description=__doc__)
    parser.add_argument("--nights", type=int, default=365, help="how many (default 365)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the output folder, which is not there yet")
    args = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="year-") as workplace:
        output = args.keep or Path(workplace, "output")
        mailbox = Mailbox()
        mailbox.open()
        configuration = Path(workplace, "pipeline.toml")
        configuration.write_text('[notify]\nenv = "YEAR_ADDRESSES"\nwhen = ["changed"]\n')
        os.environ["YEAR_ADDRESSES"] = (
            f"mailto://127.0.0.1:{mailbox.port}/?from=pipeline@example.org&to=team@example.org"
        )
        nights = list(_live(args.nights, output, configuration, Path(workplace, "data"), mailbox))
        mailbox.close()
        problems = [*_check_nights(nights), *_check_alarms(nights, mailbox.subjects), *_check_size(nights)]
        _print_summary(nights, mailbox.subjects, output, time.monotonic() - started)
    for problem in problems:
        print(f"WRONG: {problem}")
    sys.exit(1 if problems else 0)


def _live(nights: int, output: Path, configuration: Path, data_dir: Path, mailbox: Mailbox) -> Iterator[Night]:
    for night in range(nights):
        if night in (SERVER_DOWN.start, SERVER_DOWN.stop):
            (mailbox.close if night in SERVER_DOWN else mailbox.open)()
        now = FIRST_NIGHT + timedelta(days=night)
        _write_data(data_dir / "clothes", night)
        options = (*OPTIONS, *MORE_OPTIONS, "--seed", str(night), "--config", str(configuration), "--quiet")
        code = _call(now, "run", "--data", str(data_dir / "clothes"), "--output", str(output), *options)
        now += timedelta(hours=7)
        (record,) = json.loads(_ask("status", "--last", "1", "--json", "--output", str(output)))
        if night == OVERRULED:
            _call(
                now, "promote", record["run_id"], "--reason", "The labels were mended by hand.", "--output", str(output)
            )
        if night in ROLLED_BACK:
            _call(now, "rollback", "--reason", "The shop window shows bags as sandals.", "--output", str(output))
        if night % 7 == 6:
            _call(now, "clean", *KEEP, "--output", str(output))
        size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
        print(
            f"night {night + 1:3}: exit {code}, {record['verdict']}, accuracy {record['accuracy']}, {size:,} bytes",
            flush=True,
        )
        yield Night(record, size)


def _write_data(directory: Path, night: int) -> None:
    """Write the images of a night: those of no other night, darker as the data drifts; broken ones are all blank."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    drift = (night - DRIFTING.start) / len(DRIFTING) if night in DRIFTING else 0.0
    for number, (prefix, count) in enumerate((("train", TRAINING_IMAGES), ("t10k", EVALUATION_IMAGES))):
        images, labels = draw_samples(count, np.random.SeedSequence((night, number)))
        images = (images * (1 - 0.4 * drift)).astype(np.uint8)
        if night in BROKEN:
            images[:] = 0
        if night in WRONG_LABELS and prefix == "train":
            labels = np.roll(labels, 1)
        write_idx(directory / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(directory / f"{prefix}-labels-idx1-ubyte.gz", labels)
    name_samples(directory)


def _check_nights(nights: Sequence[Night]) -> Iterator[str]:
    for number, night in enumerate(nights):
        expected = "data_rejected" if number in BROKEN else "not_blessed" if number in WRONG_LABELS else "pushed"
        if night.record["verdict"] != expected:
            yield f"night {number + 1}: {night.record['verdict']}, expected {expected}: {night.record['reasons'][:2]}"


def _check_alarms(nights: Sequence[Night], subjects: Sequence[str]) -> Iterator[str]:
    """Who changed, and nobody else, is told: of each night whose verdict is another than that of the night before."""
    verdicts = ["", *(night.record["verdict"] for night in nights)]
    changes = [(number, now) for number, (before, now) in enumerate(pairwise(verdicts)) if now != before]
    words = {"pushed": "pushed", "not_blessed": "model rejected", "data_rejected": "data rejected", "error": "failed"}
    if len(changes) != len(subjects):
        yield f"{len(subjects)} mails, expected {len(changes)}: {subjects}"
    for (number, verdict), subject in zip(changes, subjects, strict=False):
        if words[verdict] not in subject:
            yield f"night {number + 1}: a mail says {subject!r}, expected {words[verdict]!r}"


def _check_size(nights: Sequence[Night]) -> Iterator[str]:
    """The folder does not grow once the first runs are old enough to be removed."""
    sizes = [night.size for night in nights]
    if len(sizes) > 120 and max(sizes[-60:]) > 1.2 * max(sizes[40:100]):
        yield f"the folder grew from {max(sizes[40:100]):,} to {max(sizes[-60:]):,} bytes"


def _print_summary(nights: Sequence[Night], subjects: Sequence[str], output: Path, seconds: float) -> None:
    verdicts = [night.record["verdict"] for night in nights]
    told = ", ".join(f"{verdicts.count(each)} {each.replace('_', ' ')}" for each in dict.fromkeys(verdicts))
    print(f"{len(nights)} nights in {seconds:,.0f} s: {told}; {len(subjects)} mails.")
    for month in range(30, len(nights) + 1, 30):
        print(f"  night {month:3}: {nights[month - 1].size:12,} bytes")
    for command in (("status", "--last", "14"), ("history",), ("health", "--within", "26h")):
        started = time.monotonic()
        _ask(*command, "--output", str(output))
        print(f"  {command[0]}: {time.monotonic() - started:.1f} s")
    print(f"  the page: {(output / 'index.html').stat().st_size:,} bytes")


def _call(now: datetime, *arguments: str) -> int:
    """Run a command in a process whose clock starts at `now`, and return its exit code."""
    clock = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": f"@{now:%Y-%m-%d %H:%M:%S}",
        "TZ": "UTC",
    }
    command = [sys.executable, "run_pipeline.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **clock}, check=False).returncode


def _ask(*arguments: str) -> str:
    """Return what a command prints, whatever its exit code."""
    return subprocess.run(
        [sys.executable, "run_pipeline.py", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    ).stdout


def _find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()
