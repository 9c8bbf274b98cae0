"""The doctor names what is missing, and needs nothing installed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.machine import doctor

ROOT = Path(__file__).parents[3]


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
