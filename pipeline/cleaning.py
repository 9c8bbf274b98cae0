"""What is no longer needed below an output folder: versions, runs with their artifacts, what killed processes left."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal, TypeAlias

from components.serving.manifest import Manifest, ServingError, read_model_manifest
from components.serving.publishing import STAGING
from components.serving.versions import find_versions
from pipeline.config import Keep
from pipeline.disk import measure_size
from pipeline.history.timeline import read_time
from pipeline.runs import GOOD_VERDICTS, RunRecord, is_alive, read_records
from pipeline.stored_runs import StoredRuns, read_stored_runs

Kind: TypeAlias = Literal["version", "run", "leftover"]
REMOVED_PREFIX = ".removed-"  # what a version is called while it is deleted: TensorFlow Serving ignores it


@dataclass(frozen=True, slots=True, kw_only=True)
class Removable:
    """Something that nothing needs.

    Attributes:
        data: The data set.
        kind: A version; a run with the artifacts that no other run needs; or what a killed run, push or `clean` left.
        name: The number of the version, the name of the run, or a path below the data set's folder.
        at: When it was pushed, started or changed last, UTC.
        bytes: What it takes on the disk.
        due: Whether it is beyond the limits, and not only what could go if the disk has to be freed.
    """

    data: str
    kind: Kind
    name: str
    at: datetime
    bytes: int
    due: bool
    paths: tuple[Path, ...] = field(repr=False)
    artifacts: frozenset[int] = field(default=frozenset(), repr=False)
    record: RunRecord | None = field(default=None, repr=False)


def find_removable(output: Path, data_sets: Iterable[str], keep: Keep, now: datetime | None = None) -> list[Removable]:
    """Return what is to be removed, oldest first: what is beyond the limits, and more where the disk is to be freed.

    Never removed: what is served, what that was compared with, the run that made it, the last run, the last good one,
    the last that pushed or had nothing to do, a run at work, and every artifact that a run which stays has or shares.

    Args:
        output: The output folder.
        data_sets: Names of data sets whose folders are held.
        keep: The limits. The newest `versions` stay, and the runs of the last `days`; where `free` is given, more goes,
            until the disk has so many bytes free.
        now: By default, now.

    Raises:
        StoreError: A store of ML Metadata can't be read.
    """
    now = now or datetime.now(timezone.utc)
    records = read_records(output)
    found: list[Removable] = []
    for name in data_sets:
        directory = output / name
        known = [record for record in records if record.data == name]
        stored = read_stored_runs(directory / "metadata.sqlite")
        found += _find_leftovers(directory, known, stored)
        found += _find_versions(directory, keep)
        found += _find_runs(directory, known, stored or StoredRuns(), keep, now)
    found.sort(key=lambda each: (not each.due, each.at))
    due = [each for each in found if each.due]
    wanted = keep.free_bytes - shutil.disk_usage(output).free - sum(each.bytes for each in due) if keep.free else 0
    for each in found[len(due) :]:
        if wanted <= 0:
            break
        due.append(each)
        wanted -= each.bytes
    return due


def _find_leftovers(directory: Path, known: Sequence[RunRecord], stored: StoredRuns | None) -> Iterator[Removable]:
    """Yield what was begun and not ended, and artifacts that no run has: nobody is at work while the folder is held."""
    serving_dir = directory / "serving"
    paths = [serving_dir / STAGING, *serving_dir.glob(f"{REMOVED_PREFIX}*"), *serving_dir.glob(".*.new")]
    paths += [path for path in directory.glob("runs/*") if path.is_dir() and not (path / "run.json").is_symlink()
              and not (path / "run.json").exists()]  # fmt: skip
    paths += directory.glob("runs/*/*.new")
    paths += directory.glob("artifacts/*/.system/*/*")
    if stored is not None:  # without a store nothing is known of artifacts
        removed = {record.run_id for record in known if record.removed}
        users = [artifacts for run_id, artifacts in stored.artifacts.items() if run_id not in removed]
        users += [_list_artifacts(record, stored) for record in known if not record.removed]
        needed = {stored.places.get(artifact) for artifacts in users for artifact in artifacts}
        paths += [
            path for path in directory.glob("artifacts/*/*/*")
            if path.parent.name != ".system" and path.parts[-3:] not in needed
        ]  # fmt: skip
    for path in paths:
        with suppress(FileNotFoundError):
            yield _describe(directory, "leftover", str(path.relative_to(directory)), _read_change(path), True, (path,))


def _find_versions(directory: Path, keep: Keep) -> Iterator[Removable]:
    versions = find_versions(directory / "serving")
    newest_first = sorted(versions, reverse=True)
    served = _read_manifest(versions[newest_first[0]]) if versions else None
    needed = {*newest_first[:1], *([served.baseline_version] if served else [])}
    for place, number in enumerate(newest_first):
        if number not in needed:
            path = versions[number]
            manifest = _read_manifest(path)
            at = read_time(manifest.pushed_at if manifest else "") or _read_change(path)
            due = keep.versions is not None and place >= keep.versions
            yield _describe(directory, "version", str(number), at, due, (path,))


def _find_runs(
    directory: Path, known: Sequence[RunRecord], stored: StoredRuns, keep: Keep, now: datetime
) -> Iterator[Removable]:
    """Yield the runs that could go, oldest first, each with the artifacts that no later one and none that stays has."""
    runs: dict[str, RunRecord | None] = dict.fromkeys(stored.artifacts)  # of some there is no record
    runs |= {record.run_id: record for record in known}
    present = {run_id: record for run_id, record in runs.items() if record is None or not record.removed}
    needed = _name_needed(directory, [record for record in known if not record.removed])
    artifacts = {
        run_id: _list_artifacts(record, stored) if record else stored.artifacts[run_id]
        for run_id, record in present.items()
    }
    users = Counter(artifact for each in artifacts.values() for artifact in each)
    oldest = datetime.min.replace(tzinfo=timezone.utc)
    times = {
        run_id: _find_start(directory, run_id, record) if record else stored.started.get(run_id, oldest)
        for run_id, record in present.items()
        if run_id not in needed
    }
    for run_id in sorted(times, key=times.__getitem__):
        users.subtract(artifacts[run_id])
        own = frozenset(artifact for artifact in artifacts[run_id] if not users[artifact])
        places = [stored.places[artifact] for artifact in sorted(own) if artifact in stored.places]
        paths = [path for place in places if (path := directory.joinpath("artifacts", *place)).exists()]
        paths += [directory / "runs" / run_id] if present[run_id] else []
        if paths:
            due = keep.days is not None and times[run_id] < now - timedelta(days=keep.days)
            removable = _describe(directory, "run", run_id, times[run_id], due, tuple(paths))
            yield replace(removable, artifacts=own, record=present[run_id])


def _name_needed(directory: Path, newest_first: Sequence[RunRecord]) -> set[str]:
    """Name the runs that stay whatever the limits are."""
    versions = find_versions(directory / "serving")
    served = _read_manifest(versions[max(versions)]) if versions else None
    readable = [record for record in newest_first if record.verdict != "damaged"]
    last = [
        next((record.run_id for record in readable if record.verdict in verdicts), "")
        for verdicts in (GOOD_VERDICTS, ("pushed",))
    ]
    others = [record.run_id for record in newest_first if record.verdict == "damaged" or is_alive(record)]
    return {*last, *others, *(record.run_id for record in readable[:1]), *([served.run_id] if served else [])}


def _list_artifacts(record: RunRecord, stored: StoredRuns) -> frozenset[int]:
    return stored.artifacts.get(record.artifacts_of, frozenset()) | stored.artifacts.get(record.run_id, frozenset())


def _describe(directory: Path, kind: Kind, name: str, at: datetime, due: bool, paths: tuple[Path, ...]) -> Removable:
    size = sum(measure_size(path) for path in paths)
    return Removable(data=directory.name, kind=kind, name=name, at=at, bytes=size, due=due, paths=paths)


def _find_start(directory: Path, run_id: str, record: RunRecord) -> datetime:
    return read_time(record.started_at) or _read_change(directory / "runs" / run_id)


def _read_change(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, timezone.utc)


def _read_manifest(model_dir: Path) -> Manifest | None:
    with suppress(ServingError):
        return read_model_manifest(model_dir)
    return None


def describe_removed(removables: Sequence[Removable]) -> str:
    """Say in a clause what was, or would be, removed: `2 versions, 1 run`."""
    counts = Counter(each.kind for each in removables)
    return ", ".join(f"{count:,} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(counts.items()))
