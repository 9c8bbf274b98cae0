"""Run the pipeline: `python run_pipeline.py --help`."""

from pipeline.commands.guard import run_guarded


def main() -> None:
    """Import the command line under the guard too: a package that is missing is told in a sentence."""
    from pipeline.cli import main as run_command

    run_command()


if __name__ == "__main__":
    run_guarded(main)
