"""The command line. What a command does not need, it does not import: `--help` and `status` answer at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer
from typer.core import TyperGroup

from pipeline.commands.exit_codes import ExitCode
from pipeline.commands.guard import tell_errors
from pipeline.commands.run_options import DEFAULT_FILE, list_given, refuse_empty, takes_options, write_file, write_table
from pipeline.kubeflow.cli import app as kubeflow


class GuardedGroup(TyperGroup):
    """The commands, each of which tells an error in one sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse options that are given nothing, before an empty path becomes the current folder."""
        with tell_errors():
            refuse_empty(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Invoke a command under the guard."""
        with tell_errors():
            return super().invoke(ctx)


app = typer.Typer(cls=GuardedGroup, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(kubeflow, name="kubeflow", no_args_is_help=True)

OutputOption = Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder of metadata, models and runs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
DataOption = Annotated[
    str | None, typer.Option("--data", metavar="NAME", help="The data set; by default, every one there is.")
]
DEFAULT_OUTPUT = Path("output")
ReportFormat: TypeAlias = Literal["html", "text", "json"]


@app.callback()
def describe() -> None:
    """Train an image classifier, check it, and push it only if its data was sound and it is no worse than the last.

    Exit codes: 0 pushed or nothing to do; 1 error; 2 wrong usage or bad input; 3 the model was not blessed;
    4 the data was rejected; 130 interrupted.
    """


@app.command()
@takes_options
def run(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"TOML file with options; by default {DEFAULT_FILE}, if there.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show the verdict only.")] = False,
    as_json: JsonOption = False,
    **_: Any,
) -> None:
    """Run the whole pipeline on this machine."""
    from pipeline.commands.run import start_run

    raise typer.Exit(start_run(config, list_given(context), quiet=quiet, as_json=as_json))


@app.command()
def options(
    as_toml: Annotated[bool, typer.Option("--toml", help="Write a pipeline.toml with the defaults.")] = False,
) -> None:
    """List the options of `run`, which are the keys of pipeline.toml too."""
    print(write_file() if as_toml else write_table())


