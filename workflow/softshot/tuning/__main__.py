"""`python -m softshot.tuning`: train the adapter of one run."""

import argparse
import shutil
import signal
import sys
from pathlib import Path
from statistics import median
from typing import Any

from softshot import arguments, code
from softshot.demonstrations.shown import Shown
from softshot.engine import base as engine_base
from softshot.engine.layout import Layout, RowSettings
from softshot.errors import UserError, run_program
from softshot.files import checksums, read_json, read_jsonl, sizes, write_json, write_jsonl
from softshot.methods import base as adapters
from softshot.methods.base import Adapter, Examples
from softshot.methods.registry import METHODS, MethodSettings
from softshot.peak_memory import PeakMemory
from softshot.provenance import deciding, provenance
from softshot.sections import Section, read
from softshot.settings import MethodName, TuningSettings
from softshot.tuning import state as states
from softshot.tuning.rows import TrainingRows, validation_rows
from softshot.tuning.train import Diverged, Trainer

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
    max_new_tokens: int | None  # the room of an output when records are predicted; None: they have choices


def arguments_of() -> argparse.Namespace:
    """The command line."""
    parser = arguments.parser("tuning", __doc__)
    parser.add_argument("--validation", required=True, type=Path, help="validation records, JSONL")
    parser.add_argument("--train-demonstrations", nargs="?", type=Path, help="neighbours of the training records")
    parser.add_argument(
        "--validation-demonstrations", nargs="?", type=Path, help="neighbours of the validation records"
    )
    parser.add_argument(
        "--max-tokens", nargs="?", type=int, help="most tokens of a forward pass; larger batches are accumulated"
    )
    parser.add_argument(
        "--rate", nargs="?", type=Path, help="the learning rate that was chosen, where there are several"
    )
    parser.add_argument("--trial", action="store_true", help="one rate of several: to diverge is a result")
    parser.add_argument(
        "--trials", nargs="*", type=Path, default=[], help="tuning.json of this seed's runs at each rate"
    )
    parser.add_argument("--save-every", type=float, default=SAVE_EVERY, help="seconds between two saves of the state")
    return parser.parse_args()


def trainer_of(args: argparse.Namespace, settings: TuningSlice, layout: Layout) -> Trainer:
    """The run's trainer at its first step."""
    method = METHODS[settings.method.name]
    values = read(method.settings, settings.method.settings, "--settings: method.settings")
    records = read_jsonl(args.train)
    shown = [
        Shown(table, settings.shots, records, settings.threshold)
        for table in (args.train_demonstrations, args.validation_demonstrations)
    ]
    examples = Examples(layout, records)
    adapter: Adapter = method.load().new(layout.base, settings.method.size, values, examples, args.seed)
    room, limit = settings.max_new_tokens, settings.tuning.validation_records
    training = TrainingRows(layout, records, shown[0], room, adapter.trained_on)
    validation = validation_rows(layout, args.validation, limit, shown[1], room)
    return Trainer(
        layout.base,
        adapter,
        settings.tuning,
        peak_rate(args, values),
        training,
        validation,
        args.seed,
        args.max_tokens,
    )


def peak_rate(args: argparse.Namespace, settings: MethodSettings) -> float:
    """The learning rate: the one that is given, or was chosen among several."""
    if isinstance(settings.learning_rate, list) != bool(args.rate):
        raise UserError("--rate is for a method with several learning rates, and needed there.")
    return read_json(args.rate)["learning_rate"] if args.rate else settings.learning_rate


def adopt(args: argparse.Namespace) -> bool:
    """Take over this seed's run at the rate that was chosen, which is the same run; False where it was not tried."""
    rate = read_json(args.rate)
    for path in args.trials:
        note, trial = read_json(path), path.parent
        if note["settings"]["method"]["settings"]["learning_rate"] == rate["learning_rate"]:
            shutil.copytree(trial / "adapter", args.out / "adapter", dirs_exist_ok=True)
            shutil.copyfile(trial / "history.jsonl", args.out / "history.jsonl")
            write_json(args.out / "tuning.json", note | {"settings": args.settings, "rate": rate})
            return True
    return False


