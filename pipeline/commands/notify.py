"""The command `notify`, and what `run` does when it is done: somebody is told, and what went wrong with that."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from components.serving.versions import get_pushed_version
from pipeline.commands.plain_text import show_line
from pipeline.commands.run_options import read_options
from pipeline.declared import ConfigError
from pipeline.notify.addresses import read_addresses
from pipeline.notify.message import compose, compose_test
from pipeline.notify.outbox import FOLDER, Waiting, count_waiting
from pipeline.notify.sending import deliver, send
from pipeline.notify.settings import Notify
from pipeline.runs import RunRecord, find_previous


def tell_run(output: Path, notify: Notify | None, record: RunRecord, *, quiet: bool, log_file: Path | None) -> None:
    """Tell of a run that ended, and send what earlier ones could not; a run is what it is without that.

    Args:
        output: The folder with the runs of all data sets.
        notify: Who is told and of what, None for nobody.
        record: The run, whose record and report are written.
        quiet: Say only what went wrong.
        log_file: Where that is written too, None for nowhere.
    """
    if notify is None or record.verdict == "interrupted":
        return
    try:
        previous = find_previous(output, record)
        served = get_pushed_version(output / record.data / "serving")
        message = compose(record, previous, when=notify.when, served=served)
        arrived, problems = deliver(output / FOLDER, notify, message)
    except Exception as error:  # noqa: BLE001 - its text may hold an address, its kind does not
        arrived, problems = [], [f"No message was sent: {type(error).__name__}."]
    if arrived and not quiet:
        print(f"  told      {', '.join(arrived)}")
    for problem in problems:
        print(show_line(problem), file=sys.stderr)
    if log_file:
        with suppress(OSError), log_file.open("a") as log:
            log.writelines(f"{show_line(line)}\n" for line in [*(f"Told {each}." for each in arrived), *problems])


def send_test(file: Path | None, output: Path | None) -> bool:
    """Send a test message to every address, print for each whether it went, and return whether all did.

    Args:
        output: The folder of runs, whose messages that wait are counted; without one, as the file says.
        file: The pipeline.toml that was named, if one was.

    Raises:
        ConfigError: No addresses are configured.
        AddressError: They can't be read.
    """
    options, _ = read_options(file, {})
    if options.notify is None:
        raise ConfigError(f"{file or 'pipeline.toml'}: no table [notify] there; add one with env or file, and when.")
    deliveries = send(read_addresses(options.notify), [Waiting(message=compose_test())])
    for delivery in deliveries:
        print(show_line(f"{delivery.place}: {delivery.problem or 'sent'}"))
    if waiting := count_waiting((output or options.output) / FOLDER):
        print(f"Waiting from earlier runs: {waiting}; the next run sends them.")
    return not any(delivery.problem for delivery in deliveries)
