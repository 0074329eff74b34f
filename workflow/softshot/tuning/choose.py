"""`python -m softshot.tuning.choose`: which of several learning rates has the lowest validation loss."""

import argparse
import math
from pathlib import Path

from softshot.errors import UserError, run_program
from softshot.files import read_json, write_json


def choose(trials: dict[float, dict]) -> dict:
    """The choice among trials, learning rate -> the facts of its `tuning.json`; a run that diverged is never chosen.

    `edge` says that a rate beyond the grid may be better: `low`, `high` or None.
    """
    losses = {
        rate: math.inf if facts.get("diverged") else facts["best_validation_loss"]
        for rate, facts in sorted(trials.items())
    }
    best = min(losses, key=losses.get)
    if losses[best] == math.inf:
        raise UserError(f"every learning rate diverged ({', '.join(f'{rate:g}' for rate in losses)}): try lower ones.")
    rates = list(losses)
    return {
        "learning_rate": best,
        "edge": "low" if best == rates[0] else "high" if best == rates[-1] else None,
        "trials": [
            {"learning_rate": rate, "validation_loss": None if loss == math.inf else loss}
            | {key: trials[rate].get(key) for key in ("best_step", "steps", "seconds", "diverged")}
            for rate, loss in losses.items()
        ],
    }


def main() -> None:
    """Read the trials, write the choice."""
    parser = argparse.ArgumentParser(prog="python -m softshot.tuning.choose", description=__doc__)
    parser.add_argument("--trials", nargs="+", required=True, type=Path, help="tuning.json of each trial")
    parser.add_argument("--out", required=True, type=Path, help="rate.json")
    args = parser.parse_args()
    notes = [read_json(path) for path in args.trials]
    trials = {note["settings"]["method"]["settings"]["learning_rate"]: note["tuning"] for note in notes}
    write_json(args.out, choose(trials))


if __name__ == "__main__":
    run_program(main)
