"""A task's files to records: {"id", "input", "target", "references", "choices"?, "meta"}, one JSON object a line.

A converter is a reader, which gives the file's rows, and a function from a row to {"input", "references", "meta"},
with an "id" where the file has ids of its own, and with "choices" where the output is chosen among them. What is the
same for all tasks is done here: ids, white space, faults, and what a split keeps.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from softshot import code, files
from softshot.data import leaks, readers, registry, splits, table
from softshot.data.content import refuse_stranger
from softshot.data.registry import CONVERTERS, grouped
from softshot.data.text import collapse, shown
from softshot.errors import UserError
from softshot.sections import Section
from softshot.settings import Positive
from softshot.task import Name, Share, TableSettings, TaskSettings

UNSCORED = ("train", "held_out")  # every tuning job reads these: they go without what only scoring needs
TOLD = 5  # malformed records that are named where they are skipped


class ConvertJob(Section):
    """The records of one split: how its file is read, and which of its records are kept."""

    task: Name
    table: TableSettings | None
    carve: dict[Literal["validation", "test", "held_out"], Share]
    limit: Positive | None
    sample_seed: int
    malformed: Literal["stop", "skip"]
    leaks: Literal["drop", "keep"]


class Skips:
    """Counts the malformed records that are skipped, and tells the first few on stderr."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, fault: str) -> None:
        self.count += 1
        if self.count <= TOLD:
            print(f"skipped: {fault}", file=sys.stderr)


def convert(
    job: ConvertJob,
    split: str,
    source: Path,
    out: Path,
    download: dict | None = None,
    against: dict[str, Path] | None = None,
) -> None:
    """Write the split's records to `out`, and how many there are and were skipped to the `.json` beside it.

    `source` is the split's file; for a split that is carved, the training file. It is read as a stream, and twice
    where not all of its records may be kept. `download` says where it came from. `against` are the files of the other
    splits, which training records are held against. A malformed record is an error with its file and line, or with
    `malformed: skip` is counted and left out.
    """
    skips = Skips() if job.malformed == "skip" else None
    chosen, notes = _selected(job, split, source, against or {})
    rows = enumerate(records(job.task, job.table, source, split, skips))
    kept = (record for position, record in rows if chosen is None or position in chosen)
    if split in UNSCORED:
        groups = {"group", *(way.field for way in registry.groupings(job.task, job.table).values())}
        kept = (record | {"meta": _only(record["meta"], groups)} for record in kept)
    written = files.write_jsonl(out, _some(kept, f"{source}: holds no record"))
    skipped = skips.count if skips else 0
    if skipped:
        print(f"{source}: {skipped} malformed records skipped", file=sys.stderr)
    if remark := table.remark(source) if job.table else None:
        print(remark, file=sys.stderr)
        notes["remark"] = remark
    counts = {"task": job.task, "split": split, "records": written, "skipped": skipped}
    counts |= {"source": source.name, "sha256": files.sha256(source), "download": download}
    counts |= {"settings": job.model_dump(), "code": code.conversion(job.task, job.table is not None, split), **notes}
    files.write_json(out.with_suffix(".json"), counts | {"checksums": files.checksums(out)})


def _selected(
    job: ConvertJob, split: str, source: Path, against: dict[str, Path]
) -> tuple[set[int] | None, dict[str, Any]]:
    """Positions of the records in the file that the split keeps, None for all; for train also what the counts say."""
    carve = job.carve if split == "train" or split in job.carve else {}
    if not (carve or job.limit or split == "train"):
        return None, {}
    skip = None if job.malformed == "stop" else _quiet  # told when the file is read again
    marks = splits.marks(records(job.task, job.table, source, split, skip), job.task, job.sample_seed)
    parts = splits.parts(marks.keys, carve)
    positions, notes = parts[split if carve else "train"], {}
    if carve and not positions:
        what = "groups" if grouped(job.task, job.table) else "inputs"
        carved = ", ".join(sorted(carve))
        raise UserError(
            f"{source}: holds no record for {split}: it has too few different {what} to carve {carved} from"
        )
    if split == "train":
        positions, notes = _cleaned(job, source, marks, parts, against)
    kept = splits.sample(len(positions), job.limit, f"{job.sample_seed}-{job.task}-{split}")
    return {positions[index] for index in kept}, notes


