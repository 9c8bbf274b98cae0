"""How often the gate rejects a model for a loss that is none, and how often it catches one: `make simulate-gate`.

Draws the answers of two models to the same images, over and over, and lets the gate's own checks judge them. In every
class the models differ on the same share of the images; where there is a loss, more of these are the baseline's.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from components.features import CLASS_NAMES
from components.gate.checks import OVERALL
from components.gate.model_checks import Bounds, check_changes
from components.gate.paired_tests import Pairs, estimate_accuracy
from pipeline.config import PipelineConfig

BASELINE_ACCURACY = 0.88
MAX_WRONG, MIN_CAUGHT = 0.05, 0.95


class Rejections(NamedTuple):
    """How many of the trials were rejected: by the whole, by some class, by either."""

    overall: int
    some_class: int
    either: int


def main() -> None:
    """Print the rates; the exit code is 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="make simulate-gate", description=__doc__)
    parser.add_argument("--trials", type=int, default=4_000, help="pairs of models for each line (default 4000)")
    parser.add_argument(
        "--differing", type=float, default=0.08, help="share of images answered otherwise (default 0.08)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    defaults = {field.name: field.default for field in fields(PipelineConfig)}
    bounds = Bounds(**{field.name: defaults[field.name] for field in fields(Bounds)})
    print(f"{args.trials:,} trials a line, {args.differing:.0%} of the answers differ, seed {args.seed}; {bounds}\n")
    print(f"{'images':>8}  {'true loss':>9}  {'overall':>8}  {'a class':>8}  {'rejected':>8}   95 % interval")
    rng = np.random.default_rng(args.seed)
    rates = {}
    for images in (1_000, 10_000, 50_000):
        for loss in (0.0, 0.005, 0.01, 0.02):
            found = simulate(rng, bounds, images=images, loss=loss, differing=args.differing, trials=args.trials)
            least, most = estimate_accuracy(found.either, args.trials)
            print(f"{images:>8,}  {loss:>9.1%}" + "".join(f"  {count:>8,}" for count in found), end="")
            print(f"   {found.either / args.trials:.2%} ({least:.2%} to {most:.2%})")
            rates[images, loss] = found.either / args.trials

    wrong, caught = max(rate for (_, loss), rate in rates.items() if not loss), rates[10_000, 0.02]
    print(f"\nEqually good models wrongly rejected: {wrong:.2%} at most, target at most {MAX_WRONG:.0%}.")
    print(f"A true loss of 2 points caught at 10,000 images: {caught:.2%}, target at least {MIN_CAUGHT:.0%}.")
    sys.exit(wrong > MAX_WRONG or caught < MIN_CAUGHT)


def simulate(
    rng: np.random.Generator, bounds: Bounds, *, images: int, loss: float, differing: float, trials: int
) -> Rejections:
    """Let the gate judge `trials` pairs of models that answer `images` images, evenly spread over the classes.

    Args:
        rng: Where the answers come from.
        bounds: What the gate allows.
        images: In all classes together.
        loss: How far the candidate's true accuracy is below the baseline's, 0 to `differing`.
        differing: Share of the images that only one of the models gets right.
        trials: Number of pairs.
    """
    won, lost = (differing - loss) / 2, (differing + loss) / 2
    both = BASELINE_ACCURACY - lost
    shares = (both, won, lost, 1 - both - won - lost)
    overall = some_class = either = 0
    for counts in rng.multinomial(images // len(CLASS_NAMES), shares, (trials, len(CLASS_NAMES))).tolist():
        checks = check_changes([Pairs(*pairs) for pairs in counts], CLASS_NAMES, bounds)
        failed = {check.slice == OVERALL for check in checks if not check.passed}
        overall, some_class, either = overall + (True in failed), some_class + (False in failed), either + bool(failed)
    return Rejections(overall, some_class, either)


if __name__ == "__main__":
    main()