def state_of(args: argparse.Namespace, settings: TuningSlice, trainer: Trainer) -> Path:
    """Where the run's unfinished state is, named after all that decides its result.

    So are the learning rate, where it is chosen among several, and the type of the weights, which `auto` takes from the
    device: a run killed on a GPU does not go on in float32 from what it did in bfloat16.
    """
    inputs = [args.model / "provenance.json", args.train, args.validation]
    inputs += [path for path in (args.train_demonstrations, args.validation_demonstrations) if path]
    made_by = deciding(code.tuning(settings.method.name))
    decided = {"rate": trainer.peak_rate, "dtype": str(trainer.base.model.dtype)}
    key = states.key({"settings": args.settings, "seed": args.seed, **decided, **made_by}, inputs)
    return args.out / ".state" / f"{key}.pt"


def summary(trainer: Trainer, layout: Layout) -> dict[str, Any]:
    """What the run did and took."""
    progress, adapter = trainer.progress, trainer.adapter
    steps = [line for line in progress.history if "loss" in line]
    prefix = adapter.prefix()
    return {
        "seconds": progress.seconds,
        "step_seconds": progress.step_seconds,
        "validation_seconds": progress.validation_seconds,
        "steps": progress.step,
        "stopped_early": progress.stopped_early,
        "trainable_parameters": sum(p.numel() for p in adapter.parameters()),
        "positions_added": 0 if prefix is None else len(prefix),
        "quantised_weights": trainer.base.quantised,
        "trained": progress.trained,
        "validated": progress.validated,
        "training_rows": len(trainer.training),
        "validation_rows": len(trainer.validation),
        "dtype": str(trainer.base.model.dtype),
        "truncated": vars(layout.truncation),
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
        "first_validation_loss": progress.history[0]["validation_loss"],
        "best_validation_loss": progress.best_loss,
        "best_step": progress.best_step,
        "curve": [line for line in progress.history if "validation_loss" in line],
        "tokens_per_second": median(line["tokens_per_second"] for line in steps),
        "target_tokens_per_second": median(
            line["tokens_per_second"] * line["target_tokens"] / line["tokens"] for line in steps
        ),
        "max_tokens": progress.max_tokens,
    }


def main() -> None:
    """Read, train (or continue), write."""
    args = arguments_of()
    settings = read(TuningSlice, args.settings, "--settings")
    if args.trials and adopt(args):
        return
    method, memory = METHODS[settings.method.name], PeakMemory()
    frozen = not method.trains_weights
    base = engine_base.load(args.model, settings.engine.dtype, args.threads, frozen, weights=settings.base)
    memory.loaded()
    layout = Layout(base, settings, method.begins_text)
    trainer = trainer_of(args, settings, layout)
    state = state_of(args, settings, trainer)
    if saved := states.load(state):
        trainer.resume(saved)
        print(f"continuing from step {trainer.progress.step}", file=sys.stderr)

    stop = []
    for asked in (signal.SIGTERM, signal.SIGINT):  # a cluster's warning or a Snakemake that is gone; Ctrl-C
        signal.signal(asked, lambda *_: stop.append(True))
    diverged = None
    try:
        done = trainer.run(lambda: bool(stop), lambda: states.save(state, trainer.state()), args.save_every)
    except Diverged as error:
        if not args.trial:
            raise
        diverged, done = str(error), True
    if not done:
        raise UserError(f"stopped at step {trainer.progress.step}; the same command continues from there.")

    trainer.finish()
    adapter = args.out / "adapter"
    trainer.adapter.save(adapter)
    learned = trainer.adapter.describe(adapter)
    history = args.out / "history.jsonl"
    write_jsonl(history, trainer.progress.history)
    stored = sizes(adapter / adapters.WEIGHTS, adapter / adapters.CONFIG)
    files = [*sorted(path for path in adapter.iterdir() if path.is_file()), history]
    note = {"settings": args.settings, "code": code.tuning(settings.method.name), **provenance()}
    note |= {"tuning": summary(trainer, layout) | {"adapter_bytes": sum(stored.values()), **memory.facts()}}
    note["tuning"] |= {"learned": learned, "diverged": diverged}
    note |= {"rate": read_json(args.rate)} if args.rate else {}
    write_json(args.out / "tuning.json", note | {"checksums": checksums(*files), "bytes": sizes(*files)})
    shutil.rmtree(state.parent, ignore_errors=True)


if __name__ == "__main__":
    run_program(main)
