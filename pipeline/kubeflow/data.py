"""Brings the data of a run into the container that reads it."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from components.images.datasets import find_dataset
from components.images.idx_folder import DataError
from pipeline.addresses import hide_keys
from pipeline.kubeflow.again import UnavailableError
from pipeline.kubeflow.bucket import copy_files
from pipeline.kubeflow.config import SAMPLE

# The stage that reads the data has an execution property of this name.
DATA_DIR = "data_dir"


def fetch_data(location: str, pipeline: str, scratch: Path, sample_size: int) -> Path:
    """Return a folder of IDX files: the mounted one, or a copy below `scratch`.

    Args:
        location: A folder, gs://bucket/prefix, s3://bucket/prefix, `fashion-mnist`, or `sample`.
        pipeline: Name of the pipeline that asks; `sample` takes samples, and no other does.
        scratch: For what has to be copied, downloaded or drawn.
        sample_size: Training images to draw.

    Raises:
        DataError: There is no such data, or it may not be used here.
        UnavailableError: The bucket does not answer.
    """
    if (location == SAMPLE) != (pipeline == SAMPLE):
        raise DataError(
            f"data {hide_keys(location)}: not for the pipeline {pipeline}, whose models would be mixed with others; "
            f"compile or submit it with --data {hide_keys(location)}"
        )
    if "://" in location:
        # In a process of its own: Arrow's libraries for buckets and TensorFlow's have crashed together.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(copy_bucket, location, scratch / "data").result()
    if location == "auto":
        raise DataError("data auto: a cluster has to be told; expected a folder, a bucket, fashion-mnist or sample")
    return find_dataset(
        location, sample_dir=scratch / "samples", sample_size=sample_size, seed=0, progress=False
    ).directory


def copy_bucket(uri: str, directory: Path) -> Path:
    """Copy what lies under an address in a bucket into a folder.

    Who may read it, and which server other than Amazon's is asked, stands in the environment, or in the address:
    https://arrow.apache.org/docs/python/filesystems.html#s3

    Raises:
        DataError: It cannot be read.
        UnavailableError: The store does not answer.
    """
    from pyarrow import fs

    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
        copy_files(filesystem, path, directory)
    except UnavailableError as error:
        raise UnavailableError(str(error).replace(uri, hide_keys(uri))) from None
    except (OSError, ValueError) as error:
        # Not `from error`: its text may repeat the address, and the keys in it.
        why = str(error).replace(uri, hide_keys(uri))
        raise DataError(f"{hide_keys(uri)}: cannot be read ({why}); check the address and the secrets") from None
    return directory
