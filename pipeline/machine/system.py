"""What this machine is: system, processor, C library, and the Pythons that are there."""

from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

Version = Tuple[int, int]
# Where pyenv and uv keep theirs; that they are on the PATH is not said.
_PLACES = ("~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin")
_VERSIONS = ((3, 13), (3, 12), (3, 11), (3, 10))


@dataclass(frozen=True)
class Machine:
    """What the choice of a stack depends on."""

    system: str
    """As `platform.system()` has it: Linux, Darwin, Windows."""

    processor: str
    """`x86_64` or `arm64`, whatever the system calls them."""

    glibc: Optional[Version] = None
    """Version of GNU's C library; None where there is another, or none."""

    pythons: Dict[Version, str] = field(default_factory=dict)
    """Programs of the Pythons that the stacks know, by version."""

    compiler: bool = True
    """Whether there is a C++ compiler."""

    @property
    def name(self) -> str:
        """The machine in a few words."""
        system = {"Darwin": "macOS"}.get(self.system, self.system)
        libc = f", glibc {'.'.join(map(str, self.glibc))}" if self.glibc else ""
        return f"{system} on {self.processor}{libc}"


def look_at_machine() -> Machine:
    """Look at the machine that this runs on."""
    processor = platform.machine().lower()
    return Machine(
        system=platform.system(),
        processor={"amd64": "x86_64", "aarch64": "arm64"}.get(processor, processor),
        glibc=_read_glibc(),
        pythons=_find_pythons(),
        compiler=any(map(shutil.which, ("c++", "g++", "clang++"))),
    )


def _read_glibc() -> Optional[Version]:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):  # not Unix, or another C library
        return None
    match = re.match(r"glibc (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _find_pythons() -> Dict[Version, str]:
    """Return the first Python of each version that really starts: pyenv's stand-ins on the PATH often do not."""
    found = {}
    for version in _VERSIONS:
        name = "python{}.{}".format(*version)
        places = [path for place in _PLACES for path in sorted(glob.glob(os.path.expanduser(f"{place}/{name}")))]
        for program in filter(None, [shutil.which(name), *places]):
            own_name = _start(program, version)
            if own_name:
                found[version] = own_name
                break
    return found


def _start(program: str, version: Version) -> str:
    """Return where a Python says that it is; empty if it is none of that version."""
    code = "import sys; print(*sys.version_info[:2], sys.executable)"
    try:
        result = subprocess.run([program, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = result.stdout.strip().split(" ", 2)
    return words[2] if result.returncode == 0 and words[:2] == [str(number) for number in version] else ""
