"""Scores of any system's output: one prediction a line, in the order of a split's file or of lines of references."""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from softshot import catalogue
from softshot.data.convert import read_records
from softshot.data.readers import lines, reason
from softshot.data.spider import record as spider_record
from softshot.data.spider import schemas
from softshot.data.text import collapse
from softshot.errors import UserError
from softshot.files import write_jsonl
from softshot.scoring import registry, score
from softshot.sections import read
from softshot.settings import DataSettings
from softshot.task import TaskSettings

OFFICIAL = dict.fromkeys(("dev", "valid", "eval"), "validation")  # what the tasks themselves call our splits


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """The options of this use of the program."""
    group.add_argument("--task", help="a task of resources/tasks.yaml, or of --config")
    group.add_argument("--config", type=Path, help="a study's configuration, for the tasks in its `data.own`")
    group.add_argument("--split", help="train, validation (dev, valid, eval) or test; by default the scored one")
    group.add_argument(
        "--references",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="in place of --data: one reference a line, an empty line where this file has none; for Spider its gold"
        " file of lines `SQL<tab>database`, beside --data for the schemas",
    )
    group.add_argument("--metrics", nargs="+", metavar="NAME", help="the main one first; by default the task's")
    group.add_argument("--encoder", type=Path, metavar="DIR", help="the model that bert_score compares tokens with")
    group.add_argument("--per-record", type=Path, metavar="OUT", help="also write every record's own scores (.jsonl)")


def run(args: argparse.Namespace) -> None:
    """Score the predictions and print the scores, as they are in a run's scores.json."""
    task = catalogue.task_entry(args.task, own_tasks(args.config)) if args.task else None
    names = args.metrics or (task.metrics if task else None)
    if not names:
        raise UserError("nothing says what to compute: give --task, or --metrics with --references.")
    for name in names:
        registry.check(name)
    if args.per_record:
        check_writable(args.per_record)
    folder = args.data.parent if args.data and args.data.is_file() else args.data

    predictions = plain_lines(args.predictions)
    source, records = expected(args, task)
    if len(predictions) != len(records):
        raise UserError(
            f"{args.predictions} has {len(predictions)} lines, but {source} has {len(records)} records:"
            " give one prediction a line, in the order of the records, and an empty line where there is none."
        )
    if not records:
        raise UserError(f"{source} has no records: there is nothing to score.")
    predictions = without_databases(args.predictions, predictions, records)
    summary, statistics = score.score_texts(names, records, predictions, folder, args.encoder)
    if args.per_record:
        write_jsonl(args.per_record, per_record(names, records, predictions, statistics))
    print(json.dumps(summary, ensure_ascii=False, indent=2))


def check_writable(path: Path) -> None:
    """A file that cannot be made there is an error now, not after the scoring."""
    try:
        if path.exists() and not path.is_file():
            raise FileExistsError  # a folder, a device or a pipe, in whose place a file would come
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError:
        raise UserError(f"--per-record {path}: no file can be written there; name another place.") from None


def own_tasks(config: Path | None) -> dict[str, TaskSettings]:
    """The tasks in a study's `data.own`."""
    if config is None:
        return {}
    try:
        values = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"--config {config}: cannot be read: {error}") from None
    data = values.get("data") if isinstance(values, dict) else None
    return read(DataSettings, data or {}, f"{config}: data").own


def expected(args: argparse.Namespace, task: TaskSettings | None) -> tuple[Path, list[dict[str, Any]]]:
    """The records that the predictions are about, and the file they come from."""
    if args.references and args.task == "spider":
        if args.data is None or not args.data.is_dir():
            raise UserError("--references for Spider needs --data DIR too: the folder with its tables.json.")
        return args.references[0], spider_references(args.references, args.data)
    if args.references:
        if args.data:
            raise UserError("give --data or --references, not both: each says what the predictions are compared with.")
        for name in args.metrics or task.metrics:
            if name in registry.OF_CHOICES:
                raise UserError(f"{name} reads the choices of the records: give --task and --data in its place.")
            if name in registry.NEEDS:
                raise UserError(
                    f"{name} reads {', '.join(registry.NEEDS[name])} of the records, which --references does not hold:"
                    " give --data with the task's files in its place, or choose other metrics with --metrics."
                )
        return args.references[0], line_records(args.references)
    if task is None:
        raise UserError("nothing to compare with: give --task and --data, or --references.")
    split = OFFICIAL.get(args.split, args.split) or task.evaluation
    if split in task.carve:
        settings = json.dumps({"metrics": args.metrics or task.metrics})
        raise UserError(
            f"--split {split}: {args.task} has no file of it, a study carves it from the training file. Score it"
            f" against the study's records: --settings '{settings}'"
            f" --records results/<study>/data/{args.task}/{split}.jsonl"
            ' --out FOLDER --predictions FILE, where FILE has a line {"id": ..., "prediction": ...} per record.'
        )
    if split not in task.files:
        known = [*task.files, *(name for name in OFFICIAL if "validation" in task.files)]
        raise UserError(f"--split {split}: {args.task} has no file of it; known splits: {', '.join(known)}.")
    if args.data is None and task.table is None:
        raise UserError(f"give --data, the folder that holds {task.files[split]}, or --references.")
    source = args.data if args.data and args.data.is_file() else (args.data or Path()) / task.files[split]
    return source, list(read_records(args.task, task, Path(os.path.expanduser(source)), split))


