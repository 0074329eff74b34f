"""`python -m softshot.generation`: predict the evaluation records of one run."""

import argparse
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from softshot import arguments, code, given
from softshot.demonstrations.shown import Shown
from softshot.demonstrations.table import read_metadata
from softshot.engine import base as engine_base
from softshot.engine.base import Base
from softshot.engine.decoding import decode, kv_cache_mb
from softshot.engine.layout import Layout, Row, RowSettings
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix
from softshot.engine.stops import Stops
from softshot.errors import UserError, run_program
from softshot.files import PREDICTIONS, checksums, read_json, read_jsonl, sizes, write_json, write_jsonl
from softshot.generation.choices import chosen
from softshot.generation.drift import Drift
from softshot.methods.registry import METHODS
from softshot.peak_memory import PeakMemory
from softshot.provenance import provenance
from softshot.sections import Section, read
from softshot.settings import GenerationSettings, MethodName


class MethodSlice(Section):
    """What was adapted."""

    name: MethodName
    adapter: dict[str, str] | None = None  # what was trained elsewhere: its folder, and checksums of its files


class GenerationSlice(RowSettings):
    """What predictions depend on, besides their inputs."""

    method: MethodSlice
    generation: GenerationSettings | None  # None: records have choices, of which the likeliest is predicted
    neutral_tokens: int = 0  # of which the loss is taken, bare and adapted


def arguments_of() -> argparse.Namespace:
    """The command line."""
    parser = arguments.parser("generation", __doc__)
    parser.add_argument("--records", required=True, type=Path, help="records to predict, JSONL")
    parser.add_argument(
        "--demonstrations", nargs="?", type=Path, help="neighbours of the records, where some are shown"
    )
    parser.add_argument("--adapter", nargs="?", type=Path, help="folder of the tuned adapter, where there is one")
    parser.add_argument("--batch-size", type=int, default=32, help="rows decoded together; never changes a text")
    return parser.parse_args()


def sources(args: argparse.Namespace) -> dict:
    """Where the model and the records came from: source, revision or commit, checksum."""
    model, notes = args.model / "provenance.json", (args.train, args.records)
    return {
        "model": {key: read_json(model).get(key) for key in ("source", "revision")} if model.is_file() else None,
        "data": {
            path.stem: {key: read_json(path.with_suffix(".json")).get(key) for key in ("source", "sha256", "download")}
            for path in notes
            if path.with_suffix(".json").is_file()
        },
    }


def tuning_note(args: argparse.Namespace) -> dict:
    """What `run.json` says of the adapter, from its `tuning.json`; how a source task's rows were made stays apart."""
    tuner = args.adapter.parent
    tuned = read_json(tuner / "tuning.json")
    made_by = tuned.pop("settings")
    for of_files in ("checksums", "bytes"):  # which stay beside them
        tuned.pop(of_files, None)
    facts = tuned.pop("tuning") | tuned
    if tuner.resolve() != args.out.resolve():
        facts |= {"run": "/".join(tuner.parts[-5:]), "template": made_by.get("template", {})}
    return {"settings": made_by | args.settings | {"method": made_by["method"]}, "tuning": facts}


@dataclass(frozen=True)
class Adapted:
    """A model as it predicts."""

    base: Base
    prefix: Prefix | None  # what stands before every row
    merged: bool  # a change of the weights is in them
    drift: dict[str, Any] | None  # on the neutral text; None where nothing was tuned


def adapted(args: argparse.Namespace, settings: GenerationSlice) -> Adapted:
    """Load the model and put the adapter to use, if there is one; the bare model's loss is taken in between."""
    method = METHODS[settings.method.name]
    tuned = method.settings is not None
    if tuned != bool(args.adapter):
        raise UserError(f"a run of {settings.method.name} {'needs' if tuned else 'has no use for'} --adapter.")
    frozen = not method.trains_weights
    if settings.method.adapter and settings.method.adapter != given.facts(str(args.adapter)):
        raise UserError(f"{args.adapter} is another adapter than when the study was started: start it again.")
    base = engine_base.load(args.model, settings.engine.dtype, args.threads, frozen, weights=settings.base)
    if not tuned:
        return Adapted(base, None, False, None)
    base.model.requires_grad_(False)
    drift = Drift(base, settings.neutral_tokens, settings.engine.context)
    prefix = method.load().load(base, args.adapter)
    if not frozen:
        base.freeze()
    return Adapted(base, prefix, method.merges(settings.base), drift.facts(prefix, method.begins_text))


