"""What lies in a bucket is copied; a store that is away for a while is told from one that says no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from pipeline.kubeflow import bucket
from pipeline.kubeflow.again import UnavailableError
from pipeline.kubeflow.bucket import copy_files, open_store

SESSION = {
    "Provider": "minio",
    "Params": {
        "endpoint": "store:9000", "region": "eu", "disableSSL": "true", "fromEnv": "false",
        "secretName": "keys", "accessKeyKey": "id", "secretKeyKey": "key",
    },
}  # fmt: skip


def test_an_object_becomes_a_file_and_a_prefix_a_folder(tmp_path: Path) -> None:
    (tmp_path / "from/below").mkdir(parents=True)
    (tmp_path / "from/below/file").write_text("text")
    copy_files(fs.LocalFileSystem(), str(tmp_path / "from"), tmp_path / "to/folder")
    copy_files(fs.LocalFileSystem(), str(tmp_path / "from/below/file"), tmp_path / "to/file")
    assert (tmp_path / "to/folder/below/file").read_text() == (tmp_path / "to/file").read_text() == "text"


class Broken:
    """Answers as Arrow does."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def get_file_info(self, path: str) -> Any:
        raise OSError(self._answer)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            "AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7",
            UnavailableError,
        ),
        ("AWS Error SERVICE_UNAVAILABLE during GetObject operation", UnavailableError),
        ("AWS Error ACCESS_DENIED during ListObjectsV2 operation: Access Denied", OSError),
        ("AWS Error NO_SUCH_BUCKET during HeadBucket operation", OSError),
    ],
)
def test_only_a_store_that_does_not_answer_is_one_that_may_later(tmp_path: Path, answer: str, kind: type) -> None:
    with pytest.raises(kind, match=answer.split(" during")[0][-12:]) as caught:
        copy_files(Broken(answer), "bucket/key", tmp_path / "to")
    assert type(caught.value) is kind


def test_the_store_is_the_one_that_the_launcher_noted_with_the_keys_of_its_secret(monkeypatch) -> None:
    opened: list[dict[str, str]] = []
    monkeypatch.setattr(fs, "S3FileSystem", lambda **options: opened.append(options))
    monkeypatch.setattr(bucket, "_read_secret", lambda name: {"id": f"{name}-id", "key": f"{name}-key"})
    open_store("minio", json.dumps(SESSION))
    open_store("s3", json.dumps({"Provider": "s3", "Params": {"fromEnv": "true"}}))
    assert opened == [
        {
            "endpoint_override": "store:9000", "scheme": "http", "region": "eu",
            "access_key": "keys-id", "secret_key": "keys-key",
        },
        {},
    ]  # fmt: skip
