"""The command `run`: from a configuration to a verdict, with everything that a person sees on the way."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from components.gate.checks import get_failures
from components.images.datasets import find_dataset
from components.images.idx_folder import Dataset
from components.serving.versions import find_versions
from pipeline.cleaning import describe_removed, find_removable
from pipeline.commands.console import (
    START_UP,
    StageDisplay,
    divert_output,
    log_exception,
    print_summary,
)
from pipeline.commands.exit_codes import CODE_OF_VERDICT, ExitCode
from pipeline.commands.history import refresh_history
from pipeline.commands.messages import explain, name_place
from pipeline.commands.notify import tell_run
from pipeline.commands.report import UnknownRunError, write_report
from pipeline.commands.run_options import read_options
from pipeline.commands.summary import describe_data, list_facts
from pipeline.config import Keep, Options, PipelineConfig, RunOptions
from pipeline.declared import list_fields
from pipeline.disk import measure_size
from pipeline.engines.engine import choose_engine
from pipeline.engines.preparation import use_engine
from pipeline.environment import prepare_environment
from pipeline.origin import describe_origin, describe_recipe
from pipeline.output_folder import check_output, lock_output
from pipeline.quantities import write_size
from pipeline.removal import remove
from pipeline.runs import (
    RunRecord,
    describe_refusal,
    find_next_sequence,
    list_records,
    read_outcome,
    record_outcome,
    record_refusal,
    save_record,
    start_record,
)
from pipeline.served import fill_in_served
from pipeline.store import check_store
from pipeline.unchanged import find_unchanged, fingerprint_run, has_whole_artifacts, repeat_outcome

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start_run(file: Path | None, given: Mapping[str, Any], *, quiet: bool, as_json: bool) -> ExitCode:
    """Find the data that the options ask for, and run the pipeline on it.

    Args:
        file: The pipeline.toml that was named, if one was.
        given: The options on the command line, by name.
        quiet: Show the verdict only.
        as_json: Print the record as JSON, and nothing else on standard output.

    Returns:
        The exit code that belongs to the verdict.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    options = None
    with ExitStack() as held:
        try:
            options, set_by_file = read_options(file, given)
            config, dataset = prepare_run(options, set_by_file, quiet=quiet)
            held.enter_context(lock_output(config.output_dir))
            check_store(config.metadata_path)
            with name_place(config.output_dir):
                begun = begin_run(config)
        except Exception as error:
            refusal = record_refusal(str(given.get("data", "auto")), explain(error).sentence)
            if as_json:  # a program is told too, and whoever sleeps; the guard tells the person
                print(describe_refusal(refusal), flush=True)
            if options:
                tell_run(options.output, options.notify, refusal, quiet=True, log_file=None)
            raise
        with name_place(config.output_dir):
            return execute_run(begun, config, dataset, options, quiet=quiet, as_json=as_json)


def prepare_run(options: RunOptions, set_by_file: tuple[str, ...], *, quiet: bool) -> tuple[PipelineConfig, Dataset]:
    """Find the data that the options ask for, some of which a file has set.

    Raises:
        OutputError: The folder for what comes of it can't be used.
        DataError: The data can't be used.
        ConfigError: The options of an engine do not go together.
    """
    check_output(options.output)
    dataset = find_dataset(
        options.data,
        sample_dir=options.output / "samples",
        sample_size=options.sample_size,
        seed=0,
        progress=not quiet,
    )
    config = PipelineConfig(
        **{field.name: getattr(options, field.name) for field in list_fields(Options)},
        name=dataset.name,
        data_dir=str(dataset.directory.resolve()),
        data_digest=dataset.digest,
        image_shape=dataset.image_shape,
        output_dir=options.output.resolve() / dataset.name,
        set_by_file=set_by_file,
    )
    choose_engine(config)  # what can't go together is told before anything is imported
    return config, dataset


class BegunRun(NamedTuple):
    """A run whose record is kept; that of an earlier one after which there is nothing to do; and when it began."""

    record: RunRecord
    last: RunRecord | None
    started: float


def begin_run(config: PipelineConfig) -> BegunRun:
    """Begin to keep the record of a run.

    Raises:
        OSError: It can't be kept.
    """
    started = time.monotonic()
    earlier = list_records(config.output_dir.parent)
    record = start_record(config.name, find_next_sequence(earlier))
    record.fingerprint = fingerprint_run(config)
    last = find_unchanged(config, record.fingerprint, earlier, partial(has_whole_artifacts, config.metadata_path))
    save_record(config.output_dir, record)
    return BegunRun(record, last, started)


