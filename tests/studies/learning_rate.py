"""`python tests/studies/learning_rate.py [folder of the tasks' files]`: every method at several learning rates.

Runs the trials of tests/studies/learning_rate.yaml for each of the seeds, nothing else, and prints per task a row per
arm: the best validation loss at each rate, mean over the seeds, the lowest in bold. What was run is not run again.
"""

import argparse
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from statistics import mean

from softshot import configfiles, configuration
from softshot.grid import Run
from softshot.rates import all_trials
from softshot.settings import Study

STUDY = Path("tests/studies/learning_rate.yaml")
SEEDS = (1, 2)


def study(source: str) -> Study:
    """The study as Snakemake reads it."""
    config = configfiles.merged([Path("config.yaml"), STUDY])
    return configuration.load(configfiles.merge(config, {"data": {"source": source}}))


def note(trial: Run) -> Path:
    """What a trial says of itself."""
    return Path("results/learning-rate/runs") / trial.path / "tuning.json"


def run(trials: list[Run], seed: int, source: str, cores: int) -> None:
    """The trials of one seed, by the workflow."""
    options = ["--config", f"seeds=[{seed}]", f"data={{source: {source}}}", "--configfile", str(STUDY)]
    targets = [str(note(trial)) for trial in trials]
    subprocess.run(["snakemake", *options, "--cores", str(cores), "--quiet", "all", "--", *targets], check=True)


def row(trials: list[Run]) -> str:
    """An arm on a task: its trials are the same but for rate and seed."""
    losses: dict[float, list[float]] = {}
    for trial in trials:
        facts = json.loads(note(trial).read_text())["tuning"]
        losses.setdefault(trial.rate, []).append(float("inf") if facts["diverged"] else facts["best_validation_loss"])
    means = {rate: mean(values) for rate, values in losses.items()}
    best = min(means, key=means.get)
    cells = [f"{rate:g}: " + (f"**{loss:.3f}**" if rate == best else f"{loss:.3f}") for rate, loss in means.items()]
    spread = max(losses[best]) - min(losses[best])
    start = json.loads(note(trials[0]).read_text())["tuning"]["first_validation_loss"]
    variant = replace(trials[0], rate=None).variant
    return f"| {trials[0].arm} | {variant} | {start:.3f} | {' | '.join(cells)} | {spread:.3f} |"


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="tests/data", help="folder of the tasks' official files")
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    first = all_trials(study(args.source))
    trials = {seed: [replace(trial, seed=seed) for trial in first] for seed in SEEDS}
    for seed in SEEDS:
        run(trials[seed], seed, args.source, args.cores)
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for trial in (trial for of_seed in trials.values() for trial in of_seed):
        groups.setdefault((trial.task, trial.arm, replace(trial, rate=None).variant), []).append(trial)
    for task in dict.fromkeys(key[0] for key in groups):
        print(f"\n### {task}\n\n| arm | variant | before | rate: loss | | | | spread |\n|" + " --- |" * 8)
        print("\n".join(row(of_arm) for key, of_arm in groups.items() if key[0] == task))


main()