@app.command()
def status(
    last: Annotated[
        int | None, typer.Option(metavar="N", help="The latest N runs; by default all, in the table the latest 100.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="NAME", help="Runs of that data set; by default every one.")
    ] = None,
    verdict: Annotated[
        str | None, typer.Option(metavar="VERDICT", help="Runs that came to that, such as not_blessed or error.")
    ] = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """List past runs, newest first, and how their accuracy went."""
    from pipeline.commands.status import show_status

    show_status(output, last, data, verdict, as_json=as_json)


@app.command()
def history(
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    output: OutputOption = DEFAULT_OUTPUT,
) -> None:
    """Write the page of all runs of all data sets, which every run rewrites, too, and print where it is."""
    from pipeline.commands.history import show_history

    show_history(output, open_browser=open_browser)


@app.command()
def report(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; without one, the latest.")] = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="Write the page, or print text or JSON.")] = "html",
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    output: OutputOption = DEFAULT_OUTPUT,
) -> None:
    """Show the report of a run: the verdict, why, and what changed."""
    from pipeline.commands.report import show_report

    show_report(output, run_id, form, open_browser=open_browser)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN")],
    second: Annotated[str, typer.Argument(metavar="RUN")],
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Show two runs side by side."""
    from pipeline.commands.report import show_comparison

    show_comparison(output, (first, second), as_json=as_json)


@app.command()
def promote(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run whose model was not blessed.")],
    reason: Annotated[str, typer.Option(help="Why it ships all the same. Kept with the model for ever.")],
    output: OutputOption = DEFAULT_OUTPUT,
) -> None:
    """Push the model of a run in spite of the gate, for a reason."""
    from pipeline.commands.promote import promote_run

    promotion = promote_run(output, run_id, reason)
    print(f"Pushed: the model of {run_id} is version {promotion.version} now, by a person: {promotion.reason}")


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(help="Why. Kept with the version for ever.")],
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="By default the last before, that was not taken back itself.")
    ] = None,
    data: DataOption = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Go back to an earlier version: it is served again, under a new number, and the next run is compared with it."""
    from pipeline.commands.rollback import roll_back_version

    roll_back_version(output, to, reason, data=data, as_json=as_json)


@app.command()
def clean(
    keep_versions: Annotated[int | None, typer.Option(metavar="N", help="Keep the N newest versions.")] = None,
    keep_days: Annotated[int | None, typer.Option(metavar="D", help="Keep the runs of the last D days.")] = None,
    free: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Remove more, until so much of the disk is free, such as 20GB.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, it is only listed.")] = False,
    data: DataOption = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """List, or remove, versions and runs that are no longer needed; never what is served or a run at work needs."""
    from pipeline.commands.clean import clean_output, read_limits

    limits = read_limits(keep_versions, keep_days, free)
    done = clean_output(output, limits, data=data, confirmed=yes, as_json=as_json)
    raise typer.Exit(ExitCode.OK if done else ExitCode.ERROR)


@app.command()
def health(
    within: Annotated[str, typer.Option(metavar="TIME", help="How old the last good run may be: 26h, 90m, 2d.")],
    data: DataOption = None,
    prometheus: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it for the node exporter's textfile collector, too.")
    ] = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Tell whether the last good run is recent enough and what is served is whole; exit code 1 where not."""
    from pipeline.commands.health import tell_health
    from pipeline.quantities import parse_duration

    limit = parse_duration(within, "--within")
    well = tell_health(output, limit, data=data, prometheus=prometheus, as_json=as_json)
    raise typer.Exit(ExitCode.OK if well else ExitCode.ERROR)


@app.command()
def verify(
    version: Annotated[int | None, typer.Argument(metavar="[VERSION]", help="A version; without one, all.")] = None,
    data: DataOption = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Check that the files of the pushed versions are as they were pushed; exit code 1 where one is damaged."""
    from pipeline.commands.verify import verify_versions

    whole = verify_versions(output, version, data=data, as_json=as_json)
    raise typer.Exit(ExitCode.OK if whole else ExitCode.ERROR)


@app.command()
def join(
    wait: Annotated[str, typer.Option(metavar="TIME", help="How long to wait for the chief: 30m, 2h.")] = "10m",
) -> None:
    """Train with the chief of TF_CONFIG, which runs the pipeline with --distribution multi-worker."""
    from pipeline.commands.join import join_training
    from pipeline.quantities import parse_duration

    join_training(parse_duration(wait, "--wait").total_seconds())


@app.command()
def notify(
    test: Annotated[bool, typer.Option("--test", help="Send a test message to every address.")] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"TOML file with [notify]; by default {DEFAULT_FILE}.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of runs, to count what waits; by default the file's.")
    ] = None,
) -> None:
    """Try the addresses of [notify]; exit code 1 where one does not take the message."""
    if not test:
        raise typer.BadParameter("expected --test; a run sends its messages itself.")
    from pipeline.commands.notify import send_test

    raise typer.Exit(ExitCode.OK if send_test(config, output) else ExitCode.ERROR)


@app.command()
def predict(
    images: Annotated[list[Path] | None, typer.Argument(metavar="[IMAGE...]", help="PNG, JPEG or IDX files.")] = None,
    eval_index: Annotated[
        list[int] | None, typer.Option("--eval", metavar="N", help="An evaluation image, from 0; may be repeated.")
    ] = None,
    eval_range: Annotated[str | None, typer.Option(metavar="A:B", help="Evaluation images A to B - 1.")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="fashion-mnist|sample|DIR", help="The data set; by default the latest run's.")
    ] = None,
    version: Annotated[int | None, typer.Option(help="A pushed version; by default the highest.")] = None,
    invert: Annotated[
        bool, typer.Option("--invert", help="Turn light into dark: for things on a white ground.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw images and answers.")] = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Ask the pushed model what is on some images."""
    from pipeline.commands.predict import predict_images, read_range

    predict_images(
        output,
        files=images or [],
        indices=[*(eval_index or []), *read_range(eval_range)],
        data=data,
        version=version,
        invert=invert,
        plot=plot,
        as_json=as_json,
    )


def main() -> None:
    """Run the command line; with no arguments, `run`."""
    app(args=sys.argv[1:] or ["run"], prog_name="run_pipeline.py")
