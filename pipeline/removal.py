"""The removal of what is no longer needed (cleaning.py). Only while the folders of the data sets are held.

Whenever the process is killed, what is left is whole: the artifacts of a run are first marked as deleted in ML
Metadata, then its record is kept in `removed_runs.jsonl`, then its files go. What is left over goes the next time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from components.serving.directory_lock import lock_serving_dir
from components.serving.history import read_history, write_history
from components.serving.versions import find_versions
from pipeline.cleaning import REMOVED_PREFIX, Removable
from pipeline.removed_runs import REMOVED_RUNS, append_removed
from pipeline.runs import RunRecord, read_removed_runs
from pipeline.stored_runs import mark_deleted


def remove(output: Path, removables: Sequence[Removable], now: datetime | None = None) -> None:
    """Remove what `find_removable` found, while the folders are held as they were then.

    Raises:
        StoreError: A store of ML Metadata can't be written.
        ServingError: A serving directory can't be written.
        OSError: A file can't be removed.
    """
    now = now or datetime.now(timezone.utc)
    for name in sorted({each.data for each in removables}):
        directory, mine = output / name, [each for each in removables if each.data == name]
        if artifacts := frozenset().union(*(each.artifacts for each in mine)):
            mark_deleted(directory / "metadata.sqlite", artifacts)
        _keep_records(directory / REMOVED_RUNS, [each.record for each in mine if each.record], now)
        _remove_from_serving(directory / "serving", [path for each in mine for path in each.paths])
        for path in (path for each in mine for path in each.paths):
            if path.parent != directory / "serving":
                _delete(path)


def _keep_records(path: Path, records: Iterable[RunRecord], now: datetime) -> None:
    """Keep the records of runs that are about to go, once each."""
    kept = {record.run_id for record in read_removed_runs(path)} if path.exists() else set()
    removed_at = now.isoformat(timespec="seconds")
    new = [replace(record, removed=True, removed_at=removed_at) for record in records if record.run_id not in kept]
    if new:
        append_removed(path, (record.to_json() for record in new))


def _remove_from_serving(serving_dir: Path, paths: Sequence[Path]) -> None:
    """Remove versions, each at once for who looks, and none that is served by now; and what no push is at work on."""
    mine = [path for path in paths if path.parent == serving_dir]
    if not mine:
        return
    with lock_serving_dir(serving_dir):
        versions = find_versions(serving_dir)
        if any(path in versions.values() for path in mine):
            write_history(serving_dir, read_history(serving_dir))  # of some, only their manifests tell
        served = versions[max(versions)] if versions else None
        for path in mine:
            if path in versions.values() and path != served:
                hidden = serving_dir / f"{REMOVED_PREFIX}{path.name}"
                _delete(hidden)
                _delete(path.rename(hidden))
            elif path != served:
                _delete(path)


def _delete(path: Path) -> None:
    """Delete a file or a folder, if it is there; of a run, first what makes it one."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        (path / "run.json").unlink(missing_ok=True)
        shutil.rmtree(path)
