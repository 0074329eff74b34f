"""`python -m softshot.tuning`: train the soft prompt of one run."""

import argparse
import json
import random
import shutil
import signal
import sys
from pathlib import Path
from statistics import median
from typing import Any

from softshot import code
from softshot.demonstrations.shown import Shown
from softshot.engine import base as engine_base
from softshot.engine.arms import soft_prompt
from softshot.engine.layout import Layout, Row, RowSettings
from softshot.errors import UserError, run_program
from softshot.files import checksums, read_jsonl, sizes, write_json, write_jsonl
from softshot.methods.registry import METHODS
from softshot.provenance import deciding, peak_memory_mb, provenance
from softshot.sections import Section, read
from softshot.settings import MethodName, TuningSettings
from softshot.tuning import nearest_tokens
from softshot.tuning import state as states
from softshot.tuning.train import Trainer

SAVE_EVERY = 60.0  # seconds: what a kill can cost, against what a save costs


class MethodSlice(Section):
    """What is trained."""

    name: MethodName
    size: int = 0
    settings: dict[str, Any]


class TuningSlice(RowSettings):
    """What a tuning run depends on, besides its inputs and its seed."""

    method: MethodSlice
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
    parser.add_argument("--seed", type=int, default=1, help="decides every random choice (default 1)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument(
        "--max-tokens", nargs="?", type=int, help="most tokens of a forward pass; larger batches are accumulated"
    )
    parser.add_argument("--save-every", type=float, default=SAVE_EVERY, help="seconds between two saves of the state")
    parser.add_argument("--out", required=True, type=Path, help=".../<model>/<task>/<arm>/<variant>/seed-<s>")
    return parser.parse_args()


def rows(args: argparse.Namespace, layout: Layout, settings: TuningSlice) -> tuple[list[Row], list[Row], list]:
    """Training rows, validation rows, and the training records as token ids of demonstrations."""
    train, validation = read_jsonl(args.train), read_jsonl(args.validation)
    limit = settings.tuning.validation_records
    if limit is not None and limit < len(validation):  # the same sample for every run; official files are sorted
        validation = random.Random(0).sample(validation, limit)
    shown = Shown(args.train_demonstrations, settings.shots, train, settings.threshold)
    # Every reference of a training record is a pair to learn from.
    training = [layout.tuning_row(r, shown.records(r["id"]), text) for r in train for text in r["references"]]
    shown = Shown(args.validation_demonstrations, settings.shots, train, settings.threshold)
    validating = [layout.tuning_row(r, shown.records(r["id"]), r["target"]) for r in validation]
    return training, validating, [layout.example(record) for record in train]


def summary(trainer: Trainer, layout: Layout) -> dict:
    """What the run did and took."""
    progress = trainer.progress
    steps = [line for line in progress.history if "loss" in line]
    return {
        "seconds": progress.seconds,
        "steps": progress.step,
        "stopped_early": progress.stopped_early,
        "trainable_parameters": sum(p.numel() for p in trainer.prompt.parameters()),
        "training_rows": len(trainer.training),
        "validation_rows": len(trainer.validation),
        "dtype": str(trainer.base.model.dtype),
        "truncated": vars(layout.truncation),
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
        "first_validation_loss": progress.history[0]["validation_loss"],
        "best_validation_loss": progress.best_loss,
        "best_step": progress.best_step,
        "tokens_per_second": median(line["tokens_per_second"] for line in steps),
        "max_tokens": progress.max_tokens,
        "peak_memory_mb": peak_memory_mb(),
    }


def main() -> None:
    """Read, train (or continue), write."""
    args = arguments()
    settings = read(TuningSlice, args.settings, "--settings")
    method = read(METHODS[settings.method.name].settings, settings.method.settings, "--settings: method.settings")
    base = engine_base.load(args.model, settings.engine.dtype, args.threads)
    layout = Layout(base, settings)
    training, validation, examples = rows(args, layout, settings)
    prompt = soft_prompt.new_soft_prompt(base, settings.method.size, method, examples, args.seed)
    trainer = Trainer(
        base, prompt, settings.tuning, method.learning_rate, training, validation, args.seed, args.max_tokens
    )

    inputs = [args.model / "provenance.json", args.train, args.validation]
    inputs += [path for path in (args.train_demonstrations, args.validation_demonstrations) if path]
    made_by = deciding("engine/*.py", "engine/arms/*.py", "tuning/*.py", "demonstrations/shown.py")
    key = states.key({"settings": args.settings, "seed": args.seed, **made_by}, inputs)
    state = args.out / ".state" / f"{key}.pt"
    if saved := states.load(state):
        trainer.resume(saved)
        print(f"continuing from step {trainer.progress.step}", file=sys.stderr)

    stop = []
    for asked in (signal.SIGTERM, signal.SIGINT):  # a cluster's warning or a Snakemake that is gone; Ctrl-C
        signal.signal(asked, lambda *_: stop.append(True))
    if not trainer.run(lambda: bool(stop), lambda: states.save(state, trainer.state()), args.save_every):
        raise UserError(f"stopped at step {trainer.progress.step}; the same command continues from there.")

    trainer.check_effect()
    soft_prompt.save(trainer.progress.best_prompt, base, args.out)
    history, weights, table = args.out / "history.jsonl", args.out / soft_prompt.WEIGHTS, args.out / "prompt.tsv"
    write_jsonl(history, trainer.progress.history)
    learned = nearest_tokens.describe(trainer.progress.best_prompt, trainer.initial, base, table)
    tuning = {"settings": args.settings, "code": code.tuning(), **provenance()}
    tuning |= {"tuning": summary(trainer, layout) | {"prompt": learned}}
    tuning["checksums"] = checksums(weights, history, table)
    tuning["bytes"] = sizes(weights, history, table, args.out / "adapter_config.json")
    write_json(args.out / "tuning.json", tuning)
    shutil.rmtree(state.parent, ignore_errors=True)


if __name__ == "__main__":
    run_program(main)
