"""Prism, Beam's portable runner in one Go program, on this machine: `make prism-up` and `make prism-down` call it."""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import version

from deploy.background import ROOT, Background, find_free_port

HOME = ROOT / ".prism"
PRISM = Background(HOME)
SECONDS_TO_START = 30


def main() -> None:
    """Start or end it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    args = parser.parse_args()
    PRISM.end()
    if args.action == "up":
        bring_up()


def bring_up() -> None:
    """Start Prism, wait until it answers, and say where it is."""
    program = build()
    jobs, page = find_free_port(), find_free_port()
    PRISM.start("prism", program, f"--job_port={jobs}", f"--web_port={page}")
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("localhost", jobs), timeout=5).close()
            break
        time.sleep(0.1)
    else:
        PRISM.end()
        sys.exit(f"Prism did not start within {SECONDS_TO_START} seconds; its log is {HOME}/prism.log.")
    print(f"Prism's web page: http://127.0.0.1:{page}")
    print(f"Log: {HOME}/prism.log; `make prism-down` ends it. A run on it:")
    print(f'  make run ARGS="--engine prism --engine-address localhost:{jobs}"')


def build() -> object:
    """Return the program, of the same release as Beam in Python; Go builds it where it is not there yet."""
    release = version("apache-beam")
    program = HOME / release / "prism"
    if not program.is_file():
        if shutil.which("go") is None:
            sys.exit("go is not installed: it builds Prism; https://go.dev/doc/install")
        print(f"Building Prism {release} into .prism, which takes minutes", flush=True)
        source = f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{release}"
        if subprocess.run(["env", f"GOBIN={program.parent}", "go", "install", source]).returncode:
            sys.exit("Go can't build it; its own lines above say why.")
    return program


if __name__ == "__main__":
    main()
