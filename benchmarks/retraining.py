"""Is the gate right about retrainings? `make benchmark-retraining` trains, sound and faulty, and lets the gate judge.

The answers of every training are kept, so that other bounds are tried on them in seconds:
`make benchmark-retraining ARGS="--max-class-loss 0.02"`. Interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.data import add_data_option, provide_data
from benchmarks.gate_trials import Trials, measure_fault, measure_retrainings
from benchmarks.measure import describe_machine, make_console, write_report
from benchmarks.trainings import (
    FEWER_EPOCHS,
    INVERTED,
    MISSING,
    OTHER_DIVISOR,
    WRONG_LABELS,
    Training,
    keep_answers,
)
from components.gate.model_checks import Bounds
from components.images.idx_folder import load_dataset
from pipeline.config import Options

ROOT = Path(__file__).resolve().parent.parent
EPOCHS, KEPT = 10, 0.9
SAME, OTHER = "same images", "other 90 %"
PLAIN = ", not averaged"
# A class that is easy to tell, and the hardest, by label: Dress and Shirt.
FAULTY_CLASSES = (3, 6)
CLASS_FAULTS = {WRONG_LABELS: (0.1, 0.2, 0.3, 0.4, 0.5), MISSING: (0.2, 0.3, 0.4, 0.5, 0.8)}
OTHER_FAULTS = {FEWER_EPOCHS: (5, 3, 2, 1), INVERTED: (0.1, 0.3, 0.5)}
DIVISORS = (256, 240, 220, 200, 160, 128, 1)
MAX_REFUSED, MIN_CAUGHT = 0.05, 0.95
# Losses that have to be caught: of all images, and of those of a class.
LOSS, CLASS_LOSS = 0.01, 0.05


def main() -> None:
    """Train what is not there yet, judge all pairs, print what comes of it; exit with 1 where a target is missed."""
    args = parse_arguments()
    bounds = Bounds(**{field.name: getattr(args, field.name) for field in fields(Bounds)})
    sound, faulty = plan_sound(args.seeds, args.first_seed), plan_faulty(args.fault_seeds)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as workplace:
        directory, source = provide_data(args.data, Path(workplace))
        dataset = load_dataset(directory)
        kept_in = args.keep / dataset.digest[:12]
        print(f"{source}; {bounds}; answers in {kept_in}", flush=True)
        plan, started = [*(training for group in sound.values() for training in group), *faulty], time.monotonic()
        for training in keep_answers(kept_in, directory, plan, args.jobs):
            print(f"  {time.monotonic() - started:6.0f} s: {training.file_name}", flush=True)
        trials = Trials(kept_in, dataset, bounds)
        report = {
            "data": source,
            "machine": describe_machine(),
            "bounds": asdict(bounds),
            "retrainings": measure_sound(trials, sound),
            "faults": measure_faulty(trials, faulty, sound[SAME]),
        }
    print_report(report)
    write_report(args.out, report)
    print(f"Written to {args.out}")
    sys.exit(bool(list(find_missed_targets(report))))


def parse_arguments() -> argparse.Namespace:
    """Read the command line; the bounds are those of `run`, with its defaults."""
    parser = argparse.ArgumentParser(prog="make benchmark-retraining", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--seeds", type=int, default=10, help="trainings of each sound kind (default 10)")
    parser.add_argument("--first-seed", type=int, default=1, help="the first of their seeds (default 1)")
    parser.add_argument("--fault-seeds", type=int, default=4, help="trainings of each fault (default 4)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trainings at a time (default: CPUs)")
    parser.add_argument("--keep", type=Path, default=ROOT / "output" / "retraining", metavar="DIR", help="for answers")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "retraining.json", metavar="FILE")
    for field in fields(Bounds):
        option, default = "--" + field.name.replace("_", "-"), getattr(Options(), field.name)
        parser.add_argument(option, type=float, default=default, help=f"as for `run` (default {default})")
    return parser.parse_args()


def plan_sound(seeds: int, first_seed: int) -> dict[str, list[Training]]:
    """Return trainings with nothing wrong, by kind; those on other images have seeds of their own."""
    kinds = {SAME: (1.0, first_seed), OTHER: (KEPT, first_seed + 100)}
    return {
        name + ("" if averaging else PLAIN): [
            Training(seed=first + n, averaging=averaging, epochs=EPOCHS, kept=kept) for n in range(seeds)
        ]
        for averaging in (True, False)
        for name, (kept, first) in kinds.items()
    }


def plan_faulty(seeds: int, first_seed: int = 201) -> list[Training]:
    """Return trainings with something wrong, those of one fault and size together."""
    numbers = range(first_seed, first_seed + seeds)
    plan = [
        Training(seed=seed, epochs=EPOCHS, fault=fault, size=size, label=label)
        for label in FAULTY_CLASSES
        for fault, sizes in CLASS_FAULTS.items()
        for size in sizes
        for seed in numbers
    ]
    for fault, other_sizes in OTHER_FAULTS.items():
        for size in other_sizes:
            epochs = int(size) if fault == FEWER_EPOCHS else EPOCHS
            plan += [Training(seed=seed, epochs=epochs, fault=fault, size=size) for seed in numbers]
    return plan


def measure_sound(trials: Trials, sound: Mapping[str, Sequence[Training]]) -> dict[str, Any]:
    """Return accuracies, churn and refusals by kind, and of candidates on other images beside baselines on all."""
    found = {name: measure_retrainings(trials, group) for name, group in sound.items()}
    return found | {f"{OTHER} after all": measure_retrainings(trials, sound[OTHER], sound[SAME])}


def measure_faulty(trials: Trials, faulty: Sequence[Training], baselines: Sequence[Training]) -> list[dict[str, Any]]:
    """Return costs and refusals by fault and size; dividing by another number needs no training of its own."""
    groups = [
        list(group) for _, group in groupby(faulty, lambda training: (training.fault, training.label, training.size))
    ]
    if faulty:
        groups += [
            [Training(seed=each.seed, epochs=EPOCHS, fault=OTHER_DIVISOR, size=size) for each in baselines]
            for size in DIVISORS
        ]
    return [measure_fault(trials, group, baselines) for group in groups]


def find_missed_targets(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each target that is missed."""
    for name, found in report["retrainings"].items():
        if PLAIN not in name and found["refused"] > MAX_REFUSED * found["pairs"]:
            yield f"{name}: {found['refused']} of {found['pairs']} sound pairs are refused"
    for found in report["faults"]:
        costly = found["loss"] >= LOSS or found["worst_class_loss"] >= CLASS_LOSS
        if costly and found["refused"] < MIN_CAUGHT * found["pairs"]:
            yield (
                f"{found['fault']} {found['size']:g} {found['class']}: "
                f"only {found['refused']} of {found['pairs']} pairs are refused"
            )