def main() -> None:
    """Read, decode, write."""
    args = arguments_of()
    settings = read(GenerationSlice, args.settings, "--settings")
    memory = PeakMemory()
    model = adapted(args, settings)
    memory.loaded()
    layout = Layout(model.base, settings, METHODS[settings.method.name].begins_text)
    shown = Shown(args.demonstrations, settings.shots, read_jsonl(args.train), settings.threshold)
    records, decoding = read_jsonl(args.records), settings.generation
    limit = decoding and decoding.max_new_tokens
    rows = [layout.generation_row(record, shown.records(record["id"]), limit) for record in records]
    if decoding:
        outputs, facts = decoded(args, settings, model, rows)
    else:
        texts = {record["id"]: record["choices"] for record in records}
        outputs, facts = chosen(model.base, model.prefix, rows, texts, args.batch_size)
    facts |= of_all(args, model, rows, outputs)
    predictions = [
        {
            "id": row.id,
            "prediction": outputs[row.id].pop("prediction"),
            "demonstrations": [{"id": i, "score": None if s != s else s} for i, s in shown.ids(row.id)[: row.shots]],
            "input_tokens": len(row),
            **outputs[row.id],
        }
        for row in rows
    ]
    facts |= {"truncated": vars(layout.truncation), **memory.facts()}
    run_note = dict(zip(("model", "task", "arm", "variant", "seed"), args.out.parts[-5:], strict=True))
    run_note |= {"split": args.records.stem, "settings": args.settings}
    run_note |= {"code": code.generation(settings.method.name), "sources": sources(args)}
    run_note |= provenance() | {"generation": facts, "drift": model.drift, "tuning": None}
    run_note["demonstrations"] = read_metadata(args.demonstrations) if args.demonstrations else None
    if args.adapter and not settings.method.adapter:
        # Tuning may have run elsewhere: what made the adapter stays beside what made the predictions.
        run_note |= tuning_note(args)
    write_jsonl(args.out / PREDICTIONS, predictions)
    run_note |= {"checksums": checksums(args.out / PREDICTIONS), "bytes": sizes(args.out / PREDICTIONS)}
    write_json(args.out / "run.json", run_note)
    print(f"{len(rows)} predictions in {facts['seconds']:.0f} s", file=sys.stderr)


def decoded(
    args: argparse.Namespace, settings: GenerationSlice, model: Adapted, rows: list[Row]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What is generated for every row, by its id, and what it took."""
    base, prefix, decoding = model.base, model.prefix, settings.generation
    cache = kv_cache_mb(base, prefix, rows, decoding, args.batch_size)
    print(f"keys and values take {cache:.0f} MB for {args.batch_size} rows at once", file=sys.stderr)
    began = time.monotonic()
    outputs = decode(base, prefix, rows, decoding, Stops.of(base, settings.template.separator), args.batch_size)
    of_rows = {output.id: output for output in tqdm(outputs, total=len(rows), unit="record", disable=None)}
    seconds, passes = time.monotonic() - began, Passes()
    for row in rows:
        passes.add_prediction(prefix, row, of_rows[row.id].tokens, decoding.beams)
    texts = {
        id: {"prediction": output.text, "output_tokens": output.tokens, "stopped": output.stopped}
        for id, output in of_rows.items()
    }
    return texts, {"seconds": seconds, "passes": asdict(passes), "kv_cache_mb": cache}


def of_all(args: argparse.Namespace, model: Adapted, rows: list[Row], outputs: dict[str, dict]) -> dict[str, Any]:
    """What `run.json` says of a run's predictions, however they were made."""
    return {
        "records": len(rows),
        "input_tokens": sum(map(len, rows)),
        "output_tokens": sum(output["output_tokens"] for output in outputs.values()),
        "positions_added": 0 if model.prefix is None else len(model.prefix),
        "merged": model.merged,
        "quantised_weights": model.base.quantised,
        "batch_size": args.batch_size,
        "dtype": str(model.base.model.dtype),
    }


if __name__ == "__main__":
    run_program(main)
