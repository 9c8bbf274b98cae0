"""Copies what lies in a bucket, and tells what can't be had from what can't be had now."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pipeline.kubeflow.again import UnavailableError

# Of Arrow's error messages; any other says that the address or the keys are wrong.
_PASSING = re.compile(r"curlCode|NETWORK_CONNECTION|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|SLOW_DOWN|THROTTLING|TIMEOUT")
_TIMEOUT_SECONDS = 30
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# Of releases of KFP that do not say where they keep artifacts:
# https://github.com/kubeflow/pipelines/blob/2.17.0/backend/src/v2/config/env.go
_DEFAULT_SESSION = {
    "endpoint": "minio-service.kubeflow:9000", "disableSSL": "true", "region": "minio",
    "secretName": "mlpipeline-minio-artifact", "accessKeyKey": "accesskey", "secretKeyKey": "secretkey",
}  # fmt: skip


class StoreAccessError(RuntimeError):
    """The store of the artifacts may not be read; one sentence says why."""


def copy_files(filesystem: Any, path: str, target: Path) -> None:
    """Copy an object, or all that lies under a prefix.

    Args:
        filesystem: One of pyarrow's.
        path: Bucket and key.
        target: The file or folder to make.

    Raises:
        UnavailableError: The store does not answer.
        OSError: There is nothing, or it may not be read.
    """
    from pyarrow import fs

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if filesystem.get_file_info(path).type == fs.FileType.Directory:
            target.mkdir(exist_ok=True)
        fs.copy_files(path, str(target), source_filesystem=filesystem, destination_filesystem=fs.LocalFileSystem())
    except OSError as error:
        if _PASSING.search(str(error)):
            raise UnavailableError(
                f"{path}: the object store does not answer; see whether it runs ({error})"
            ) from error
        raise


def open_store(scheme: str, session_info: str) -> Any:
    """Return the file system in which KFP keeps artifacts.

    Args:
        scheme: `gs`, `minio` or `s3`.
        session_info: What KFP's launcher notes of each artifact, in JSON: the server, and which secret has the keys.

    Raises:
        StoreAccessError: The secret is not there, or may not be read.
        UnavailableError: Kubernetes does not answer.
    """
    from pyarrow import fs

    if scheme == "gs":
        return fs.GcsFileSystem()  # as whom the pod's service account is taken
    noted = json.loads(session_info)["Params"] if session_info else _DEFAULT_SESSION
    options = {}
    if noted.get("endpoint"):
        options["endpoint_override"] = noted["endpoint"]
        options["scheme"] = "http" if noted.get("disableSSL") == "true" else "https"
    if noted.get("region"):
        options["region"] = noted["region"]
    if noted.get("secretName"):
        secret = _read_secret(noted["secretName"])
        options["access_key"], options["secret_key"] = secret[noted["accessKeyKey"]], secret[noted["secretKeyKey"]]
    return fs.S3FileSystem(**options)


def _read_secret(name: str) -> Mapping[str, str]:
    """Read a secret as KFP's launcher does, in the same pod and with its rights."""
    import urllib3

    namespace, token = ((_SERVICE_ACCOUNT / file).read_text().strip() for file in ("namespace", "token"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    http = urllib3.PoolManager(ca_certs=str(_SERVICE_ACCOUNT / "ca.crt"))
    try:
        answer = http.request(
            "GET",
            f"{server}/api/v1/namespaces/{namespace}/secrets/{name}",
            headers={"authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
        )
    except urllib3.exceptions.HTTPError as error:
        raise UnavailableError(f"secret {name}: Kubernetes does not answer; see whether it runs ({error})") from error
    if answer.status != HTTPStatus.OK:
        kind = UnavailableError if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else StoreAccessError
        raise kind(
            f"secret {name}: can't be read ({answer.status}); give the pod's service account the right to, as KFP does"
        )
    return {key: base64.b64decode(value).decode() for key, value in json.loads(answer.data)["data"].items()}
