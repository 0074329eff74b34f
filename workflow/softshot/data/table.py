"""Tasks of the user's own: records out of the columns of JSONL, CSV, TSV or Parquet files, by templates."""

import difflib
import functools
import math
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from softshot.data.delimited import csv_rows, plain_quotes, tsv_rows
from softshot.data.readers import json_lines
from softshot.data.text import collapse, shown
from softshot.errors import UserError
from softshot.task import TableSettings

BATCH = 1024  # rows of a Parquet file in memory


def rows(path: Path) -> Iterator[tuple[int, Any | ValueError]]:
    """The file's rows as {column: value}, read as a stream; the suffix says the format.

    The number is the line that a row starts on, in a Parquet file the row's own number from 1.
    """
    kind = path.suffix.lower()
    if kind in READERS:
        return READERS[kind](path)
    raise UserError(f"{path}: the files of a task of your own end in .jsonl, .csv, .tsv (or .txt) or .parquet")


def unit(path: Path) -> str:
    """What a row's number counts in this file."""
    return "row" if path.suffix.lower() == ".parquet" else "line"


def remark(path: Path) -> str | None:
    """What whoever gave the file should know of how it was read."""
    line = plain_quotes(path) if path.suffix.lower() in (".tsv", ".txt") else None
    if line is None:
        return None
    return f"{path}: quotation marks are plain characters in this file, by line {line}, which is malformed otherwise"


def converter(settings: TableSettings) -> Callable[[Any], dict]:
    """The function from a row to its record, by the settings' templates."""
    templates = {"input": settings.input, "target": settings.target}
    templates |= {f"references.{number}": text for number, text in enumerate(settings.references)}
    answers = settings.choices if isinstance(settings.choices, list) else [settings.choices or ""]
    templates |= {f"choices.{number}": text for number, text in enumerate(answers) if text}
    parsed = {}
    for key, text in templates.items():
        try:
            parsed[key] = parse(text)
        except ValueError as fault:
            raise UserError(f"{key} of the task's table: {fault}") from None
        constant = key.startswith("choices") and isinstance(settings.choices, list)  # labels are one text in all rows
        if not constant and parsed[key][0][1] is None:
            raise UserError(
                f"{key} of the task's table: {text!r} names no column, so it is the same text in every record; a"
                " column stands in braces: {column}"
            )
    return functools.partial(_record, parsed, settings.id, {"group": settings.group, "domain": settings.domain})


def parse(template: str) -> list[tuple[str, str | None]]:
    """The pieces of a template: a text, and the column after it (None after the last); `{{` and `}}` are braces."""
    pieces, text = [], ""
    for found in re.finditer(r"\{\{|\}\}|\{([^{}]+)\}|[^{}]+|[{}]", template):
        if found[1] is not None:
            pieces.append((text, found[1]))
            text = ""
        elif found[0] in ("{", "}"):
            raise ValueError(f"a `{found[0]}` alone in {template!r}; write {{column}}, or `{found[0] * 2}` for a brace")
        else:
            text += found[0][0] if found[0] in ("{{", "}}") else found[0]
    return [*pieces, (text, None)]


def _record(templates: dict[str, list], id_column: str | None, of_meta: dict[str, str | None], row: Any) -> dict:
    """A row's record. Empty texts among the references are left out; the first that is left is the target.

    Of choices one is right: the losses and the metrics that compare them would count a second one as wrong.
    """
    if not isinstance(row, dict):
        raise ValueError(f"not an object: {shown(row)}")
    target = _texts(templates["target"], row)
    if not target:
        columns = [column for _, column in templates["target"] if column]
        raise ValueError(f"the target is empty (column {', '.join(columns)})")
    others = [text for key, pieces in templates.items() if key.startswith("references") for text in _texts(pieces, row)]
    record = {"input": _fill(templates["input"], row), "references": target + others, "meta": {}}
    choices = [text for key, pieces in templates.items() if key.startswith("choices") for text in _texts(pieces, row)]
    if choices:
        if len({*map(collapse, target + others)}) > 1:
            raise ValueError(f"one of the choices is right, not several: {shown(target + others)}")
        record["choices"] = choices
    if id_column is not None:
        record["id"] = _text(_value(row, id_column), id_column)
    for key, column in of_meta.items():
        if column is not None and (text := collapse(_text(_value(row, column), column))):
            record["meta"][key] = text
    return record


def _texts(pieces: list[tuple[str, str | None]], row: dict) -> list[str]:
    """The texts that a template gives for a row: several where it is one column that holds a list."""
    if [text for text, _ in pieces] == ["", ""]:
        column = pieces[0][1]
        value = _value(row, column)
        found = [_text(part, column) for part in (value if isinstance(value, list) else [value])]
    else:
        found = [_fill(pieces, row)]
    return [text for text in found if text.strip()]


def _fill(pieces: list[tuple[str, str | None]], row: dict) -> str:
    """The template with a row's values in it."""
    return "".join(text if column is None else text + _text(_value(row, column), column) for text, column in pieces)


def _value(row: dict, column: str) -> Any:
    """The value of a column; `a.b` is also the key `b` of the object in column `a`. ValueError names the closest."""
    if column in row:
        return row[column]
    outer, dot, inner = column.partition(".")
    if dot and isinstance(row.get(outer), dict):
        return _value(row[outer], inner)
    close = difflib.get_close_matches(column, list(row), n=1, cutoff=0.5)
    remedy = f"did you mean `{close[0]}`?" if close else f"the columns are {shown(list(row))}"
    raise ValueError(f"no column `{column}`; {remedy}")


def _text(value: Any, column: str) -> str:
    """A value as text: null and not-a-number are empty, true and false as in JSON."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float, Decimal, date, datetime, time)):
        return str(value)
    kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "no text"
    raise ValueError(f"column `{column}` holds {kind}: {shown(value)}")


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a Parquet file, a batch at a time."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            if twice := [name for name in names if names.count(name) > 1]:
                raise UserError(f"{path}: column `{twice[0]}` is there twice")
            for batch in file.iter_batches(BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except FileNotFoundError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}, row {number + 1}: not a whole Parquet file: {error}") from None


READERS = {".jsonl": json_lines, ".csv": csv_rows, ".tsv": tsv_rows, ".txt": tsv_rows, ".parquet": _parquet}
