"""What retrieval costs against the number of training records, on one core.

python tests/benchmarks/retrieval.py [--data DATA] --encoder FOLDER --out FOLDER [--small | --full]

DATA holds MTOP in its official layout (DATA/mtop/...), FOLDER an encoder as the models stage leaves it. The inputs are
MTOP's training inputs, repeated with other words between theirs where more are asked for than there are. Measured are

encode    `encode` on so many inputs
retrieve  `retrieve` by BM25 and by vectors for 1,000 records (each the whole program)
search    the exact search in random unit vectors of 384 numbers for 1,000 others, in turns with nothing but the matrix
          product of the same size, the ratio of which is what the search adds
index     exact and approximate search in vectors between two real ones, with the number of records that have to be
          asked for before building the index pays

Every measurement runs in a process of its own. Seconds are the processor's, memory is the peak of the process. Writes
retrieval.json, retrieval.md, retrieval.svg and retrieval.png.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is imported

import numpy as np  # noqa: E402

from softshot import catalogue, files  # noqa: E402
from softshot.data.convert import read_records  # noqa: E402
from softshot.demonstrations.embeddings import Vectors  # noqa: E402

SIZES = {  # training records per part
    "small": {"encode": [100, 300], "search": [1_000, 10_000], "index": [5_000]},
    "usual": {
        "encode": [1_000, 10_000],
        "search": [1_000, 10_000, 100_000, 1_000_000],
        "index": [10_000, 100_000],
    },
    "full": {
        "encode": [1_000, 10_000, 100_000],
        "search": [1_000, 10_000, 100_000, 1_000_000],
        "index": [10_000, 100_000, 1_000_000],
    },
}
QUERIES, DIMENSION, NEIGHBOURS, REPEATS = 1_000, 384, 8, 3
BLOCK = 2**15


def measured(command: list[str | Path]) -> dict[str, float]:
    """Run a program: processor seconds, peak memory, and what it says of itself as JSON on stdout."""
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE)
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, command))} failed")
    cost = {"seconds": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 2**10}
    return cost | (json.loads(told) if told else {})


def stage(*arguments: str | Path) -> dict[str, float]:
    """Run a program of the demonstrations stage."""
    return measured(["-m", "softshot.demonstrations", *arguments, "--threads", "1"])


# Inputs and vectors


def inputs(data: Path) -> Iterator[str]:
    """MTOP's distinct training inputs, then the same again and again with a third of the words from others."""
    entry = catalogue.task_entry("mtop", {})
    records = read_records("mtop", entry, data / "mtop" / entry.files["train"], "train")
    real = list(dict.fromkeys(record["input"] for record in records))
    yield from real
    generator = random.Random(0)
    words = [word for text in real for word in text.split()]
    for text in itertools.cycle(real):
        yield " ".join(generator.choice(words) if generator.random() < 1 / 3 else word for word in text.split())


def write_records(path: Path, texts: Iterator[str], count: int, name: str) -> Path:
    """So many of the texts as records."""
    texts = itertools.islice(texts, count)
    files.write_jsonl(path, ({"id": f"{name}-{i}", "input": text, "target": text} for i, text in enumerate(texts)))
    return path


def write_vectors(path: Path, count: int, real: np.ndarray | None) -> Path:
    """Random unit vectors, or vectors between two of the real ones, written block by block."""
    generator = np.random.default_rng(count)
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, DIMENSION)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, BLOCK):
            rows = min(BLOCK, count - start)
            if real is None:
                block = generator.normal(size=(rows, DIMENSION))
            else:
                one, other = generator.integers(len(real), size=(2, rows))
                share = generator.uniform(0.5, 1, size=(rows, 1))
                block = share * real[one] + (1 - share) * real[other]
            block /= np.linalg.norm(block, axis=1, keepdims=True)
            file.write(block.astype(np.float32).tobytes())
    return path


# What runs in a process of its own


def search(path: Path) -> dict[str, float]:
    """The exact search and the bare matrix product in turns; medians of their seconds."""
    from softshot.demonstrations.nearest import BLOCK_BYTES, Nearest

    one_thread()
    vectors = Vectors(path)
    queries = Vectors(path.with_name("queries.npy"))[:]
    ranks, nothing = np.arange(len(vectors)), [set() for _ in queries]
    step = BLOCK_BYTES // (4 * DIMENSION)
    blocks = [min(step, len(vectors) - start) for start in range(0, len(vectors), step)]
    block = vectors[0 : blocks[0]]
    product_seconds, search_seconds = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        for rows in blocks:  # the same block again: no reading, which only the search has to do
            queries @ block[:rows].T
        between = time.process_time()
        Nearest(queries, nothing, ranks, NEIGHBOURS).search(vectors)
        product_seconds.append(between - start)
        search_seconds.append(time.process_time() - between)
    product, found = statistics.median(product_seconds), statistics.median(search_seconds)
    return {"product_seconds": product, "search_seconds": found, "ratio": found / product}


