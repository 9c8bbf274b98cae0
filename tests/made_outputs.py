"""Output folders with versions, runs and a store of ML Metadata, made without a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from components.serving.history import read_history, remember_push, write_history
from components.serving.manifest import Manifest, digest_model, write_manifest
from components.serving.versions import record_version
from pipeline.runs import RunRecord, save_record

NOW = datetime(2025, 6, 30, 12, tzinfo=timezone.utc)


def days_ago(days: float) -> str:
    """Return a time as records hold it."""
    return (NOW - timedelta(days=days)).isoformat(timespec="seconds")


def make_version(serving_dir: Path, number: int, content: str = "", **fields: Any) -> Path:
    """Push a folder that is a model by its manifest; `content` makes it the same as another, or not."""
    model = serving_dir / str(number)
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_text(content or f"graph {number}")
    (model / "variables" / "data").write_bytes(bytes(5_000))
    known = {"recipe": content or f"recipe {number}", "run_id": f"run-{number}", "baseline_version": None}
    manifest = Manifest(digest=digest_model(model), **{**known, "pushed_at": days_ago(100 - number), **fields})
    before = read_history(serving_dir)
    write_manifest(model, manifest)
    record_version(serving_dir, number)
    write_history(serving_dir, [*(push for push in before if push.version != number), remember_push(number, manifest)])
    return model


def make_run(output: Path, run_id: str, days: float, **fields: Any) -> RunRecord:
    """Keep the record of a run that was started so many days ago, and its log."""
    known = {"data": "clothes", "verdict": "pushed", "started_at": days_ago(days), "sequence": 10_000 - int(10 * days)}
    record = RunRecord(run_id=run_id, **{**known, **fields})
    (save_record(output / record.data, record) / "run.log").write_text("told\n" * 1_000)
    return record


class MadeStore:
    """A store in which runs have artifacts, as TFX writes them down; their folders are made, too."""

    def __init__(self, directory: Path) -> None:
        import ml_metadata
        from ml_metadata.proto import metadata_store_pb2

        self._directory, self._pb = directory, metadata_store_pb2
        directory.mkdir(parents=True, exist_ok=True)
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(directory / "metadata.sqlite")
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = ml_metadata.MetadataStore(config)
        self._types = {
            "artifact": self.store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Model")),
            "execution": self.store.put_execution_type(metadata_store_pb2.ExecutionType(name="Trainer")),
            "run": self.store.put_context_type(metadata_store_pb2.ContextType(name="pipeline_run")),
            "node": self.store.put_context_type(metadata_store_pb2.ContextType(name="node")),
        }
        node = metadata_store_pb2.Context(type_id=self._types["node"], name="clothes.Trainer")
        (self._node,) = self.store.put_contexts([node])

    def add_run(self, run_id: str, made: int = 0, shared: Sequence[int] = ()) -> list[int]:
        """Add a run that makes artifacts and takes others from the cache; return the numbers of what it made."""
        pb = self._pb
        (run,) = self.store.put_contexts([pb.Context(type_id=self._types["run"], name=run_id)])
        numbers = []
        for _ in range(made):
            (execution,) = self.store.put_executions([pb.Execution(type_id=self._types["execution"])])
            path = self._directory / "artifacts" / "Trainer" / "model" / str(execution)
            path.mkdir(parents=True)
            (path / "saved_model.pb").write_bytes(bytes(20_000))
            artifact = pb.Artifact(type_id=self._types["artifact"], uri=str(path), state=pb.Artifact.LIVE)
            numbers += self.store.put_artifacts([artifact])
            self._connect(run, execution, numbers[-1])
        for artifact in shared:
            (execution,) = self.store.put_executions([pb.Execution(type_id=self._types["execution"])])
            self._connect(run, execution, artifact)
        return numbers

    def _connect(self, run: int, execution: int, artifact: int) -> None:
        pb = self._pb
        event = pb.Event(artifact_id=artifact, execution_id=execution, type=pb.Event.OUTPUT)
        event.path.steps.add().key = "model"
        self.store.put_events([event])
        links = [pb.Association(context_id=context, execution_id=execution) for context in (run, self._node)]
        self.store.put_attributions_and_associations([], links)

    def list_live(self) -> set[int]:
        """Return the artifacts that the cache would take."""
        return {each.id for each in self.store.get_artifacts() if each.state == self._pb.Artifact.LIVE}
