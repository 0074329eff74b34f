"""`python -m softshot.tuning`: train the soft prompt of one run."""

import argparse
import json
import signal
import sys
from pathlib import Path

from softshot.demonstrations.shown import Shown
from softshot.engine import base as engine_base
from softshot.engine.arms import soft_prompt
from softshot.engine.layout import Layout
from softshot.errors import UserError, run_program
from softshot.files import read_jsonl, write_json, write_jsonl
from softshot.grid import Run
from softshot.provenance import peak_memory_mb, provenance
from softshot.settings import EngineSettings, Section, TuningSettings, read
from softshot.tuning import state as states
from softshot.tuning.train import Trainer

SAVE_EVERY = 60.0  # seconds: what a kill can cost, against what a save costs


class TuningSlice(Section):
    """What a tuning run depends on, besides its inputs and the run's own name."""

    engine: EngineSettings
    tuning: TuningSettings


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m softshot.tuning", description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads, help="the tuning slice, JSON")
    parser.add_argument("--model", required=True, type=Path, help="folder of the frozen model")
    parser.add_argument("--train", required=True, type=Path, help="training records, JSONL")
    parser.add_argument("--validation", required=True, type=Path, help="validation records, JSONL")
    parser.add_argument("--train-demonstrations", nargs="?", type=Path, help="neighbours of the training records (IPT)")
    parser.add_argument(
        "--validation-demonstrations", nargs="?", type=Path, help="neighbours of the validation records (IPT)"
    )
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--save-every", type=float, default=SAVE_EVERY, help="seconds between two saves of the state")
    parser.add_argument("--out", required=True, type=Path, help=".../<model>/<task>/<arm>/<variant>/seed-<s>")
    return parser.parse_args()


def main() -> None:
    """Read, train (or continue), write."""
    args = arguments()
    settings = read(TuningSlice, args.settings, "--settings")
    run = Run.of(args.out)
    inputs = [args.model / "provenance.json", args.train, args.validation]
    inputs += [path for path in (args.train_demonstrations, args.validation_demonstrations) if path]
    identity = {"settings": args.settings, "run": run.path}

    base = engine_base.load(args.model, settings.engine.dtype, args.threads)
    layout = Layout(base, settings.engine)
    train, validation = read_jsonl(args.train), read_jsonl(args.validation)
    validation = validation[: settings.tuning.validation_records]
    shown = Shown(args.train_demonstrations, run.shots, train)
    shown_validation = Shown(args.validation_demonstrations, run.shots, train)
    # Every reference of a training record is a pair to learn from.
    training_rows = [layout.tuning_row(r, shown.records(r["id"]), text) for r in train for text in r["references"]]
    truncation = vars(layout.truncation).copy()
    validation_rows = [layout.tuning_row(r, shown_validation.records(r["id"]), r["target"]) for r in validation]

    examples = [layout.example(record) for record in train]
    prompt = soft_prompt.new_soft_prompt(base, run.tokens, settings.tuning, examples, run.seed)
    trainer = Trainer(base, prompt, settings.tuning, training_rows, validation_rows, run.seed)
    state = args.out / ".state" / f"{states.key(identity, inputs)}.pt"
    if saved := states.load(state):
        trainer.resume(saved)
        print(f"continuing from step {trainer.progress.step}", file=sys.stderr)

    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))  # a cluster's warning, Snakemake's stop
    if not trainer.run(lambda: bool(stop), lambda: states.save(state, trainer.state()), args.save_every):
        raise UserError(f"stopped at step {trainer.progress.step}; the same command continues from there.")

    progress = trainer.progress
    soft_prompt.save(progress.best_prompt, base, args.out)
    write_jsonl(args.out / "history.jsonl", progress.history)
    losses = [line["loss"] for line in progress.history if "loss" in line]
    rates = [line["tokens_per_second"] for line in progress.history if "loss" in line]
    tuning = {
        "seconds": progress.seconds,
        "steps": progress.step,
        "stopped_early": progress.stopped_early,
        "trainable_parameters": sum(p.numel() for p in prompt.parameters()),
        "training_rows": len(training_rows),
        "truncated": truncation,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "first_validation_loss": progress.history[0]["validation_loss"],
        "best_validation_loss": progress.best_loss,
        "best_step": progress.best_step,
        "tokens_per_second": sorted(rates)[len(rates) // 2],
        "peak_memory_mb": peak_memory_mb(),
    }
    write_json(args.out / "tuning.json", {"settings": args.settings, **provenance(), "tuning": tuning})
    for old in state.parent.glob("*.pt"):
        old.unlink()
    if state.parent.is_dir():
        state.parent.rmdir()


run_program(main)
