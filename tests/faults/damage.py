"""Files damaged in every way that came to mind: each damage takes the path of a sound file, and leaves a bad one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def cut(length: int) -> Damage:
    """Keep so many bytes; a negative number is taken off the end."""
    return lambda path: path.write_bytes(path.read_bytes()[:length]) and None


def overwrite(offset: int, new: bytes) -> Damage:
    """Write bytes over those at an offset."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[offset : offset + len(new)] = new
        path.write_bytes(content)

    return damage


def flip(share: float) -> Damage:
    """Turn one bit over, at that share of the file."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(share * len(content))] ^= 0x10
        path.write_bytes(content)

    return damage


def append(extra: bytes) -> Damage:
    """Write more bytes at the end."""
    return lambda path: path.write_bytes(path.read_bytes() + extra) and None


def become(content: bytes) -> Damage:
    """Be another file altogether."""
    return lambda path: path.write_bytes(content) and None


def repack(pack: Callable[[bytes], bytes]) -> Damage:
    """Be packed another way."""
    return lambda path: path.write_bytes(pack(path.read_bytes())) and None


def _zip(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("file", content)
    return stream.getvalue()


def _tar(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo("file")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def be_a_folder(path: Path) -> None:
    """Be a folder of that name."""
    path.unlink()
    path.mkdir()


def lead_to(target: str) -> Damage:
    """Be a link that leads there."""

    def damage(path: Path) -> None:
        path.unlink()
        path.symlink_to(target.format(name=path.name))

    return damage


def be_a_pipe(path: Path) -> None:
    """Be a named pipe: who opens it waits for ever."""
    path.unlink()
    os.mkfifo(path)


def be_a_socket(path: Path) -> None:
    """Be a socket."""
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket may have 108 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(here)


HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"
NO_FILES: dict[str, Damage] = {
    "a folder": be_a_folder,
    "a link to nothing": lead_to("nowhere"),
    "a link to itself": lead_to("{name}"),
    "a link to its folder": lead_to("."),
    "a link to all zeros": lead_to("/dev/zero"),
    "a named pipe": be_a_pipe,
    "a socket": be_a_socket,
}
NOT_THIS_KIND: dict[str, Damage] = {
    "empty": become(b""),
    "one byte": become(b"\0"),
    "spaces": become(b" " * 100),
    "zeros": become(bytes(5000)),
    "text": become(b"this is some text\n" * 50),
    "a web page": become(HTML),
    "a Git LFS pointer": become(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
    "noise": become(bytes(range(256)) * 8),
    "UTF-16": become("what is this?".encode("utf-16")),
}
OTHERWISE_PACKED: dict[str, Damage] = {
    "zip": repack(_zip),
    "bzip2": repack(bz2.compress),
    "xz": repack(lzma.compress),
    "tar.gz": repack(_tar),
    "gzip, twice": repack(lambda content: gzip.compress(gzip.compress(content))),
}
