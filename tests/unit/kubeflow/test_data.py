"""Data finds its way into the container, or a sentence says why it does not."""

from __future__ import annotations

import pytest

from components.images.idx_folder import DataError, load_dataset
from pipeline.kubeflow.data import copy_bucket, fetch_data


def test_a_mounted_folder_is_read_where_it_is(sample_dir, tmp_path):
    assert fetch_data(str(sample_dir), "clothes", tmp_path, 100) == sample_dir
    assert not list(tmp_path.iterdir())


def test_samples_are_drawn_in_the_number_that_was_asked_for(tmp_path):
    assert load_dataset(fetch_data("sample", "sample", tmp_path, 120)).counts["train"] == 120


def test_a_bucket_is_copied(sample_dir, tmp_path):
    """By the same code path as s3:// and gs://, which tests/kubeflow takes with a server."""
    copied = copy_bucket(sample_dir.as_uri(), tmp_path / "data")
    assert load_dataset(copied).digest == load_dataset(sample_dir).digest


@pytest.mark.parametrize(
    ("location", "pipeline", "message"),
    [
        ("sample", "clothes", "data sample: not for the pipeline clothes"),
        ("/mnt/data", "sample", "data /mnt/data: not for the pipeline sample"),
        ("auto", "clothes", "data auto: a cluster has to be told"),
        ("ftp://host/data", "clothes", "ftp://host/data: cannot be read"),
        ("file:///no/such?user=me", "clothes", "file:///no/such: cannot be read"),
        ("/no/such/folder", "clothes", "no such folder"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, location, pipeline, message):
    with pytest.raises(DataError) as refusal:
        fetch_data(location, pipeline, tmp_path, 100)
    assert message in str(refusal.value)


def test_keys_in_an_address_are_in_no_message(tmp_path):
    with pytest.raises(DataError) as caught:
        copy_bucket("s3://AKIA:hunter2@bucket/data?region=eu&nonsense=hunter3", tmp_path / "data")
    assert str(caught.value).startswith("s3://bucket/data?region=eu: cannot be read")
    assert "hunter" not in str(caught.value)
    assert caught.value.__suppress_context__, "nor in the traceback"
