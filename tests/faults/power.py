"""What a power cut leaves: a model of a disk that keeps what was synced, and may lose everything else.

This is no file system layer. It hears of each fsync, rename, new file and new folder of a push in this process, and
builds two folders: one in which neither contents nor names were kept that nobody had synced, and one in which all names
were kept, as a journal does, and unsynced contents were not. Real disks leave something between the two; and what a
disk does that only claims to have synced is not shown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from tests.faults.pushes import watch


class Disk:
    """The contents that were synced, by inode: bytes of a file, names and inodes of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, int]] = {}
        self._held: dict[int, int] = {}
        for path in (root, *root.rglob("*")):  # what was there before
            self._keep(path)

    def sync(self, descriptor: int) -> None:
        """Keep what is behind a descriptor, as fsync does."""
        self._keep(Path(f"/proc/self/fd/{descriptor}").readlink())

    def restore(self, target: Path, *, names: bool) -> None:
        """Build what is there after a cut; `names` says whether names that nobody synced were kept."""
        self._restore(self._root, self._root.stat().st_ino, target, names=names)

    def _keep(self, path: Path) -> None:
        number = path.stat().st_ino
        if path.is_dir():
            self._folders[number] = {entry.name: entry.inode() for entry in os.scandir(path)}
            for entry in path.iterdir():
                self._hold(entry)
        elif stat.S_ISREG(path.stat().st_mode):
            self._files[number] = path.read_bytes()

    def _hold(self, path: Path) -> None:
        """Hold what may be deleted later open, so that no new file gets its number."""
        if path.stat().st_ino not in self._held:
            self._held[path.stat().st_ino] = os.open(path, os.O_RDONLY)

    def _restore(self, source: Path, number: int, target: Path, *, names: bool) -> None:
        target.mkdir()
        entries = {entry.name: entry.inode() for entry in os.scandir(source)} if names and source.is_dir() else {}
        for name, inode in (entries if names else self._folders.get(number, {})).items():
            if inode in self._folders or (names and (source / name).is_dir()):
                self._restore(source / name, inode, target / name, names=names)
            else:
                (target / name).write_bytes(self._files.get(inode, b""))


def cut_at_each_change(root: Path, push: Callable[[], int], check: Callable[[Path], None], scratch: Path) -> int:
    """Push, and look before each change and after each sync at what a power cut would leave; return how many cuts.

    Args:
        root: the folder below which all happens.
        push: what is done.
        check: raises where what is left is not as it should be.
        scratch: an empty folder, on the same machine.
    """
    disk, cuts, sync = Disk(root), 0, os.fsync

    def cut(*_: object) -> None:
        nonlocal cuts
        for names in (False, True):
            left = scratch / str(cuts)
            disk.restore(left, names=names)
            check(left)
            cuts += 1

    def synced(descriptor: int) -> None:
        sync(descriptor)
        disk.sync(descriptor)
        cut()

    os.fsync = synced  # in a process of its own only
    watch(root, cut)
    push()
    cut()
    return cuts
