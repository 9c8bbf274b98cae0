"""What has to be true of an output folder after whatever happened to it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from components.serving.versions import digest_model, get_next_version, list_versions, read_manifest
from pipeline.runs import read_outputs, read_records


def check_serving(serving_dir: Path) -> list[int]:
    """Return the versions; every folder that a server would load is a whole model, as its manifest says."""
    versions = list_versions(serving_dir)
    for version in versions:
        manifest = read_manifest(serving_dir, version)
        assert manifest, f"version {version} has no manifest"
        assert digest_model(serving_dir / str(version)) == manifest.digest, f"version {version} is not whole"
    assert get_next_version(serving_dir) > max(versions, default=0)
    return versions


def check_output(output: Path, *, lost_records: int = 0) -> list[int]:
    """Serving is whole, the store can be read, and every run is there; return the versions of all pipelines."""
    records = read_records(output)
    damaged = [record for record in records if record.verdict == "damaged"]
    assert len(damaged) <= lost_records, damaged
    for record in records:
        if record.verdict != "damaged":
            read_outputs(output / record.data / "metadata.sqlite", record.run_id)
    return [version for serving in sorted(output.glob("*/serving")) for version in check_serving(serving)]


def digest_tree(directory: Path) -> dict[str, str]:
    """Return what is below a folder: the digest of each file, where each link leads, and "" for a folder."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found
