"""Which data sets an output folder has anything of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.serving.versions import list_versions


class UnknownDataError(ValueError):
    """There is nothing of that data set, or it is not said which is meant; one sentence says what there is."""


def choose_data_sets(output: Path, data: str | None) -> list[str]:
    """Return the names of the data sets of which there are runs or versions, or `data` alone.

    Raises:
        UnknownDataError: There is nothing of `data`.
    """
    found = sorted({path.parent.name for part in ("runs", "serving") for path in output.glob(f"*/{part}")})
    return _choose(found, data, f"there is nothing of it in {output}")


def choose_pushed(output: Path, data: str | None) -> list[str]:
    """Return the names of the data sets of which a model is pushed, or `data` alone.

    Raises:
        UnknownDataError: No model of `data` is pushed.
    """
    found = [path.parent.name for path in sorted(output.glob("*/serving")) if list_versions(path)]
    return _choose(found, data, f"no model of it is pushed in {output}")


def find_serving_dir(output: Path, data: str | None) -> Path:
    """Return the serving directory of `data`, or of the only data set of which a model is pushed.

    Raises:
        UnknownDataError: There is none, or there are several.
    """
    found = choose_pushed(output, data)
    if not found:
        raise UnknownDataError(f"no model is pushed in {output}; name another folder with --output.")
    if len(found) > 1:
        raise UnknownDataError(
            f"models of {len(found)} data sets are pushed in {output}; add --data {'|'.join(found)}."
        )
    return output / found[0] / "serving"


def _choose(found: Sequence[str], data: str | None, otherwise: str) -> list[str]:
    chosen = [name for name in found if data in (None, name)]
    if data is not None and not chosen:
        raise UnknownDataError(f"--data {data}: {otherwise}; expected one of: {', '.join(found) or 'none'}.")
    return chosen
