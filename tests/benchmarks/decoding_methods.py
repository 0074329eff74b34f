"""What a method costs at prediction: greedy decoding with each one's saved adapter, in turn, one thread.

    python tests/benchmarks/decoding_methods.py --model resources/models/smollm2-135m --out results/benchmarks

Adapters are as they begin, so that all write the same texts and only their cost differs: those that are merged beside
the bare model, keys and values beside the soft prompt of the same tokens, which they are those of.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from decoding import ROOT, SETTINGS, real_rows, stops, timed
from tables import markdown

from softshot.engine import base as engine_base
from softshot.engine.base import Base
from softshot.engine.decoding import continuations
from softshot.engine.layout import Layout, Row, RowSettings
from softshot.engine.prefix import Prefix
from softshot.files import write_json, write_text
from softshot.methods.base import Examples
from softshot.methods.registry import METHODS
from softshot.provenance import provenance
from softshot.settings import EngineSettings

BARE, PROMPT, TOKENS, BATCH = "none", "prompt-tuning", 25, 16
MERGED = {"lora": 8, "ia3": 0, "full": 0}  # each with its size
BEFORE = [PROMPT, "prefix-tuning"]
TEXT = {"initialisation": "text", "initial_text": "Write what the user wants as a tree of intents and slots."}


def ready(model: Path, method: str) -> tuple[Base, Prefix | None]:
    """The model as it predicts with a new adapter of a method, saved and loaded as a run's is."""
    if method == BARE:
        return engine_base.load(model, "float32"), None
    kind = METHODS[method]
    base = engine_base.load(model, "float32", frozen=not kind.trains_weights)
    settings = kind.settings(**(TEXT if method in BEFORE else {}))
    examples = Examples(Layout(base, RowSettings(engine=EngineSettings(context=400))), [])
    with tempfile.TemporaryDirectory() as folder:
        adapter = kind.load().new(base, MERGED.get(method, TOKENS), settings, examples, seed=1)
        adapter.save(Path(folder))
        del adapter
        base = engine_base.load(model, "float32", frozen=not kind.trains_weights)
        prefix = kind.load().load(base, Path(folder))
    return base.freeze() if kind.trains_weights else base, prefix


def texts(base: Base, prefix: Prefix | None, rows: list[Row]) -> dict[str, list[int]]:
    """Token ids of every row."""
    return {row.id: ids for row, ids in continuations(base, prefix, rows, SETTINGS, stops(base), BATCH)}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--data", type=Path, default=ROOT / "tests/data", help="folder of mtop/, as published")
    parser.add_argument("--records", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    contestants = {method: ready(args.model, method) for method in [BARE, *MERGED, *BEFORE]}
    rows = real_rows(contestants[BARE][0], args.data / "mtop/mtop/en", args.records)
    times, found = {method: [] for method in contestants}, {}
    for _ in range(args.repeats):
        for method, (base, prefix) in contestants.items():
            seconds, found[method] = timed(lambda base=base, prefix=prefix: texts(base, prefix, rows))
            times[method].append(seconds)
            print(f"{method}: {seconds:.2f} s", file=sys.stderr, flush=True)
    results = []
    for method, seconds in times.items():
        beside = PROMPT if method in BEFORE else BARE
        results.append(
            {
                "method": method,
                "seconds": min(seconds),
                "all": seconds,
                "beside": beside,
                # What else the machine does only adds to a time: the least of each is compared.
                "ratio": min(seconds) / min(times[beside]),
                "equal": sum(found[method][row.id] == found[beside][row.id] for row in rows),
            }
        )
    write_json(args.out / "decoding_methods.json", provenance() | {"records": len(rows), "results": results})
    lines = [
        [r["method"], f"{r['seconds']:.2f}", r["beside"], f"{r['ratio']:.3f}", f"{r['equal']} of {len(rows)}"]
        for r in results
    ]
    table = markdown(["method", "least seconds", "beside", "ratio", "same texts"], lines)
    write_text(args.out / "decoding_methods.md", table)
    print(table)


if __name__ == "__main__":
    main()
