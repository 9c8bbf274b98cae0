"""Run the pipeline: `python run_pipeline.py --help`."""

import sys
from pathlib import Path


def main() -> None:
    """Import the command line under the guard too: a package that is missing is told in a sentence."""
    from pipeline.cli import main as run_command

    run_command()


if __name__ == "__main__":
    if getattr(sys.flags, "safe_path", False):  # PYTHONSAFEPATH, which leaves out this folder
        sys.path.insert(0, str(Path(__file__).resolve().parent))
    if sys.argv[1:2] == ["doctor"]:  # it tells what is missing, so it needs nothing of what is to be installed
        from pipeline.machine.doctor import main as examine_machine

        sys.exit(examine_machine(sys.argv[2:]))
    from pipeline.commands.guard import run_guarded

    run_guarded(main)