def index(path: Path) -> dict[str, float | str]:
    """Build and use an approximate index as the retriever does, and search exactly."""
    from softshot.demonstrations import approximate
    from softshot.demonstrations.nearest import Nearest

    one_thread()
    vectors = Vectors(path)
    ranks = np.arange(len(vectors))
    sample = approximate.sample(len(vectors))
    start = time.process_time()
    made, told = approximate.fit(
        vectors, Nearest(vectors[sample], [{position} for position in sample], ranks, NEIGHBOURS)
    )
    built = time.process_time()
    asked = np.random.default_rng(1).permutation(len(vectors))[:QUERIES]
    queries = Nearest(vectors[asked], [{position} for position in asked], ranks, NEIGHBOURS)
    exact = queries.anew().search(vectors)
    searched = time.process_time()
    row = {key: float(value) for key, value in told.items() if key != "index"}
    row |= {"build_seconds": built - start, "exact_seconds": searched - built}
    if made is not None:
        found = approximate.search(made, vectors, queries.anew())
        row["approximate_seconds"] = time.process_time() - searched
        row["recall"] = approximate.found(found, exact)
        saved = row["exact_seconds"] - row["approximate_seconds"]
        row["pays_from_queries"] = QUERIES * row["build_seconds"] / saved if saved > 0 else "never"
    return row


def one_thread() -> None:
    """One thread, as everywhere here."""
    import faiss

    faiss.omp_set_num_threads(1)


# Everything


def measure(args: argparse.Namespace, work: Path) -> Iterator[dict]:
    """All rows of the result."""
    sizes = SIZES["small" if args.small else "full" if args.full else "usual"]
    name = json.dumps({"encoder": args.encoder.name})
    asked = write_records(work / "asked.jsonl", itertools.islice(inputs(args.data), 5_000, None), QUERIES, "asked")
    made_by = ("--encoder", args.encoder, "--settings", name)
    stage("encode", *made_by, "--records", asked, "--out", work / "asked.npy")
    for count in sizes["encode"]:
        train = write_records(work / f"train-{count}.jsonl", inputs(args.data), count, "train")
        vectors = work / f"train-{count}.npy"
        yield {"part": "encode", "records": count, **stage("encode", *made_by, "--records", train, "--out", vectors)}
        files_given = ("--train", train, "--records", asked, "--index", vectors, "--queries", work / "asked.npy")
        for kind in ("bm25", "dense"):
            settings = ("--settings", json.dumps({"kind": kind}))
            cost = stage("retrieve", *settings, *files_given, "--out", work / "table.parquet")
            yield {"part": f"retrieve {kind}", "records": count, **cost}
    real = Vectors(vectors)[:]
    write_vectors(work / "queries.npy", QUERIES, None)
    for part in ("search", "index"):
        for count in sizes[part]:
            path = write_vectors(work / "vectors.npy", count, real if part == "index" else None)
            yield {"part": part, "records": count, **measured([__file__, "--alone", part, path])}


def markdown(rows: list[dict]) -> str:
    """A table per part."""
    lines = []
    for part, group in itertools.groupby(sorted(rows, key=lambda row: row["part"]), lambda row: row["part"]):
        group = list(group)
        columns = list(dict.fromkeys(key for row in group for key in row if key != "part"))
        lines += [f"**{part}**", "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        lines += [f"| {' | '.join(shown(row.get(column, '')) for column in columns)} |" for row in group]
        lines.append("")
    return "\n".join(lines)


def shown(value: float | str) -> str:
    """A number to three digits."""
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"


def draw(rows: list[dict], out: Path) -> None:
    """Seconds and memory against training records, both axes logarithmic."""
    import altair as alt
    import pandas as pd

    points = []
    for row in rows:
        if row["part"] == "search":
            points.append(("exact search, 1,000 records", row["records"], row["search_seconds"], row["peak_mb"]))
            points.append(("bare matrix product", row["records"], row["product_seconds"], None))
        elif row["part"] != "index":
            points.append((row["part"], row["records"], row["seconds"], row["peak_mb"]))
    frame = pd.DataFrame(points, columns=["what", "training records", "processor seconds", "peak MB"])
    panels = [
        alt.Chart(frame.dropna(subset=value), width=320, height=260)
        .mark_line(point=True)
        .encode(
            x=alt.X("training records:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s", tickCount=4)),
            y=alt.Y(f"{value}:Q", scale=alt.Scale(type="log")),
            color=alt.Color("what:N", title=None),
            strokeDash=alt.StrokeDash("what:N", title=None),
        )
        for value in ("processor seconds", "peak MB")
    ]
    for suffix in ("svg", "png"):
        alt.hconcat(*panels).save(out / f"retrieval.{suffix}")


def main() -> None:
    """Measure, print each row as it comes, write the results."""
    if sys.argv[1:2] == ["--alone"]:
        part, path = sys.argv[2:]
        print(json.dumps({"search": search, "index": index}[part](Path(path))))
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT / "tests/data", help="folder of mtop/, as published")
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--small", action="store_true", help="only to see it work")
    size.add_argument("--full", action="store_true", help="100,000 inputs are encoded: some 20 minutes more")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for row in measure(args, Path(work)):
            print({key: value if isinstance(value, str) else shown(value) for key, value in row.items()}, flush=True)
            rows.append(row)
    files.write_json(args.out / "retrieval.json", rows)
    files.write_text(args.out / "retrieval.md", markdown(rows))
    draw(rows, args.out)


if __name__ == "__main__":
    main()
