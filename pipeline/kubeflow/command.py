"""The container's command `python -m pipeline.kubeflow.command '{{$}}'` runs a command of the command line in a pod."""

from __future__ import annotations

import json
import sys

from pipeline.cli import app
from pipeline.kubeflow.told import ARGUMENTS, tell


def main() -> int:
    """Run the command that KFP's executor input names, and return its exit code."""
    arguments = json.loads(json.loads(sys.argv[1])["inputs"]["parameterValues"][ARGUMENTS])
    return tell(arguments[0], lambda: app(args=arguments, prog_name="run_pipeline.py"))


if __name__ == "__main__":
    sys.exit(main())
