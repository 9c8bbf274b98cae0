"""The table `[notify]`: whom a run tells, and of what. Addresses hold keys, so a file only says where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pipeline.declared import ConfigError, Declared, Option, build, suggest

Event: TypeAlias = Literal["rejected", "data_rejected", "error", "pushed", "changed"]
EVENTS: tuple[Event, ...] = get_args(Event)
# What the key of a Kubernetes Secret becomes in the pod that sends.
POD_VARIABLE = "NOTIFY_ADDRESSES"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACES = "an environment variable, a file or, on a cluster, a Kubernetes Secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify(Declared):
    """`[notify]` in pipeline.toml. `env` or `file` names the place of the addresses, which are Apprise's."""

    env: Annotated[str, Option("Environment variable with the addresses, separated by spaces or lines.")] = ""

    file: Annotated[str, Option("File with the addresses, one a line; # begins a comment.", metavar="FILE")] = ""

    when: Annotated[tuple[str, ...], Option(f"What is told: {', '.join(EVENTS)}.")] = ("changed",)

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            given = "both" if self.env else "neither"
            raise ConfigError(f"{given} of env and file: expected one, which names the place of the addresses.")
        if self.env and not _VARIABLE.fullmatch(self.env):
            length = f"{len(self.env)} characters"  # which are not shown, for they may be a key
            raise ConfigError(f"env: {length}, expected the name of a variable, of letters, digits and _.")
        _check_events(self.when)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNotify(Declared):
    """`[notify]` in kubeflow.toml: the key of a Kubernetes Secret that holds the addresses, as a file would."""

    secret: Annotated[str, Option("Name of the Secret, in the namespace of the runs.")]

    key: Annotated[str, Option("Its key that holds the addresses, one a line.")] = "addresses"

    when: Annotated[tuple[str, ...], Option(f"What is told: {', '.join(EVENTS)}.")] = ("changed",)

    def __post_init__(self) -> None:
        _check_events(self.when)

    @property
    def in_pod(self) -> Notify:
        """What holds in the pod that sends, where the key is the environment variable POD_VARIABLE."""
        return Notify(env=POD_VARIABLE, when=self.when)


def check_table(kind: type[Notify] | type[ClusterNotify], values: Mapping[str, Any], where: str) -> None:
    """Check `[notify]`, if it is there, before anything else reads it: no sentence of ours shows a value of it.

    Raises:
        ConfigError: It holds an address, or something else that is not understood.
    """
    if "notify" not in values:
        return
    table = values["notify"]
    if any("://" in text for text in _list_texts(table)):
        raise ConfigError(
            f"{where}: [notify] holds an address, which is a secret; put it into {_PLACES}, and name that there."
        )
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: notify: expected a table, [notify].")
    build(kind, table, where=f"{where}: [notify]", write="{name}")


def _check_events(events: Iterable[str]) -> None:
    for event in events:
        if event not in EVENTS:
            raise ConfigError(f"when: unknown event; {suggest(event, EVENTS)}")


def _list_texts(value: Any) -> Iterable[str]:
    """List all texts in a value of a TOML file, names of keys included."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from (name, *_list_texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from _list_texts(each)
    else:
        yield str(value)
