"""A file that is something else is told as what it is."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
import pytest

from components.images.file_kinds import describe_start


def make_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "b")
    return buffer.getvalue()


def make_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


def make_npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"\n <!DOCTYPE html><html>", "an HTML page: the download failed, repeat it"),
        (b"\xef\xbb\xbf<HTML lang=en>", "an HTML page"),
        (b"<?xml version='1.0'?><Error>", "an XML page"),
        (make_zip(), "a zip archive: unpack it"),
        (make_tar(), "a tar archive: unpack it"),
        (make_npy(), "a NumPy array"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer: run git lfs pull"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP image"),
        (b"\0\0\0\x18ftypheic", "a HEIC or AVIF image"),
        (b"label,pixel1,pixel2\n9,0,0\n", "a text file"),
        ("Größe ".encode() * 10, "a text file"),
        (b"\0\0\x0d\x03", "an IDX file of float32 in 3 dimensions"),
        (b"\x01\x02\x03\x80", ""),
    ],
)
def test_a_file_is_told_as_what_it_is(content: bytes, kind: str) -> None:
    found = describe_start(content[:512])
    assert found.startswith(kind)
    assert bool(found) == bool(kind)
