"""The options of `run`, made from their declarations: on the command line, in `pipeline.toml`, in a table."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.config import Keep, RunOptions
from pipeline.declared import ConfigError, Declared, Field, build, list_fields, read_toml
from pipeline.notify.settings import Notify, check_table

# Read where it lies in the working directory and no other file is named.
DEFAULT_FILE = Path("pipeline.toml")


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of RunOptions; `list_given` tells which of them were used."""
    options = {field.name: (_make_option(field), _get_default(field)) for field in list_fields(RunOptions)}
    return add_options(command, options)


def add_options(command: Callable[..., None], options: Mapping[str, tuple[Any, Any]]) -> Callable[..., None]:
    """Give a command options beside its own (all but `/` and `**`): the kind and the default of each, by name."""
    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in options.items()
    ]
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in signature.parameters.values()
        if each.kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_KEYWORD)
    ]
    command.__signature__ = signature.replace(parameters=[*added, *own])  # type: ignore[attr-defined]
    command.__annotations__ |= {name: kind for name, (kind, _) in options.items()}
    return command


def refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse an option with an empty value: of an unset variable in a script most likely, and no path means nothing.

    Raises:
        ConfigError: There is one.
    """
    for argument, value in zip(arguments, [*arguments[1:], "--"], strict=True):
        option, equals, given = argument.partition("=")
        if option.startswith("--") and not (given if equals else value):
            raise ConfigError(f"{option} '': expected a value; leave {option} out for its default.")


def list_given(context: typer.Context) -> dict[str, Any]:
    """Return the options of `run` that the command line has, by name."""
    sources = {field.name: context.get_parameter_source(field.name) for field in list_fields(RunOptions)}
    return {name: context.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def read_options(file: Path | None, given: Mapping[str, Any]) -> tuple[RunOptions, tuple[str, ...]]:
    """Return the options of a run: the command line wins over the file, the file over the defaults.

    Args:
        file: The file that was named; without one, pipeline.toml if there is one.
        given: What the command line has.

    Returns:
        The options, and the names of those that the file has; a table is none.

    Raises:
        ConfigError: The file can't be read, or a value can't be used.
    """
    path = file or DEFAULT_FILE
    values = read_toml(path, "name another file with --config") if file or path.exists() else {}
    check_table(Notify, values, str(path))
    build(RunOptions, values, where=str(path))
    build(RunOptions, given, write="--{option} {value}")
    options = {field.name for field in list_fields(RunOptions)}
    return build(RunOptions, {**values, **given}), tuple(name for name in values if name in options)


def write_table() -> str:
    """Return the options as the README has them, in Markdown."""
    rows = ["| option | default | takes | |", "| --- | --- | --- | --- |"]
    for field in list_fields(RunOptions):
        takes = field.range or field.option.metavar.replace("|", ", ")
        cells = (f"`{_write_name(field)}`", _write_default(field), f"{takes} {field.option.unit}", field.option.help)
        rows.append(f"| {' | '.join(cell.strip() for cell in cells)} |")
    return "\n".join(rows)


def write_file() -> str:
    """Return a pipeline.toml in which every option has its default, and tables that tell nobody and remove nothing."""
    options = (
        f"# {field.option.help}\n{field.name} = {json.dumps(field.default, default=str)}\n"
        for field in list_fields(RunOptions)
    )
    return "\n".join([*options, *_write_comments("notify", Notify), *_write_comments("keep", Keep)])


def _write_comments(name: str, table: type[Declared]) -> Iterator[str]:
    """Yield a table as comments, for whoever wants it to take them away."""
    yield f"# [{name}]\n"
    for field in list_fields(table):
        value = field.option.metavar if field.default is None else json.dumps(field.default)
        yield f"# {field.option.help}\n# {field.name} = {value}\n"


def _make_option(field: Field) -> Any:
    kind = list[str] if field.kind == tuple[str, ...] else field.kind
    told = f"{field.option.help.rstrip('.')} ({field.range})." if field.range else field.option.help
    return Annotated[kind, typer.Option(_write_name(field), metavar=field.option.metavar or None, help=told)]


def _get_default(field: Field) -> Any:
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _write_name(field: Field) -> str:
    option = field.name.replace("_", "-")
    return f"--{option}/--no-{option}" if field.kind is bool else f"--{option}"


def _write_default(field: Field) -> str:
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    if isinstance(field.default, int):
        return f"{field.default:,}"
    return "" if field.default == () else str(field.default)
