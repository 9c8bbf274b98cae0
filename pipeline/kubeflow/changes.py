"""What the first stage of a run says: of what the run is made, and which earlier run, if there is one, it would repeat.

Then no other stage starts but the report, as a local run in which nothing changed does not start TFX.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

CHANGES = "Changes"
# Its output.
KNOWN = "known"
_FINGERPRINT, _SAME_AS = "fingerprint", "same_as"
# An expression over KFP's ExecutorInput: https://github.com/kubeflow/pipelines/blob/2.17.0/backend/src/v2/expression/expression.go
ANYTHING_CHANGED = f"inputs.artifacts['{KNOWN}'].artifacts[0].metadata['{_SAME_AS}'] == ''"


class Known(NamedTuple):
    """What the stage says; "" for what it does not.

    Attributes:
        fingerprint: Of all that the run depends on.
        same_as: The run that it would repeat.
    """

    fingerprint: str = ""
    same_as: str = ""

    def to_properties(self) -> dict[str, str]:
        """Return the properties of the output."""
        return {_FINGERPRINT: self.fingerprint, _SAME_AS: self.same_as}


def read_known(properties: Mapping[str, Any]) -> Known:
    """Return what properties of the output say, or those of none."""
    return Known(str(properties.get(_FINGERPRINT, "")), str(properties.get(_SAME_AS, "")))
