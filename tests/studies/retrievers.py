"""How alike the first demonstration's output and the wanted output are, per retriever, on a task's real records.

python tests/studies/retrievers.py [--data DATA] --minilm FOLDER --causal FOLDER --work FOLDER [--task mtop] [--icl 200]
    [--only NAME ...]

DATA holds the task's files in their official layout (DATA/mtop/...); the other two are encoders as the models stage
leaves them. Demonstrations come from all training records, for the records of the split that is scored. Every program
runs on one thread in a process of its own; seconds are the processor's, program start included, and memory is the
peak of the process. Vectors and what was measured stay in the --work folder: a second call encodes nothing. --icl N
also lets the causal model answer N of the records, a seeded sample, with the first demonstration in its context.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}

from softshot import catalogue, files  # noqa: E402
from softshot.data.convert import read_records  # noqa: E402
from softshot.data.splits import sample  # noqa: E402
from softshot.demonstrations.table import read_neighbours  # noqa: E402
from softshot.scoring import registry  # noqa: E402

METRICS = ["exact_match", "token_f1", "chrf"]
RETRIEVERS = {  # the table's row, a name as a study has it: settings, encoder
    ("random", "random"): ({"kind": "random"}, None),
    ("bm25", "bm25"): ({"kind": "bm25"}, None),
    ("dense, MiniLM", "minilm"): ({"kind": "dense"}, "minilm"),
    ("mmr, MiniLM", "mmr"): ({"kind": "mmr"}, "minilm"),
    ("dense, causal", "causal"): ({"kind": "dense"}, "causal"),
    ("oracle (upper bound)", "oracle"): ({"kind": "oracle"}, None),
}
ROWS = {"engine": {"context": 400}, "generation": {"max_new_tokens": 64}}
HEADER = ["retriever", *METRICS, "token_f1, best of 3", "encode s", "encode MB", "search s", "search MB"]


def measured(*arguments: str | Path) -> dict[str, float]:
    """Run a program of the demonstrations stage: its processor seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "softshot.demonstrations", *map(str, arguments), "--threads", "1"]
    process = subprocess.Popen(command, env=ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return {"seconds": usage.ru_utime + usage.ru_stime, "MB": usage.ru_maxrss / 2**10}


def write_splits(args: argparse.Namespace) -> tuple[Path, Path]:
    """The training records and those of the scored split, as files in the work folder."""
    entry = catalogue.task_entry(args.task, {})
    paths = []
    for split in ("train", entry.evaluation):
        source = args.data / args.task / entry.files[split]
        path = args.work / f"{split}.jsonl"
        files.write_jsonl(path, itertools.islice(read_records(args.task, entry, source, split), args.limit))
        paths.append(path)
    return paths[0], paths[1]


def encode(args: argparse.Namespace, name: str, splits: tuple[Path, Path]) -> dict[str, float]:
    """Encode both splits where their vectors are not there yet; what that took, now or then."""
    from softshot.demonstrations import embeddings
    from softshot.errors import UserError

    note = args.work / name / "measured.json"
    try:
        for split in splits:
            embeddings.load(vectors(args, name, split), split)
        return files.read_json(note)
    except UserError:
        pass
    costs = []
    for split in splits:
        began = time.monotonic()
        settings = json.dumps({"encoder": name})
        named = ("--encoder", getattr(args, name), "--records", split, "--out", vectors(args, name, split))
        costs.append(measured("encode", "--settings", settings, *named))
        print(f"{name}, {split.stem}: encoded in {time.monotonic() - began:.0f} s", file=sys.stderr)
    cost = {"seconds": sum(cost["seconds"] for cost in costs), "MB": max(cost["MB"] for cost in costs)}
    files.write_json(note, cost)
    return cost


def vectors(args: argparse.Namespace, name: str, split: Path) -> Path:
    """Where a split's vectors by an encoder are."""
    return args.work / name / f"{split.stem}.npy"


def scores(table: Path, train: list[dict], records: list[dict]) -> list[str]:
    """Each metric of the first demonstrations' targets, taken as predictions; token F1 also of the best of three."""
    targets = {record["id"]: record["target"] for record in train}
    nearest = {id: [targets[neighbour] for neighbour, _ in pairs] for id, pairs in read_neighbours(table).items()}
    found = []
    for name, count in [*((name, 1) for name in METRICS), ("token_f1", 3)]:
        metric = registry.metric(name)
        statistics = [
            max(metric.statistics(shown, record) for shown in nearest[record["id"]][:count] or [""])
            for record in records
        ]
        found.append(f"{metric.scores([sum(column) for column in zip(*statistics, strict=True)])[name]:.1f}")
    return found


def icl(args: argparse.Namespace, name: str, table: Path, train: Path, records: Path) -> list[str]:
    """Exact match of the causal model's answers with the first demonstration, on a sample of the records."""
    if not args.icl:
        return []
    asked, out = args.work / "icl.jsonl", args.work / "icl/causal" / args.task / "icl" / f"{name}-1" / "seed-1"
    rows = files.read_jsonl(records)
    files.write_jsonl(asked, (rows[position] for position in sample(len(rows), args.icl, "0")))
    program = [sys.executable, "-m", "softshot.generation", "--settings", json.dumps(ROWS), "--model", args.causal]
    program += ["--train", train, "--records", asked, "--demonstrations", table, "--out", out]
    subprocess.run(list(map(str, program)), env=ENVIRONMENT, check=True)
    metric = registry.metric("exact_match")
    pairs = zip(files.read_jsonl(out / files.PREDICTIONS), files.read_jsonl(asked), strict=True)
    statistics = [metric.statistics(answer["prediction"], record) for answer, record in pairs]
    return [f"{metric.scores([sum(column) for column in zip(*statistics, strict=True)])['exact_match']:.1f}"]


def main() -> None:
    """Measure every retriever and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("tests/data"), help="folder of the tasks' official files")
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--causal", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--task", default="mtop")
    parser.add_argument("--icl", type=int, help="records that the causal model answers per retriever")
    names = [name for _, name in RETRIEVERS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these retrievers (default: all)")
    parser.add_argument("--limit", type=int, help="use only the first records of each split")
    args = parser.parse_args()

    train, asked = write_splits(args)
    splits = files.read_jsonl(train), files.read_jsonl(asked)
    print(f"{args.task}: {len(splits[0])} training records, {len(splits[1])} records of {asked.stem}\n")
    header = [*HEADER, *([f"ICL exact match, {args.icl} records"] if args.icl else [])]
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}", flush=True)
    for (title, name), (settings, encoder) in RETRIEVERS.items():
        if name not in args.only:
            continue
        table = args.work / "tables" / f"{name}.parquet"
        command = ["retrieve", "--settings", json.dumps(settings), "--seed", "1", "--train", train, "--records", asked]
        encoded = ["", ""]
        if encoder:
            cost = encode(args, encoder, (train, asked))
            encoded = [f"{cost['seconds']:.0f}", f"{cost['MB']:.0f}"]
            command += ["--index", vectors(args, encoder, train), "--queries", vectors(args, encoder, asked)]
        cost = measured(*command, "--out", table)
        cells = [title, *scores(table, *splits), *encoded, f"{cost['seconds']:.1f}", f"{cost['MB']:.0f}"]
        cells += icl(args, name, table, train, asked)
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
