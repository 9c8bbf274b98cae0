"""On KFP's driver and launcher the stages over the data run on an engine, in a volume that its workers share."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from benchmarks.engines import DATA_STAGES, pair_options, start_engine
from deploy.background import find_free_port
from pipeline.engines.engine import WORKERS_AT
from pipeline.kubeflow.compile import compile_pipeline
from pipeline.kubeflow.pod_config import ClusterEngine, Volume
from tests.kubeflow.backend import Service
from tests.kubeflow.cluster import ROOT, Cluster, Run
from tests.kubeflow.runs import describe_failure, make_config

IMAGES = Volume(claim="images-of-engine", mount_path="/mnt/data")
WORK = Volume(claim="work", mount_path="/mnt/work")
pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(shutil.which("go") is None, reason="Prism is built by Go"),
]


@pytest.fixture(scope="module")
def data(cluster: Cluster, sample_dir: Path) -> str:
    """The folder of the data in the file system of a pod."""
    shutil.copytree(sample_dir, cluster.volumes / IMAGES.claim)
    return IMAGES.mount_path


@pytest.fixture(scope="module")
def engine(cluster: Cluster, data: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterEngine]:
    """Prism, and a pool of workers in a pod's file system, with two volumes and nothing else of the stages."""
    place = tmp_path_factory.mktemp("workers")
    shared = {volume.mount_path: cluster.volumes / volume.claim for volume in (IMAGES, WORK)}
    shared[WORK.mount_path].mkdir()
    pool, asked = (f"127.0.0.1:{find_free_port()}" for _ in range(2))
    command = [sys.executable, "-m", "pipeline.engines.worker_pool", pool, "--asked-at", asked]
    workers = Service(cluster.make_command(command, shared, str(place)), place / "log", cwd=ROOT)
    workers.wait_until(lambda: WORKERS_AT in (place / "log").read_text())
    with start_engine("Prism") as options:
        address = pair_options(options)["--engine-address"]
        yield ClusterEngine(name="prism", address=address, worker_pool=pool, asked_pool=asked, volume=WORK, workers=1)
    workers.stop()


def test_a_run_on_an_engine_says_what_one_without_says_and_leaves_its_volume_empty(
    cluster: Cluster, data: str, engine: ClusterEngine, read_run: Callable[[Run], Any], read_bucket: Any
) -> None:
    told = []
    for name, chosen in (("direct", None), ("engine", engine)):
        run = cluster.run(compile_pipeline(make_config(name=name, data=data, data_volume=IMAGES, engine=chosen)))
        assert not run.failed, describe_failure(run)
        stages = read_run(run)
        told.append(json.loads(read_bucket(f"{stages['Evaluator'][1]['evaluation'].uri}/gate.json")))
    assert told[0] == told[1]
    assert count_jobs(engine) >= 2 * len(DATA_STAGES)  # a trial and one of its own for each
    assert not list((cluster.volumes / WORK.claim).iterdir())


def count_jobs(engine: ClusterEngine) -> int:
    with grpc.insecure_channel(engine.address) as channel:
        jobs = beam_job_api_pb2_grpc.JobServiceStub(channel)
        return len(jobs.GetJobs(beam_job_api_pb2.GetJobsRequest()).job_info)