def line_records(paths: list[Path]) -> list[dict[str, Any]]:
    """A record per line of the files of references, which all have the same number of lines."""
    columns = [[collapse(line) for line in plain_lines(path)] for path in paths]
    for path, column in zip(paths, columns, strict=True):
        if len(column) != len(columns[0]):
            raise UserError(f"{path} has {len(column)} lines, but {paths[0]} has {len(columns[0])}.")
    records = []
    for number, row in enumerate(zip(*columns, strict=True), 1):
        references = [reference for reference in row if reference]
        if not references:
            raise UserError(f"{paths[0]}, line {number}: no reference in this or any other file of --references.")
        records.append({"id": str(number), "target": references[0], "references": references, "meta": {}})
    return records


def spider_references(paths: list[Path], folder: Path) -> list[dict[str, Any]]:
    """A record per line `SQL<tab>database` of Spider's gold file."""
    if len(paths) > 1:
        raise UserError("--references for Spider is one file, of lines `SQL<tab>database`.")
    databases, records = schemas(folder / "tables.json"), []
    for number, line in enumerate(plain_lines(paths[0]), 1):
        query, tab, name = line.rpartition("\t")
        try:
            if not (tab and query.strip()):
                raise ValueError("not `SQL<tab>database`")
            item = {"query": query, "db_id": name.strip(), "question": "-"}  # which nothing here reads
            found = spider_record((item, databases))
        except ValueError as fault:
            raise UserError(f"{paths[0]}, line {number}: {fault}") from None
        records.append(found | {"id": str(number), "target": found["references"][0]})
    return records


def plain_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file without their ends, `\\n` or `\\r\\n`; no other character ends a line."""
    found = []
    for number, line in lines(path):
        if isinstance(line, ValueError):
            raise UserError(f"{path}, line {number}: {reason(line)}; save it as UTF-8.")
        found.append(line.removesuffix("\n").removesuffix("\r"))
    return found


def without_databases(path: Path, predictions: list[str], records: list[dict[str, Any]]) -> list[str]:
    """The predictions, of lines `SQL<tab>database` only the SQL: Spider's own files have them in both roles.

    A line with the database of another record is an error: it is not in the records' order.
    """
    databases = {record["meta"].get("db_id") for record in records} - {None}
    queries = []
    for number, (line, record) in enumerate(zip(predictions, records, strict=True), 1):
        query, tab, name = line.rpartition("\t")
        if not (tab and name.strip() in databases):
            queries.append(line)
            continue
        if name.strip() != record["meta"]["db_id"]:
            raise UserError(
                f"{path}, line {number}: a query for {name.strip()}, where the record is about"
                f" {record['meta']['db_id']}: give one prediction a line, in the order of the records."
            )
        queries.append(query)
    return queries


def per_record(
    names: list[str], records: list[dict[str, Any]], predictions: list[str], statistics: score.Statistics
) -> list[dict[str, Any]]:
    """Every record's id, prediction, subset where it has one, and its scores as if it were the whole corpus."""
    columns: dict[str, Any] = {}
    for name in names:
        columns |= registry.metric_class(name).scores(np.array(statistics[name], dtype=float).T)
    rows = []
    for place, (record, prediction) in enumerate(zip(records, predictions, strict=True)):
        subset = {"subset": record["meta"]["subset"]} if record["meta"].get("subset") else {}
        scores = {name: float(values[place]) for name, values in columns.items() if not np.isnan(values[place])}
        rows.append({"id": record["id"], "prediction": prediction, **subset, "scores": scores})
    return rows
