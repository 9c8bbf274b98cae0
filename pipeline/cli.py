"""The command line. What a command does not need, it does not import: `--help` and `status` answer at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from pipeline.commands.exit_codes import ExitCode, fail
from pipeline.config import ConfigError, PipelineConfig
from pipeline.kubeflow.cli import app as kubeflow

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(kubeflow, name="kubeflow", no_args_is_help=True)

OutputOption = Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder of metadata, models and runs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
DEFAULT_OUTPUT = Path("output")
ReportFormat: TypeAlias = Literal["html", "text", "json"]


@app.callback()
def describe() -> None:
    """Train an image classifier, check it, and push it only if its data was sound and it is no worse than the last.

    Exit codes: 0 pushed or nothing to do; 1 error; 2 wrong usage or bad input; 3 the model was not blessed;
    4 the data was rejected.
    """


@app.command()
def run(
    data: Annotated[
        str, typer.Option(metavar="auto|fashion-mnist|sample|DIR", help="Where the images come from.")
    ] = "auto",
    output: OutputOption = DEFAULT_OUTPUT,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Images in a training step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 0.001,
    hidden_units: Annotated[int, typer.Option(help="Width of the hidden layer.")] = 128,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 42,
    min_accuracy: Annotated[float, typer.Option(help="Least accuracy on the evaluation images.")] = 0.86,
    min_class_accuracy: Annotated[float, typer.Option(help="Least accuracy on those of each class.")] = 0.5,
    max_calibration_error: Annotated[float, typer.Option(help="Most that confidence may be off the accuracy.")] = 0.15,
    max_loss: Annotated[float, typer.Option(help="Most that the accuracy may be below the baseline's.")] = 0.005,
    max_class_loss: Annotated[float, typer.Option(help="The same for the images of each class.")] = 0.03,
    accept_new_baseline: Annotated[
        bool, typer.Option("--accept-new-baseline", help="Go on where what is pushed can't be compared.")
    ] = False,
    sample_size: Annotated[int, typer.Option(help="Training images that --data sample generates.")] = 12_000,
    use_cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Take unchanged stages from the cache.")] = True,
    beam_arg: Annotated[
        list[str] | None, typer.Option(metavar="ARG", help="Passed to Apache Beam; may be repeated.")
    ] = None,
    require_gpu: Annotated[bool, typer.Option("--require-gpu", help="Fail where there is no GPU.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show the verdict only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on this machine."""
    from components.images.datasets import find_dataset
    from components.images.idx_folder import DataError
    from pipeline.commands.run import execute_run

    try:
        dataset = find_dataset(data, sample_dir=output / "samples", sample_size=sample_size, seed=0, progress=not quiet)
        config = PipelineConfig(
            name=dataset.name,
            data_dir=str(dataset.directory.resolve()),
            data_digest=dataset.digest,
            image_shape=dataset.image_shape,
            output_dir=output.resolve() / dataset.name,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            hidden_units=hidden_units,
            seed=seed,
            min_accuracy=min_accuracy,
            min_class_accuracy=min_class_accuracy,
            max_calibration_error=max_calibration_error,
            max_loss=max_loss,
            max_class_loss=max_class_loss,
            accept_new_baseline=accept_new_baseline,
            require_gpu=require_gpu,
            use_cache=use_cache,
            beam_args=tuple(beam_arg or ()),
        )
    except (DataError, ConfigError) as error:
        if as_json:
            from pipeline.runs import describe_refusal

            print(describe_refusal(data, str(error)))
        fail(error, ExitCode.BAD_INPUT)
    raise typer.Exit(execute_run(config, dataset, quiet=quiet, as_json=as_json))


@app.command()
def status(output: OutputOption = DEFAULT_OUTPUT, as_json: JsonOption = False) -> None:
    """List past runs, newest first."""
    from pipeline.runs import list_records

    records = list_records(output)
    if as_json:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(record) for record in records]))
    elif not records:
        print(f"No runs in {output}. Start one: python run_pipeline.py")
    else:
        from pipeline.commands.console import print_status

        print_status(records)


@app.command()
def report(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; without one, the latest.")] = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="Write the page, or print text or JSON.")] = "html",
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    output: OutputOption = DEFAULT_OUTPUT,
) -> None:
    """Show the report of a run: the verdict, why, and what changed."""
    from pipeline.commands.report import UnknownRunError, show_report

    try:
        show_report(output, run_id, form, open_browser=open_browser)
    except UnknownRunError as error:
        fail(error, ExitCode.BAD_INPUT)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN")],
    second: Annotated[str, typer.Argument(metavar="RUN")],
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Show two runs side by side."""
    from pipeline.commands.report import UnknownRunError, show_comparison

    try:
        show_comparison(output, (first, second), as_json=as_json)
    except UnknownRunError as error:
        fail(error, ExitCode.BAD_INPUT)


@app.command()
def promote(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run whose model was not blessed.")],
    reason: Annotated[str, typer.Option(help="Why it ships all the same. Kept with the model for ever.")],
    output: OutputOption = DEFAULT_OUTPUT,
) -> None:
    """Push the model of a run in spite of the gate, for a reason."""
    from pipeline.commands.promote import PromotionError, promote_run
    from pipeline.commands.report import UnknownRunError

    try:
        promotion = promote_run(output, run_id, reason)
    except (UnknownRunError, PromotionError) as error:
        fail(error, ExitCode.BAD_INPUT)
    except RuntimeError as error:  # PushError, which TFX would have to be imported for
        fail(error, ExitCode.ERROR)
    print(f"Pushed: the model of {run_id} is version {promotion.version} now, by a person: {promotion.reason}")


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
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw images and answers.")] = None,
    output: OutputOption = DEFAULT_OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Ask the pushed model what is on some images."""
    from pipeline.commands.predict import PredictError, predict_images, read_range

    try:
        predict_images(
            output,
            files=images or [],
            indices=[*(eval_index or []), *read_range(eval_range)],
            data=data,
            version=version,
            plot=plot,
            as_json=as_json,
        )
    except PredictError as error:
        fail(error, ExitCode.BAD_INPUT)


def main() -> None:
    """Run the command line; with no arguments, `run`."""
    app(args=sys.argv[1:] or ["run"], prog_name="run_pipeline.py")
