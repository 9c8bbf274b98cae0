"""The stack follows from the machine, a wish that can't work is refused first, and the doctor names what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.machine import doctor
from pipeline.machine.stack import CURRENT, OLD, StackError, choose_stack
from pipeline.machine.system import Machine

ROOT = Path(__file__).parents[2]
DEBIAN_12 = Machine("Linux", "x86_64", (2, 36), {(3, 13): "/p/python3.13", (3, 10): "/p/python3.10"})
DEBIAN_13 = Machine("Linux", "x86_64", (2, 41), {(3, 12): "/p/python3.12", (3, 10): "/p/python3.10"}, compiler=False)
MAC = Machine("Darwin", "arm64")
INTEL_MAC = Machine("Darwin", "x86_64")
WINDOWS = Machine("Windows", "x86_64")
ARM_LINUX = Machine("Linux", "arm64", (2, 41))
ALPINE = Machine("Linux", "x86_64", None)


@pytest.mark.parametrize(
    ("machine", "stack", "version", "program"),
    [
        (DEBIAN_13, CURRENT, (3, 12), "/p/python3.12"),
        (Machine("Linux", "x86_64", (2, 39)), CURRENT, (3, 13), None),
        (MAC, CURRENT, (3, 13), None),
        (DEBIAN_12, OLD, (3, 10), "/p/python3.10"),
        (INTEL_MAC, OLD, (3, 10), None),
    ],
)
def test_the_current_stack_is_taken_where_it_fits_and_else_the_old_one(machine, stack, version, program) -> None:
    choice = choose_stack(machine)
    assert (choice.stack, choice.version, choice.program) == (stack, version, program)
    assert machine.name in choice.sentence


def test_a_wish_decides() -> None:
    assert choose_stack(DEBIAN_13, "3.11").version == (3, 11)
    assert choose_stack(Machine("Linux", "x86_64", (2, 41)), "3.10.4").stack is OLD


@pytest.mark.parametrize(
    ("machine", "wish", "remedy"),
    [
        (DEBIAN_12, "3.12", "PYTHON_VERSION=3.10"),
        (INTEL_MAC, "3.13", "PYTHON_VERSION=3.10"),
        (MAC, "3.10", "PYTHON_VERSION=3.13"),
        (WINDOWS, "", "WSL 2"),
        (WINDOWS, "3.12", "WSL 2"),
        (ARM_LINUX, "", "x86_64 machine or container"),
        (ALPINE, "", "Debian 13"),
        (DEBIAN_13, "3.10", "apt-get install g++"),
        (DEBIAN_13, "3.14", "one of 3.13, 3.12, 3.11, 3.10"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(machine: Machine, wish: str, remedy: str) -> None:
    with pytest.raises(StackError, match=re.escape(remedy)):
        choose_stack(machine, wish)


def test_an_output_folder_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor.examine_output(tmp_path / "new" / "output").mark == doctor.OK
    finding = doctor.examine_output(tmp_path / "file" / "output")
    assert (finding.mark, finding.remedy) == (doctor.BAD, "name another folder with --output")
    assert not list(tmp_path.glob("new*"))  # to look is not to make


def test_a_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.examine_disk(tmp_path / "new", 1, "disk").mark == doctor.OK
    usage = doctor.shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    finding = doctor.examine_disk(tmp_path / "new", 500, "disk")
    assert (finding.mark, finding.text) == (doctor.BAD, "1 MiB free, 500 needed")


def test_missing_files_of_the_data_set_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"):
        (tmp_path / f"{name}.gz").touch()
    finding = doctor.examine_data()
    assert finding.mark == doctor.BAD
    assert finding.text.endswith("no t10k-labels-idx1-ubyte")
    (tmp_path / "t10k-labels-idx1-ubyte").touch()
    assert doctor.examine_data().mark == doctor.OK


def test_the_doctor_needs_nothing_installed_and_fails_where_a_run_could_not_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    # -I and -S: neither the environment's packages nor the user's.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pipeline.machine.doctor import main\n"
    code += "sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-I", "-S", "-c", code, "--output", str(tmp_path / "file" / "output")]
    environment = {"FASHION_MNIST_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (result.returncode, result.stderr) == (1, "")
    assert sum(line.startswith("BAD") for line in result.stdout.splitlines()) >= 2
