"""What the tests need of the machine: KFP's programs, an S3 server, MariaDB; and the start and end of each service."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from deploy.background import find_free_port
from tests.kubeflow.cluster import Cluster

# `make test-kubeflow` puts moto and MariaDB there.
TOOLS = Path(__file__).parents[2] / ".kubeflow"
START_SECONDS = 90


def find_programs() -> Path | None:
    """Return the folder of KFP's programs, which $KFP_BACKEND names; None where they are not there."""
    folder = Path(os.environ.get("KFP_BACKEND") or "/nonexistent")
    return folder if all((folder / name).exists() for name in ("apiserver", "driver", "launcher-v2")) else None


class Service:
    """A program that runs until it is stopped; its log lies in a file."""

    def __init__(self, command: list[str | Path], log: Path, **options: object) -> None:
        self._log = log
        command = ["setpriv", "--pdeathsig", "KILL", *command]  # it goes with the tests, however they end
        with log.open("wb") as stream:
            self._process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, **options)  # type: ignore[call-overload]

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until the service is ready, and fail with the end of its log where it does not get there."""
        end = time.monotonic() + START_SECONDS
        while not ready():
            alive = self._process.poll() is None
            in_time = time.monotonic() < end
            assert (alive, in_time) == (True, True), self._log.read_text(errors="replace")[-3000:]
            time.sleep(0.2)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()  # KFP's API server outlives its first SIGTERM
            self._process.wait()


def answers(url: str, method: str = "GET") -> bool:
    """Tell whether a server answers with success."""
    try:
        with urlopen(Request(url, method=method), timeout=5):
            return True
    except (URLError, OSError):
        return False


def start_database(directory: Path) -> tuple[Service, int]:
    """Start MariaDB on a free port, for `root` without a password from this machine."""
    base, data, port = TOOLS / "mariadb/usr", directory / "data", find_free_port()
    data.mkdir(parents=True)
    libraries = {**os.environ, "LD_LIBRARY_PATH": str(base / "lib/x86_64-linux-gnu")}
    common = [
        base / "sbin/mariadbd", "--no-defaults", "--user=root", f"--datadir={data}",
        f"--lc-messages-dir={base / 'share/mysql'}", f"--plugin-dir={base / 'lib/mysql/plugin'}",
    ]  # fmt: skip
    tables = [base / "share/mysql" / name for name in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")]
    script = "create database mysql;\nuse mysql;\n" + "".join(path.read_text() for path in tables)
    subprocess.run([*common, "--bootstrap"], input=script, env=libraries, text=True, check=True, capture_output=True)
    service = Service(
        [*common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={directory / 'socket'}",
         f"--pid-file={directory / 'pid'}"],
        directory / "log", env=libraries,
    )  # fmt: skip
    service.wait_until(lambda: accepts(port))
    return service, port


def accepts(port: int) -> bool:
    """Tell whether something listens on a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


def start_api_server(
    cluster: Cluster, directory: Path, *, database: int, s3: str, bucket: str, key: str, secret: str
) -> tuple[Service, str]:
    """Start KFP's API server, and return it with its address."""
    ports = {name: find_free_port() for name in ("rpcPortFlag", "httpPortFlag", "webhookPortFlag")}
    host, _, port = s3.partition(":")
    config = {
        "DBDriverName": "mysql",
        "DBConfig": {
            "MySQLConfig": {
                "DBName": "mlpipeline", "Host": "127.0.0.1", "Port": str(database), "User": "root",
                "GroupConcatMaxLen": "4194304",
            },
            "ConMaxLifeTime": "120s",
        },
        "ObjectStoreConfig": {
            "AccessKey": key, "SecretAccessKey": secret, "BucketName": bucket, "PipelinePath": "pipelines",
            "Host": host, "Port": port, "Secure": "false", "Region": "us-east-1",
        },
        "ARCHIVE_CONFIG_LOG_FILE_NAME": "main.log",
        "ARCHIVE_CONFIG_LOG_PATH_PREFIX": "/artifacts",
        "InitConnectionTimeout": "20s",
        "DEFAULTPIPELINERUNNERSERVICEACCOUNT": "pipeline-runner",
        "CacheEnabled": "true",
        "CRON_SCHEDULE_TIMEZONE": "UTC",
    }  # fmt: skip
    (directory / "config").mkdir()
    (directory / "config/config.json").write_text(json.dumps(config))
    (directory / "pod").mkdir()
    flags = [f"--{name}=:{number}" for name, number in ports.items()]
    command = [str(cluster.programs / "apiserver"), f"--config={directory / 'config'}", "-logtostderr=true", *flags]
    nowhere = {
        f"ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_{name}": value
        for name, value in (("HOST", "127.0.0.1"), ("PORT", "1"))
    }
    service = Service(
        cluster.make_command(command, {}, str(directory / "pod")), directory / "log",
        env={**cluster.environment, **nowhere}, cwd=directory,
    )  # fmt: skip
    address = f"http://127.0.0.1:{ports['httpPortFlag']}"
    service.wait_until(lambda: answers(f"{address}/apis/v2beta1/healthz"))
    return service, address