def print_report(report: Mapping[str, Any]) -> None:
    """Print both tables, and what is held against the targets."""
    table = Table("sound trainings", "accuracy, least", "median", "most", "churn", "worst class, sd", "refused", "by")
    for name, found in report["retrainings"].items():
        accuracy, worst = found["accuracy"], max(found["class_sd"], key=found["class_sd"].get)
        table.add_row(
            name,
            *(f"{accuracy[key]:.4f}" for key in ("least", "median", "most")),
            f"{found['churn']:.1%}",
            f"{100 * found['class_sd'][worst]:.1f} points, {worst}",
            f"{found['refused']} of {found['pairs']}",
            ", ".join(f"{check} {count}" for check, count in list(found["refused_by"].items())[:2]),
        )
    make_console().print(table)
    table = Table("fault", "size", "costs the class, points", "costs all, points", "churn", "refused", "")
    for found in report["faults"]:
        share = found["refused"] / found["pairs"]
        table.add_row(
            f"{found['fault']} {found['class']}",
            f"{found['size']:g}",
            f"{100 * found['worst_class_loss']:.1f} {found['worst_class']}",
            f"{100 * found['loss']:.2f}",
            f"{found['churn']:.1%}",
            f"{share:.0%} of {found['pairs']}",
            "█" * round(10 * share),
        )
    if report["faults"]:
        make_console().print(table)
    missed = list(find_missed_targets(report))
    print(f"Targets: at most {MAX_REFUSED:.0%} of sound pairs refused; at least {MIN_CAUGHT:.0%} where a fault costs")
    print(f"a class {100 * CLASS_LOSS:g} points or all images {100 * LOSS:g}. " + ("; ".join(missed) or "All are met."))


if __name__ == "__main__":
    main()