def execute_run(
    begun: BegunRun, config: PipelineConfig, dataset: Dataset, options: RunOptions, *, quiet: bool, as_json: bool
) -> ExitCode:
    """Run the pipeline in a folder that is held, show how it goes, keep and print the record, and tell of it.

    Returns:
        The exit code that belongs to the verdict.
    """
    record, last, started = begun
    log_file = config.output_dir / "runs" / record.run_id / "run.log"
    with divert_output(log_file) as terminal, StageDisplay(terminal, quiet=quiet) as display:
        display.print(describe_data(dataset))
        if dataset.note:
            display.print(dataset.note)
        if config.set_by_file:
            display.print(f"From the configuration file: {', '.join(config.set_by_file)}.")
        if last:
            display.print(f"Nothing changed since run {last.artifacts_of}: no stage has anything to do.")
            repeat_outcome(record, last)
            code = ExitCode.OK
        else:
            code = _run_stages(config, record, display, log_file)
            record.stages = display.stages
        _fill_in_served(record, config)
        _write_report(config, record)
        if options.keep != Keep():
            display.print(_clean_up(config, record, options.keep))
        record.used_bytes = measure_size(config.output_dir)
    record.seconds = round(time.monotonic() - started, 3)
    try:
        save_record(config.output_dir, record)
        refresh_history(config.output_dir.parent)
    finally:  # what was decided is told even where it can't be kept
        if as_json:
            print(record.to_json(), flush=True)
        else:
            print_summary(record, list_facts(record, config, dataset, log_file), quiet=quiet)
        tell_run(config.output_dir.parent, options.notify, record, quiet=quiet or as_json, log_file=log_file)
    return code


def _fill_in_served(record: RunRecord, config: PipelineConfig) -> None:
    """Fill in what the history tells of the time; a run is what it is without that."""
    try:
        fill_in_served(record, config)
    except Exception:  # noqa: BLE001 - the log says what is wrong
        log_exception()


def _write_report(config: PipelineConfig, record: RunRecord) -> None:
    """Render the page, whatever the verdict; a run is what it is without one."""
    try:
        record.report_path = str(write_report(config.output_dir.parent, record))
    except UnknownRunError:
        return  # it came to no artifacts
    except Exception:  # noqa: BLE001 - the log says what is wrong
        log_exception()


def _clean_up(config: PipelineConfig, record: RunRecord, keep: Keep) -> str:
    """Remove what is no longer needed, and say what; a run is what it is without that."""
    output = config.output_dir.parent
    try:
        save_record(config.output_dir, record)  # with its verdict, which says what else is needed
        removables = find_removable(output, [config.name], keep)
        remove(output, removables)
    except Exception as error:  # noqa: BLE001 - the log says what is wrong
        log_exception()
        return f"What [keep] leaves over was not removed: {explain(error).sentence}."
    size = sum(each.bytes for each in removables)
    return f"Removed, as [keep] says: {describe_removed(removables) or 'nothing'}; {write_size(size)}."


def _run_stages(config: PipelineConfig, record: RunRecord, display: StageDisplay, log_file: Path) -> ExitCode:
    """Run the stages and fill in the record, whatever happens."""
    started = time.monotonic()
    display.start_stage(START_UP)
    try:
        with use_engine(config, config.output_dir) as engine:
            run_locally = _import_all()
            record.startup_seconds = round(time.monotonic() - started, 3)
            note = f"TensorFlow, TFX and Beam imported{f', {engine.name} tried' if engine else ''}"
            display.end_stage(START_UP, record.startup_seconds, cached=False, note=note)
            record.origin = describe_origin(config, describe_recipe(config))
            run_locally(config, record.run_id, display, engine)
        record_outcome(record, read_outcome(config.metadata_path, record.run_id))
        if record.verdict == "pushed":
            record.serving_path = _find_pushed(config.serving_dir, record.pushed_version)
        return CODE_OF_VERDICT[record.verdict]
    except KeyboardInterrupt:
        record.verdict, record.reasons = "interrupted", [f"{display.running} was interrupted; run it again"]
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever a stage raises becomes one sentence; all of it is in the log
        explanation = explain(error)
        if explanation.code == ExitCode.DATA_REJECTED:
            record.verdict = "data_rejected"
            record.reasons = get_failures(read_outcome(config.metadata_path, record.run_id).checks)
            return explanation.code
        log_exception()
        where = "" if explanation.code == ExitCode.BAD_INPUT else f"{display.running} failed: "
        details = "" if explanation.known else f"; all of it is in {log_file}"
        record.verdict, record.reasons = "error", [f"{where}{explanation.sentence}{details}"]
        return explanation.code


def _import_all() -> Any:
    """Import TensorFlow and TFX, which takes its time, and return what runs the pipeline."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=_LOG_FORMAT)
    prepare_environment()
    from pipeline.local_runner import run_locally

    return run_locally


def _find_pushed(serving_dir: Path, version: int | None) -> str:
    return str(serving_dir if version is None else find_versions(serving_dir).get(version, serving_dir))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
