"""Run the steps of the Dockerfile where there is no docker: `python deploy/prove_image.py ROOT [--target cpu]`.

ROOT, a folder that is not there yet, becomes a Debian 13 made by mmdebstrap. The Dockerfile's own RUN, COPY, ENV,
WORKDIR and USER are carried out in it, those of all stages that the target needs in one file system. Then the image's
user runs the pipeline on samples. Takes root, mmdebstrap, about 6 GB and some minutes. The Python of the base image is
copied from `--python`, the prefix of a Python 3.12 of this machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from debian_root import Root

SOURCES = Path(__file__).resolve().parents[1]
LIBRARIES = ("libssl3t64", "libffi8", "libsqlite3-0", "libbz2-1.0", "liblzma5", "libreadline8t64", "zlib1g")
PROOF = (
    "python -m pipeline.kubeflow.entrypoint --help > /dev/null && python run_pipeline.py run --data sample "
    "--sample-size 1200 --epochs 4 --batch-size 16 --min-class-accuracy 0.3 --output /tmp/output"
)

Instruction = tuple[str, str]


def read_stages(dockerfile: str) -> dict[str, tuple[str, list[Instruction]]]:
    """Return the stages by name, each with what it starts from and its instructions."""
    text = re.sub(r"^#.*\n", "", dockerfile, flags=re.MULTILINE).replace("\\\n", " ")
    stages: dict[str, tuple[str, list[Instruction]]] = {}
    for line in filter(str.strip, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.split()
            stages[name] = (base, [])
        else:
            list(stages.values())[-1][1].append((word, rest.strip()))
    return stages


def list_instructions(
    stages: dict[str, tuple[str, list[Instruction]]], target: str, done: set[str]
) -> list[Instruction]:
    """Return what has to be carried out for a stage, in order: with the stages that it starts from and copies from."""
    if target not in stages or target in done:
        return []
    done.add(target)
    base, own = stages[target]
    instructions = list_instructions(stages, base, done)
    for word, rest in own:
        source = re.match(r"--from=(\S+)", rest) if word == "COPY" else None
        if source:
            # In one file system there is nothing to copy; what is copied is made by root, as in a stage of its own.
            instructions += [("USER", "0"), *list_instructions(stages, source[1], done), ("USER", "1000")]
        else:
            instructions.append((word, rest))
    return instructions


def make_root(folder: Path, python: Path) -> Root:
    """Make a Debian with the Python of this machine, as it is in the base image."""
    root = Root(folder)
    root.make(LIBRARIES)
    root.environment["PATH"] = f"{python}/bin:{root.environment['PATH']}"
    shutil.copytree(python, root.locate(python), symlinks=True)
    for parent in root.locate(python).parents:
        if parent != folder and parent.is_relative_to(folder):
            parent.chmod(0o755)
    return root


def copy(root: Root, sources: list[str], target: str) -> None:
    """Copy from the project, as COPY does."""
    destination = root.locate(root.directory / target)
    destination.mkdir(parents=True, exist_ok=True) if target.endswith("/") else None
    for source in sources:
        origin = SOURCES / source
        if origin.is_dir():
            shutil.copytree(origin, destination, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, destination)


def carry_out(root: Root, word: str, rest: str) -> None:
    """Carry out one instruction."""
    print(f"--- {word} {rest}", flush=True)
    if word == "RUN":
        root.run(rest)
    elif word == "COPY":
        *sources, target = rest.split()
        copy(root, sources, target)
    elif word == "ENV":
        for name, value in re.findall(r"(\w+)=(\S+)", rest):
            root.environment[name] = value.replace("$PATH", root.environment["PATH"])
    elif word == "WORKDIR":
        root.directory = Path(rest)
        root.locate(root.directory).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        root.user = rest
    elif word not in ("ARG", "CMD", "LABEL"):  # nothing of it is in the file system
        raise ValueError(f"{word}: no way to carry that out")


def main() -> None:
    """Carry out all instructions of a target, and run the pipeline in what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--python", type=Path, default=Path(sys.base_prefix))
    options = parser.parse_args()
    stages = read_stages((SOURCES / "Dockerfile").read_text())
    root = make_root(options.root.resolve(), options.python)
    for word, rest in list_instructions(stages, options.target, set()):
        carry_out(root, word, rest)
    print(f"--- {PROOF}", flush=True)
    root.run(PROOF)


if __name__ == "__main__":
    main()