def _cleaned(
    job: ConvertJob, source: Path, marks: splits.Marks, parts: dict[str, list[int]], against: dict[str, Path]
) -> tuple[list[int], dict[str, Any]]:
    """Positions of the training records that no other split shares, and what is shared; `leaks: keep` keeps them."""
    positions = parts["train"]
    others = {name: marks.at(part) for name, part in parts.items() if name != "train"}
    for name, path in against.items():  # whose own conversion says what is malformed in it
        others[name] = splits.marks(records(job.task, job.table, path, name, _quiet), job.task, job.sample_seed)
    shared = leaks.shared({"train": marks.at(positions)} | others)
    kept = positions if job.leaks == "keep" else leaks.clean(marks, positions, [*others.values()])
    if positions and not kept:
        names = ", ".join(row["split"] for row in shared if row["of"] == "train")
        raise UserError(
            f"{source}: every training record has an input that is in {names} too, and would be left out: give splits"
            " that do not share records, or `data: {leaks: keep}` in config.yaml."
        )
    sources = {name: {"source": path.name, "sha256": files.sha256(path)} for name, path in against.items()}
    return kept, {"shared": shared, "dropped": len(positions) - len(kept), "against": sources}


def _quiet(fault: str) -> None:
    """Passes over a malformed record."""


def _only(meta: dict, groups: set[str]) -> dict:
    """Of a record's meta what names its groups, for jobs that look for demonstrations or hold some groups out."""
    return {key: value for key, value in meta.items() if key in groups}


def read_records(task: str, entry: TaskSettings, path: Path, split: str) -> Iterator[dict]:
    """All records of a split's file, in its order; a malformed one is a UserError with file and line."""
    return records(task, entry.table, path, split, None)


def records(
    task: str, settings: TableSettings | None, path: Path, split: str, skip: Callable[[str], None] | None
) -> Iterator[dict]:
    """The records of a file. A malformed one is given to `skip` as a message and left out; without, it is an error.

    The id is `<task>-<split>-` and the file's own id, or the position in the file, which skipping does not change.
    """
    reader, converter = _converter(task, settings, split)
    refuse_stranger(path)
    unit, chosen = table.unit(path) if settings else "line", registry.choices(task, settings)
    first_line: dict[str, int] = {}
    for position, (line, row) in enumerate(reader(path)):
        try:
            if isinstance(row, ValueError):
                raise row
            record = converter(row)
            name = collapse(record["id"]) if "id" in record else f"{position:05d}"
            finished = _finished(f"{task}-{split}-{name}", record)
            if chosen and "choices" not in finished:
                raise ValueError("there are no choices")
            if "id" in record:
                if not name:
                    raise ValueError("the id is empty")
                if name in first_line:
                    raise ValueError(f"id {name} was already used in {unit} {first_line[name]}")
                first_line[name] = line
        except (ValueError, RecursionError) as error:
            fault = f"{path}, {unit} {line}: {readers.reason(error)}"
            if skip is None:
                raise UserError(fault) from None
            skip(fault)
        else:
            yield finished


def _converter(task: str, settings: TableSettings | None, split: str) -> tuple[Callable, Callable[[Any], dict]]:
    """The reader of a task's files, and the function from a row to a record."""
    if settings is not None:
        return table.rows, table.converter(settings)
    if task not in CONVERTERS:
        raise UserError(f"task {task}: no converter, and no `table`; known tasks: {', '.join(CONVERTERS)}")
    module, name = import_module(f"softshot.data.{registry.module(task)}"), CONVERTERS[task].reader
    reader = getattr(module, name, None) or getattr(readers, name)
    return partial(reader, split=split) if CONVERTERS[task].by_split else reader, module.record


def _finished(name: str, record: dict) -> dict:
    """The whole record, its texts with single blanks for all white space; ValueError where a text is missing."""
    references = [collapse(text) for text in record["references"]]
    finished = {
        "id": name,
        "input": collapse(record["input"]),
        "target": references[0],
        "references": references,
        "meta": record["meta"],
    }
    if "choices" in record:
        finished["choices"] = _answers(record["choices"], references)
    if not finished["input"]:
        raise ValueError("the input is empty")
    if not all(references):
        raise ValueError("the target or a further reference is empty")
    json.dumps(finished, ensure_ascii=False).encode()  # half a surrogate pair is a ValueError
    return finished


def _answers(texts: list[str], references: list[str]) -> list[str]:
    """The answers among which the output is chosen; ValueError where they are not all different, or it is not there."""
    answers = [collapse(text) for text in texts]
    if not all(answers):
        raise ValueError("one of the choices is empty")
    if twice := [text for text in answers if answers.count(text) > 1]:
        raise ValueError(f"the choice {shown(twice[0])} is there twice")
    if len(answers) < 2:
        raise ValueError(f"there is one choice only, {shown(answers[0])}")
    if others := [text for text in references if text not in answers]:
        raise ValueError(f"the target {shown(others[0])} is none of the choices: {shown(answers)}")
    return answers


def _some(kept: Iterable[dict], otherwise: str) -> Iterator[dict]:
    """The records, at least one; so that an empty split ends in an error before its file is there."""
    count = 0
    for record in kept:
        count += 1
        yield record
    if not count:
        raise UserError(otherwise)
