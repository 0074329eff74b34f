"""What a task's finished runs did on every record: the statistics that the scoring room stored, and demonstrations."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from softshot.errors import UserError
from softshot.files import read_json


@dataclass(frozen=True)
class Statistics:
    """A metric's statistics of one task's finished runs, all on the same records."""

    task: str
    metric: str
    lower: bool  # is better
    ids: list[str]
    of: dict[str, np.ndarray]  # a run's folder -> [N, K] statistics of the records
    clusters: np.ndarray  # [N] the number of each record's cluster: records of one are drawn together
    unit: str = "records"  # what is resampled: records, or what clusters are


def statistics(folder: Path, task: str, split: str, metric: str, lower: bool, runs: Iterable[str]) -> Statistics | None:
    """A metric's statistics per record of the task's split, of the runs at these places; None where none has any.

    A run that was scored on other records than the first is a UserError: the study changed and was not run again.
    """
    ids: list[str] = []
    of: dict[str, np.ndarray] = {}
    for place in runs:
        path = folder / place / "scores.parquet"
        scored = _read(path, metric)
        if scored is None:  # scored before the study had this metric
            continue
        if of and scored[0] != ids:
            raise UserError(f"{path}: scored on other records than {folder / next(iter(of))}; run the study again.")
        ids, of[place] = scored
    if not of:
        return None
    return Statistics(task, metric, lower, ids, of, *clusters(folder / "data" / task / f"{split}.jsonl", ids))


def clusters(path: Path, ids: list[str]) -> tuple[np.ndarray, str]:
    """The number [N] of each record's cluster, and what clusters are: groups where records say theirs (`meta.group`).

    A record without a group, and every record of a file that is not there, is its own.
    """
    groups = {record["id"]: record.get("meta", {}).get("group") for record in each(path)} if path.is_file() else {}
    names = [f"group {groups[id]}" if groups.get(id) else f"record {id}" for id in ids]
    numbers = np.unique(names, return_inverse=True)[1]
    return numbers, "records" if numbers.max() + 1 == len(ids) else "groups"


def _read(path: Path, metric: str) -> tuple[list[str], np.ndarray] | None:
    """Ids and statistics of one run; None where the file or the metric is not there."""
    try:
        table = pq.ParquetFile(path).read(columns=["id", metric], use_threads=False)
    except FileNotFoundError:
        return None
    except pa.ArrowException as error:
        raise UserError(f"{path} is not a table of scores ({error}): delete it and run again.") from None
    if metric not in table.column_names:
        return None
    rows = table.column(metric).combine_chunks()
    return table.column("id").to_pylist(), rows.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)


def each(path: Path) -> Iterator[dict]:
    """The records of a split, line by line: with its tables a split can be larger than memory."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}, line {number}: not valid JSON: {error}") from None


def counts(folder: Path, task: str) -> list[dict]:
    """Records of every split of a task that is there, and what its conversion counted beside them.

    `dropped` are training records that were left out since another split has their input; `shared` and `same_target`
    records of the split's whole file whose input, or input and target, a training record has (data/leaks.py).
    """
    notes = {path.stem: read_json(path) for path in sorted((folder / "data" / task).glob("*.json"))}
    overlaps = notes.get("train", {}).get("shared", [])
    with_train = {row["split"]: row for row in overlaps if row["of"] == "train"}
    return [
        {"task": task, "split": split, "records": note["records"], "skipped": note["skipped"]}
        | {"dropped": note.get("dropped", 0), "shared": with_train.get(split, {}).get("records", 0)}
        | {"same_target": with_train.get(split, {}).get("same_target", 0)}
        for split, note in notes.items()
    ]
