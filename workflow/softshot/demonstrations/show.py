"""`softshot show TASK ID`: a record, and the demonstrations that each retriever of a study found for it."""

import argparse
import difflib
import re
import shutil
import signal
import textwrap
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from softshot.demonstrations.table import read_metadata
from softshot.errors import UserError, run_program
from softshot.files import read_jsonl, sha256


def main() -> None:
    """Show what is asked for on the terminal."""
    parser = argparse.ArgumentParser(prog="softshot show", description=__doc__)
    parser.add_argument("task", help="a task of the study, such as mtop")
    parser.add_argument("id", help="the id of one of its records; a wrong one is answered with the closest")
    parser.add_argument("--results", type=Path, help="the study's folder; by default that of ./config.yaml's study")
    args = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `... | head` ends quietly
    show(args.results or default_results(), args.task, args.id)


def show(results: Path, task: str, id: str) -> None:
    """Print the record of this id, whichever split has it, and its neighbours in every table of its split.

    Tables of neighbours among a part of the training records are left out.
    """
    paths = sorted((results / "data" / task).glob("*.jsonl"))
    if not paths:
        raise UserError(f"{results / 'data' / task} holds no records: is {task} a task of this study, and is it run?")
    splits = {path.stem: {record["id"]: record for record in read_jsonl(path)} for path in paths}
    having = [split for split, records in splits.items() if id in records]
    if not having:
        known = [known for records in splits.values() for known in records]
        close = ", ".join(difflib.get_close_matches(id, known, n=3, cutoff=0))
        raise UserError(f"{task} has no record {id!r} in {', '.join(splits)}; the closest ids are {close}.")
    train, sums = splits.get("train", {}), {path.stem: sha256(path) for path in paths}
    for split in having:
        print(f"{task}, {split}, record {id}")
        show_texts(splits[split][id])
        tables = sorted((results / "demonstrations" / task).glob(f"*/{split}.parquet"))
        tables = [table for table in tables if not re.search("_(train|without)-", table.parent.name)]
        if not tables:
            print(f"\nno table of demonstrations for {split} in {results / 'demonstrations' / task}")
        for table in tables:
            current = {"train_sha256": sums.get("train"), "records_sha256": sums[split]}
            refuse_stale(table, current)
            show_neighbours(table, id, train)


def refuse_stale(table: Path, current: dict[str, str | None]) -> None:
    """Refuse a table that was made from other records than are there now."""
    made_from = read_metadata(table)
    for key, checksum in current.items():
        if made_from.get(key) != checksum:
            which = "training records" if key == "train_sha256" else f"{table.stem} records"
            raise UserError(f"{table} was made from other {which} than are there now: run the study again.")


def show_neighbours(table: Path, id: str, train: dict[str, dict]) -> None:
    """Print the record's neighbours in one table."""
    metadata = read_metadata(table)
    about = [metadata["kind"], metadata.get("encoder"), f"seed {metadata['seed']}" if "seed" in metadata else None]
    if metadata.get("index") == "approximate":
        about.append(f"approximate search, recall {metadata['approximate_recall']}")
    if "upper_bound" in metadata:
        about.append(f"UPPER BOUND: {metadata['upper_bound']}")
    rows = pq.read_table(table, filters=[("id", "==", id)]).to_pylist()
    if not rows:
        raise UserError(f"{table} lacks record {id}: it was made for other records; run the study again.")
    [row] = rows
    print(f"\n{table.parent.name} ({', '.join(filter(None, about))}); {row['excluded']} training records excluded")
    for rank, (neighbour, score) in enumerate(zip(row["neighbours"], row["scores"], strict=True), 1):
        if neighbour not in train:
            raise UserError(f"{table}: {neighbour} is not a training record; run the study again.")
        print(f"  {rank}. score {score:.6g}, record {neighbour}")
        show_texts(train[neighbour])
    if not row["neighbours"]:
        print("  no neighbour")


def show_texts(record: dict) -> None:
    """Print input and target, wrapped to the terminal."""
    for key in ("input", "target"):
        lead = f"     {key:6}  "
        width = max(40, shutil.get_terminal_size().columns)
        print(
            textwrap.fill(record[key], width, initial_indent=lead, subsequent_indent=" " * len(lead)) or lead.rstrip()
        )


def default_results() -> Path:
    """The results folder of the study that config.yaml in the working directory names."""
    try:
        config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
        return Path("results") / config["study"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        raise UserError("./config.yaml names no study: give its folder, --results results/<study>.") from None


if __name__ == "__main__":
    run_program(main)
