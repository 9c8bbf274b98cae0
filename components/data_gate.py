"""DataGate: stops the run when the data is not sound."""

from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component

from components.data_validator import DataValidation
from components.gate.data_rejection import reject_unsound


@component
def DataGate(validation: InputArtifact[DataValidation]) -> None:
    """Fail unless every check of the data passed. What follows this stage runs on sound data or not at all."""
    reject_unsound(Path(validation.uri))
