"""What this machine has and lacks for a run, a line each, with what to do: `run_pipeline.py doctor`, `make doctor`."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, List, NamedTuple

from pipeline.machine.data import find_data
from pipeline.machine.stack import StackError, choose_stack
from pipeline.machine.system import Machine, look_at_machine

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
OK, NOTE, BAD = "ok", "note", "BAD"
# Measured: `make benchmark` prints the peak of a run, `du` what .venv takes.
RUN_MEMORY_MIB, RUN_DISK_MIB, STACK_DISK_MIB = 2_000, 500, 4_000
TOOLS = {
    "git": "the report's line on the origin",
    "make": "the targets of `make help`",
    "mmdebstrap": "make prove-image, make test-other-stack",
    "chromium": 'make test ARGS="-m slow"',
    "dpkg": "make test-kubeflow",
}
PORTS = {8080: "kubectl port-forward to Kubeflow", 8501: "TensorFlow Serving"}


class Finding(NamedTuple):
    """A line of the list."""

    mark: str
    subject: str
    text: str
    remedy: str = ""


def examine(output: Path) -> Iterator[Finding]:
    """Look at everything, in the order in which a run needs it."""
    machine = look_at_machine()
    yield Finding(OK, "system", machine.name)
    yield Finding(OK, "Python", "; ".join(["this is " + sys.version.split()[0], *_list_pythons(machine)]))
    yield examine_stack(machine)
    yield examine_processor(machine)
    yield examine_gpu()
    yield examine_memory()
    yield examine_disk(ROOT, 0 if _is_installed() else STACK_DISK_MIB, "disk for .venv")
    yield examine_disk(output, RUN_DISK_MIB, "disk for the output")
    yield examine_data()
    yield examine_output(output)
    for name, purpose in TOOLS.items():
        there = shutil.which(name)
        yield Finding(OK, name, there) if there else Finding(NOTE, name, "missing", f"only for {purpose}")
    for port, purpose in PORTS.items():
        yield examine_port(port, purpose)


def examine_stack(machine: Machine) -> Finding:
    """Say which stack the machine gets, and whether it is there already."""
    if _is_installed():
        return Finding(OK, "stack", "installed in .venv")
    try:
        return Finding(NOTE, "stack", choose_stack(machine).sentence, "not installed yet: make setup")
    except StackError as error:
        remedy = str(error).rpartition(": ")[2]
        return Finding(BAD, "stack", str(error)[: -len(remedy) - 2], remedy)


def examine_processor(machine: Machine) -> Finding:
    """TensorFlow's wheels for x86_64 are compiled for AVX, and end with an illegal instruction without."""
    cores = f"{os.cpu_count()} cores"
    cpuinfo = Path("/proc/cpuinfo")
    if machine.processor != "x86_64" or not cpuinfo.exists():
        return Finding(OK, "processor", cores)
    flags = next((line.split() for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), [])
    known = [flag for flag in ("avx", "avx2", "avx512f", "fma") if flag in flags]
    if "avx" not in known:
        return Finding(BAD, "processor", f"{cores}, no AVX", "TensorFlow needs it: take another machine")
    return Finding(OK, "processor", f"{cores}; {', '.join(known)}")


def examine_gpu() -> Finding:
    """Say which NVIDIA GPU there is, its driver, and whether the CUDA libraries are installed."""
    if not shutil.which("nvidia-smi"):
        return Finding(OK, "GPU", "none (no nvidia-smi): training uses the CPU")
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False)
    if result.returncode:
        return Finding(NOTE, "GPU", "nvidia-smi fails: the driver does not work", "install NVIDIA's driver anew")
    names = "; ".join(result.stdout.strip().splitlines())
    if any(ROOT.glob(".venv/lib/python*/site-packages/nvidia/cudnn")):
        return Finding(OK, "GPU", f"{names}; CUDA libraries in .venv")
    return Finding(NOTE, "GPU", f"{names}; no CUDA libraries in .venv", "make setup GPU=1")


def examine_memory() -> Finding:
    """Compare what is available with what a run takes."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return Finding(OK, "memory", "unknown on this system")
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    available = int(lines["MemAvailable"].split()[0]) // 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and limit.read_text().strip().isdigit():
        available = min(available, int(limit.read_text()) // MIB)
    text = f"{available:,} MiB available, a run takes up to {RUN_MEMORY_MIB:,}"
    return Finding(OK, "memory", text) if available >= RUN_MEMORY_MIB else Finding(BAD, "memory", text, "free some")


def examine_disk(folder: Path, needed: int, subject: str) -> Finding:
    """Compare the free space of the file system that a folder is on, or would be, with what is needed, in MiB."""
    free = shutil.disk_usage(_find_existing(folder)).free // MIB
    text = f"{free:,} MiB free, {needed:,} needed"
    return Finding(OK, subject, text) if free >= needed else Finding(BAD, subject, text, f"free some at {folder}")


def examine_data() -> Finding:
    """Say where the data set is, or that a run would draw samples."""
    found = find_data()
    return Finding({True: OK, False: BAD, None: NOTE}[found.usable], "data", found.text, found.remedy)


def examine_output(output: Path) -> Finding:
    """Try to write where the output goes, or would go."""
    folder = _find_existing(output)
    try:
        if not folder.is_dir():
            raise NotADirectoryError(20, "a file, and a folder is expected")
        with tempfile.TemporaryFile(dir=str(folder)):
            return Finding(OK, "output", f"{output} can be written")
    except OSError as error:
        return Finding(BAD, "output", f"{folder}: {error.strerror}", "name another folder with --output")


def examine_port(port: int, purpose: str) -> Finding:
    """See whether anything listens on a port of this machine."""
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    text = "taken" if taken else "free"
    return Finding(NOTE if taken else OK, f"port {port}", text, f"choose another for {purpose}" if taken else "")


def _find_existing(path: Path) -> Path:
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def _list_pythons(machine: Machine) -> List[str]:
    return [program for _, program in sorted(machine.pythons.items(), reverse=True)]


def _is_installed() -> bool:
    return any(ROOT.glob(".venv/*.ready"))


def main(arguments: List[str]) -> int:
    """Print the list; 1 where a run could not work, else 0."""
    parser = argparse.ArgumentParser(prog="run_pipeline.py doctor", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder of metadata, models and runs")
    failed = False
    for finding in examine(parser.parse_args(arguments).output):
        failed |= finding.mark == BAD
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        print(f"{finding.mark:<5}{finding.subject:<20}{finding.text}{remedy}")
    print("A run can't work here: see what is marked BAD." if failed else "A run can work here.")
    return int(failed)
