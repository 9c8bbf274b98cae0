"""Run the pipeline: `python run_pipeline.py --help`."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["doctor"]:  # it tells what is missing, so it needs nothing of what is to be installed
        from pipeline.machine.doctor import main as examine_machine

        sys.exit(examine_machine(sys.argv[2:]))
    from pipeline.cli import main

    main()
