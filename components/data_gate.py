"""DataGate: stops the run when the data is not sound."""

from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component

from components.data_validator import DataValidation
from components.gate.checks import DATA_CHECKS_FILE, get_failures, read_checks


class DataRejectedError(RuntimeError):
    """The data failed a check; the message holds a line for each."""


@component
def DataGate(validation: InputArtifact[DataValidation]) -> None:
    """Fail unless every check of the data passed. What follows this stage runs on sound data or not at all."""
    failures = get_failures(read_checks(Path(validation.uri, DATA_CHECKS_FILE)))
    if failures:
        raise DataRejectedError("The data was rejected:\n" + "\n".join(failures))
