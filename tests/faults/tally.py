"""What `make torture` counts, and prints when all is done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """How often it went well; a test that fails has counted nothing for what failed."""

    kills_of_runs: int = 0
    kills_in_pushes: int = 0
    power_cuts: int = 0
    inputs: int = 0
    faults: int = 0
    examples: int = 0
    started: float = field(default_factory=time.monotonic)

    def describe(self) -> str:
        """Say it in one line."""
        return (
            f"{self.kills_of_runs} kills of runs and {self.kills_in_pushes} inside a push survived, "
            f"{self.power_cuts} power cuts; {self.inputs} damaged inputs refused; {self.faults} other faults; "
            f"{self.examples:,} generated examples; {time.monotonic() - self.started:.0f} seconds."
        )


TALLY = Tally()
