"""What has to be true of an output folder after whatever happened to it."""

from __future__ import annotations

from pathlib import Path

from components.serving.history import read_history
from components.serving.integrity import verify_model
from components.serving.versions import find_versions, get_next_version
from pipeline.runs import read_outputs, read_records


def check_serving(serving_dir: Path) -> list[int]:
    """Return the versions; every folder that a server would load is a whole model, as its manifest says."""
    versions = find_versions(serving_dir)
    for version, path in versions.items():
        finding = verify_model(path)
        assert finding.state == "verified", (version, finding)
    assert get_next_version(serving_dir) > max(versions, default=0)
    assert not any(push.taken_back for push in read_history(serving_dir))
    return list(versions)


def check_output(output: Path, *, lost_records: int = 0) -> list[int]:
    """Serving is whole, the store can be read, and every run is there; return the versions of all pipelines."""
    records = read_records(output)
    damaged = [record for record in records if record.verdict == "damaged"]
    assert len(damaged) <= lost_records, damaged
    for record in records:
        if record.verdict != "damaged":
            read_outputs(output / record.data / "metadata.sqlite", record.run_id)
    return [version for serving in sorted(output.glob("*/serving")) for version in check_serving(serving)]


def describe_tree(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Return what is below a folder: inode, size and time of each thing, no link followed."""
    states = ((path, path.lstat()) for path in sorted(directory.rglob("*")))
    return {str(path): (state.st_ino, state.st_size, state.st_mtime_ns) for path, state in states}
