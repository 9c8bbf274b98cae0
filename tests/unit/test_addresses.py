"""Keys in an address are shown nowhere."""

from __future__ import annotations

import pytest

from pipeline.addresses import hide_keys


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/mnt/data", "/mnt/data"),
        ("C:\\data?x=y@z", "C:\\data?x=y@z"),
        ("gs://bucket/prefix", "gs://bucket/prefix"),
        ("s3://AKIA:secret@bucket/prefix", "s3://bucket/prefix"),
        ("s3://bucket/prefix?access_key=AKIA&secret_key=secret", "s3://bucket/prefix"),
        ("s3://bucket/p?region=eu&secret_key=secret&X-Amz-Signature=secret", "s3://bucket/p?region=eu"),
        (
            "s3://a:secret@b/p?endpoint_override=minio:9000&scheme=http#secret",
            "s3://b/p?endpoint_override=minio:9000&scheme=http",
        ),
    ],
)
def test_only_what_is_no_key_is_left(address: str, shown: str) -> None:
    assert hide_keys(address) == shown
