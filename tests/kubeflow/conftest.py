"""KFP's own backend on this machine: what it consists of is started once, on free ports, and stopped at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ml_metadata
import pytest
from ml_metadata.proto import metadata_store_pb2
from pyarrow import fs

from deploy.background import find_free_port
from tests.kubeflow.backend import (
    TOOLS,
    Service,
    answers,
    find_programs,
    start_api_server,
    start_database,
)
from tests.kubeflow.cluster import Cluster, Run
from tests.kubeflow.kubernetes_server import KubernetesServer
from tests.kubeflow.metadata_server import MetadataServer
from tests.kubeflow.web_page import WebPage

BUCKET = "mlpipeline"
KEY, SECRET = "minio", "minio123"


@pytest.fixture(scope="session")
def programs() -> Path:
    if os.geteuid():
        pytest.skip("each pod gets a file system of its own, which only root may mount: run make test-kubeflow as root")
    found = find_programs()
    if found is None:
        pytest.skip("KFP_BACKEND names no folder with KFP's programs: build apiserver, driver and launcher-v2 from "
                    "kubeflow/pipelines 2.17.0 (backend/src) and run KFP_BACKEND=DIR make test-kubeflow")  # fmt: skip
    if not (TOOLS / "ready").exists():
        pytest.skip("the S3 server and MariaDB are missing: run make test-kubeflow, which gets them into .kubeflow")
    return found


@pytest.fixture(scope="session")
def s3(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of an S3 server with one bucket."""
    port = find_free_port()
    log = tmp_path_factory.mktemp("s3") / "log"
    service = Service([TOOLS / "s3/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], log)
    service.wait_until(lambda: answers(f"http://127.0.0.1:{port}/{BUCKET}", "PUT"))
    yield f"127.0.0.1:{port}"
    service.stop()


@pytest.fixture(scope="session")
def kubernetes(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesServer]:
    """A Kubernetes API with what an installation of KFP puts there."""
    server = KubernetesServer(tmp_path_factory.mktemp("kubernetes") / "server")
    server.add_secret("mlpipeline-minio-artifact", accesskey=KEY, secretkey=SECRET)
    credentials = {
        "fromEnv": False,
        "secretRef": {
            "secretName": "mlpipeline-minio-artifact", "accessKeyKey": "accesskey", "secretKeyKey": "secretkey",
        },
    }  # fmt: skip
    store = {
        "endpoint": s3, "disableSSL": True, "region": "us-east-1", "forcePathStyle": True, "credentials": credentials,
    }  # fmt: skip
    data = {
        "defaultPipelineRoot": f"minio://{BUCKET}/v2/artifacts",
        "providers": json.dumps({"minio": {"default": store}}),
    }
    server.add_core("configmaps", "kfp-launcher", apiVersion="v1", kind="ConfigMap", data=data)
    server.add_core("pods", "pod", apiVersion="v1", kind="Pod")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def metadata_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metadata") / "metadata.sqlite"


@pytest.fixture(scope="session")
def cluster(
    programs: Path, kubernetes: KubernetesServer, metadata_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Runs compiled pipelines with KFP's driver and launcher."""
    server = MetadataServer(metadata_file)
    yield Cluster(programs, kubernetes, server.port, tmp_path_factory.mktemp("volumes"))
    server.stop()


@pytest.fixture(scope="session")
def api(cluster: Cluster, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of KFP's API server."""
    directory = tmp_path_factory.mktemp("api")
    database, port = start_database(directory / "database")
    server, address = start_api_server(cluster, directory, database=port, s3=s3, bucket=BUCKET, key=KEY, secret=SECRET)
    yield address
    server.stop()
    database.stop()


@pytest.fixture(scope="session")
def bucket(s3: str) -> fs.S3FileSystem:
    """The S3 server's file system."""
    return fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=s3, scheme="http", region="us-east-1")


@pytest.fixture(scope="session")
def page(api: str, cluster: Cluster, bucket: fs.S3FileSystem, kubernetes: KubernetesServer) -> Iterator[str]:
    """The address of what stands before all of it, as the server of KFP's web page does."""
    server = WebPage(api, cluster.metadata_port, bucket, kubernetes)
    yield server.address
    server.stop()


@pytest.fixture(scope="session")
def read_run(cluster: Cluster) -> Callable[[Run], dict[str, tuple[int, dict[str, Any]]]]:
    """Reads a run from ML Metadata: the state of each stage, and its output artifacts by key."""
    store = ml_metadata.MetadataStore(
        metadata_store_pb2.MetadataStoreClientConfig(host="127.0.0.1", port=cluster.metadata_port)
    )

    def read(run: Run) -> dict[str, tuple[int, dict[str, Any]]]:
        context = store.get_context_by_type_and_name("system.PipelineRun", run.run_id)
        stages = {}
        for execution in store.get_executions_by_context(context.id):
            if execution.type != "system.ContainerExecution":
                continue  # of the whole run
            events = store.get_events_by_execution_ids([execution.id])
            outputs = {
                event.path.steps[0].key: store.get_artifacts_by_id([event.artifact_id])[0]
                for event in events
                if event.type == metadata_store_pb2.Event.OUTPUT
            }
            stages[execution.custom_properties["task_name"].string_value] = (execution.last_known_state, outputs)
        return stages

    return read


@pytest.fixture(scope="session")
def read_bucket(bucket: fs.S3FileSystem) -> Callable[[str], bytes]:
    """Reads an object by the address that ML Metadata has for it."""

    def read(uri: str) -> bytes:
        with bucket.open_input_stream(uri.partition("://")[2]) as stream:
            return stream.read()

    return read
