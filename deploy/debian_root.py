"""A Debian 13 in a folder, in which commands run as they would on a machine of its own; takes root and mmdebstrap."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# How this machine reaches its package index.
_HANDED_ON = re.compile(r"(?i)(PIP|UV|SSL|REQUESTS|HTTPS?|NO)_.*")
# In the name space of the command alone, so that nothing stays mounted, whatever happens.
_MOUNTS = """
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" || exit
root=$1; shift
while [ "$1" != -- ]; do mkdir -p "$root$2" && mount --bind "$1" "$root$2" || exit; shift 2; done
shift; exec "$@"
"""


class Root:
    """A Debian 13 in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }
        self.environment |= {name: value for name, value in os.environ.items() if _HANDED_ON.fullmatch(name)}
        self.directory = Path("/")
        self.user = "0"

    def make(self, packages: Iterable[str]) -> None:
        """Install Debian 13 into the folder, which is not there yet, with these packages beside the minimum."""
        if not shutil.which("mmdebstrap"):
            sys.exit("mmdebstrap is missing; on Debian: apt-get install mmdebstrap")
        included = ",".join(["ca-certificates", *packages])
        command = ["mmdebstrap", "--variant=minbase", f"--include={included}", "trixie", self._folder]
        subprocess.run(command, check=True)
        for file in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):
            shutil.copyfile(file, self.locate(Path(file)))

    def locate(self, path: Path) -> Path:
        """Return where a path of the root lies."""
        return self._folder / str(path).lstrip("/")

    def run(self, command: str, mounts: Mapping[Path, Path] | None = None) -> None:
        """Run a shell command as the user and in the directory that hold now.

        Args:
            command: What to run.
            mounts: Folders of this machine, and where they are to be found in the root meanwhile.
        """
        bound = [str(path) for pair in (mounts or {}).items() for path in pair]
        chroot = ["chroot", f"--userspec={self.user}:{self.user}", str(self._folder), "sh", "-c"]
        step = f"cd {shlex.quote(str(self.directory))} && {command}"
        unshared = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _MOUNTS, "mount", str(self._folder)]
        subprocess.run(
            [*unshared, *bound, "--", *chroot, step],
            env={**self.environment, "HOME": "/root" if self.user == "0" else "/home/pipeline"},
            check=True,
        )
