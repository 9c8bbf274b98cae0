"""A Flink cluster with Beam's job server on this machine: `make flink-up` and `make flink-down` call it.

One JobManager and TaskManagers of one slot, each with a pool of Python workers, all on free ports of the loopback.
Needs Java 11 or 17 and Maven, which gets Flink and Beam's runner for it into .flink. The pools have one port on
addresses of their own, which each TaskManager finds under the same name, as each finds its own side-car on Kubernetes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from deploy.background import ROOT, Background, find_free_port
from pipeline.engines.engine import WORKERS_AT

HERE = Path(__file__).parent
HOME = ROOT / ".flink"
# Each job would upload the whole class path of the job server, 150 MB that the cluster has already (12 s a job), but
# for what lies in a folder called so: PipelineResources.isStageable of Beam's Java SDK.
LIBS = HOME / "gradle/wrapper"
CLUSTER = Background(HOME)
SECONDS_TO_START = 120
JAVA = ("-XX:+UseSerialGC", *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "net")))
JAVA += ("--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",)


def main() -> None:
    """Start or end the cluster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--task-managers", type=int, choices=range(1, 9), default=2, metavar="N")
    args = parser.parse_args()
    if args.action == "up":
        bring_up(args.task_managers)
    else:
        CLUSTER.end()


def bring_up(task_managers: int) -> None:
    """Start what is not running, wait until it answers, and say where it is."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: a Flink cluster needs Java 11 or 17, and Maven once.")
    CLUSTER.end()
    fetch_libs()
    rest, rpc, jobs, pools = (find_free_port() for _ in range(4))
    local = [f"-D{key}=127.0.0.1" for key in ("jobmanager.rpc.address", "rest.address", "rest.bind-address")]
    local += ["-Djobmanager.bind-host=127.0.0.1", f"-Djobmanager.rpc.port={rpc}", f"-Drest.port={rest}"]
    start_java(
        "jobmanager", "-Xmx512m", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
        "--configDir", HERE, *local,
    )  # fmt: skip
    for number in range(1, task_managers + 1):
        address = f"127.0.0.{number}"
        hosts = HOME / f"hosts-{number}"
        hosts.write_text(f"{address} localhost\n127.0.0.1 {socket.gethostname()}\n")
        start(f"workers-{number}", sys.executable, "-m", "pipeline.engines.worker_pool", f"{address}:{pools}")
        start_java(
            f"taskmanager-{number}", "-Xmx640m", "-XX:MaxDirectMemorySize=1g", f"-Djdk.net.hosts.file={hosts}",
            "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", HERE, *local,
            "-Dtaskmanager.host=127.0.0.1", "-Dtaskmanager.bind-host=127.0.0.1",
            f"-Dtaskmanager.resource-id=taskmanager-{number}",
        )  # fmt: skip
    start_java(
        "job_server", "-Xmx512m", "org.apache.beam.runners.flink.FlinkJobServerDriver",
        f"--flink-master=127.0.0.1:{rest}", f"--flink-conf-dir={HERE}",
        "--job-host=localhost", f"--job-port={jobs}", "--artifact-port=0", "--expansion-port=0",
        f"--artifacts-dir={HOME / 'staged'}",
    )  # fmt: skip
    try:
        await_cluster(rest, jobs, task_managers)
    except TimeoutError as error:
        CLUSTER.end()
        sys.exit(f"{error}; the logs are in {HOME}.")
    print(f"Flink's web page: http://127.0.0.1:{rest}")
    print(f"Logs: {HOME}/*.log; `make flink-down` ends it. A run on it:")
    print(
        f'  make run ARGS="--engine flink --engine-address localhost:{jobs} --worker-pool localhost:{pools} '
        f'--workers {task_managers}"'
    )


def fetch_libs() -> None:
    """Get Flink and Beam's runner, unless those of this pom are there."""
    pom, ready = HERE / "pom.xml", LIBS / "pom.xml"
    if ready.is_file() and ready.read_text() == pom.read_text():
        return
    shutil.rmtree(LIBS, ignore_errors=True)
    print("Getting Flink and Beam's runner into .flink", flush=True)
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={LIBS}", "-DincludeScope=runtime")
    if subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal]).returncode:
        sys.exit("Maven can't get them; its own lines above say why.")
    shutil.copy(pom, ready)


def start(name: str, *command: object) -> None:
    """Start a process, and again whenever it ends, as Kubernetes would."""
    CLUSTER.start(name, "sh", "-c", 'while :; do "$@"; sleep 1; done', name, *command)


def start_java(name: str, *arguments: object) -> None:
    """Start a process of Java's."""
    start(name, "java", *JAVA, "-cp", f"{LIBS}/*", *arguments)


def await_cluster(rest: int, jobs: int, task_managers: int) -> None:
    """Wait until all TaskManagers are known, their pools can give workers, and the job server listens.

    Raises:
        TimeoutError: It takes too long.
    """
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            with urllib.request.urlopen(f"http://127.0.0.1:{rest}/overview", timeout=5) as answer:
                known = json.load(answer)["taskmanagers"]
            logs = [HOME / f"workers-{number + 1}.log" for number in range(task_managers)]
            if known == task_managers and all(WORKERS_AT in log.read_text() for log in logs):
                socket.create_connection(("localhost", jobs), timeout=5).close()
                return
        time.sleep(0.5)
    raise TimeoutError(f"The cluster did not start within {SECONDS_TO_START} seconds")


if __name__ == "__main__":
    main()
