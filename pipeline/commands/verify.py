"""The command `verify`: whether what is served is what was pushed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from components.serving.integrity import State, verify_model
from components.serving.versions import find_versions
from pipeline.commands.console import Terminal
from pipeline.data_sets import choose_pushed

_WORDS: dict[State, tuple[str, str]] = {
    "verified": ("verified", "green"),
    "older_manifest": ("verified as a whole: its manifest is an older one, and lists no files", "green"),
    "foreign": ("foreign: it has no manifest, so nothing is known of it", "yellow"),
    "damaged": ("damaged", "red"),
}


class UnknownVersionError(ValueError):
    """There is no such version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedVersion:
    """What `--json` prints of a version."""

    data: str
    version: int
    path: str
    state: State
    problems: tuple[str, ...]


def verify_versions(output: Path, version: int | None, *, data: str | None, as_json: bool) -> bool:
    """Verify what is pushed below `output`, print what was found, and return whether nothing is damaged.

    Raises:
        UnknownVersionError: `version` is not there.
        UnknownDataError: No model of `data` is pushed.
    """
    found = list(_verify([output / name / "serving" for name in choose_pushed(output, data)], version))
    if version is not None and not found:
        raise UnknownVersionError(f"version {version}: not in {output}; name another, or none to verify all that are.")
    if as_json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        _print(found, output)
    return all(each.state != "damaged" for each in found)


def _verify(serving_dirs: Sequence[Path], version: int | None) -> Iterator[VerifiedVersion]:
    for serving_dir in serving_dirs:
        for number, path in find_versions(serving_dir).items():
            if version in (None, number):
                finding = verify_model(path)
                yield VerifiedVersion(
                    data=serving_dir.parent.name,
                    version=number,
                    path=str(path),
                    state=finding.state,
                    problems=finding.problems,
                )


def describe_state(state: State) -> str:
    """Say what became of the files of a version."""
    return _WORDS[state][0]


def _print(found: Sequence[VerifiedVersion], output: Path) -> None:
    console = Terminal(soft_wrap=True)
    if not found:
        console.print(Text(f"No model is pushed in {output}."))
    for each in found:
        word, style = _WORDS[each.state]
        console.print(Text.assemble(f"{each.data} version {each.version}: ", (word, style)))
        for problem in each.problems:
            console.print(Text(f"  - {problem}"))
