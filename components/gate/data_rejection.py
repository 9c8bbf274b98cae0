"""What stops a run when its data is not sound."""

from __future__ import annotations

from pathlib import Path

from components.gate.checks import DATA_CHECKS_FILE, get_failures, read_checks


class DataRejectedError(RuntimeError):
    """The data failed a check; the message holds a line for each."""


def reject_unsound(validation_dir: Path) -> None:
    """Let data pass whose checks, in the folder of a DataValidation artifact, all did.

    Raises:
        DataRejectedError: One did not.
    """
    failures = get_failures(read_checks(validation_dir / DATA_CHECKS_FILE))
    if failures:
        raise DataRejectedError("The data was rejected:\n" + "\n".join(failures))
