"""Spider: the SQL that answers a question about a database.

The official file is a JSON list of {"db_id", "question", "query", ...}; the schemas of all databases are in
`tables.json` beside it. Yu et al. 2018, https://aclanthology.org/D18-1425
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from softshot.data.content import refuse_stranger
from softshot.data.readers import json_list
from softshot.data.text import collapse, get, is_a, shown
from softshot.errors import UserError


def rows(path: Path) -> Iterator[tuple[int, tuple[Any, dict[str, dict]]]]:
    """The file's questions with the line each starts on, and beside every one the schemas of all databases."""
    databases = schemas(path.parent / "tables.json")
    for line, item in json_list(path):
        yield line, (item, databases)


def record(row: tuple[Any, dict[str, dict]]) -> dict:
    """One record per question: the question and the database's schema; the normalised query as the only reference.

    Questions on one database are a group. `meta` keeps the query as the official file has it, which is what evaluators
    are given, and the schema, by which they read it. A query that the official parser refuses is in no subset: a
    training record of the official files names a table that tables.json does not have.
    """
    item, databases = row
    name, question, query = (get(item, key, str) for key in ("db_id", "question", "query"))
    if name not in databases:
        raise ValueError(f"tables.json has no schema of {shown(name)}")
    if not question.strip():
        raise ValueError("`question` is empty")
    schema = databases[name]
    return {
        "input": f"{question} | {name} | {linearise(schema)}",
        "references": [normalise(query)],
        "meta": {"group": name, "db_id": name, "schema": schema, "query": query, "subset": _level(query, schema)},
    }


def _level(query: str, schema: dict) -> str | None:
    """The official level of hardness; None where the official parser refuses the query."""
    from softshot.scoring.spider import hardness  # here, since no other task needs a parser of SQL

    try:
        return hardness(query, schema)
    except ValueError:
        return None


def linearise(schema: dict) -> str:
    """`table : column , column | table : column`: original names in lower case, as the targets have them.

    Values of the cells are not added: they would need the databases, which not everyone has.
    """
    tables = []
    for index, table in enumerate(schema["tables"]):
        columns = [name for owner, name in schema["columns"] if owner == index]
        tables.append(f"{table} : {' , '.join(columns)}")
    return collapse(" | ".join(tables).lower())


def normalise(query: str) -> str:
    """The query as T5 work trains on it; it means the same.

    Outside quotes: lower case; one blank for any white space; one after a comma and none before; no closing semicolon.
    Inside single or double quotes nothing changes, but that white space, as everywhere in a record, is one blank.
    """
    parts = re.findall(r'"[^"]*"|\'[^\']*\'|[^"\']+|.', query, re.DOTALL)
    plain = [part if part[0] in "\"'" and len(part) > 1 else re.sub(r"\s*,\s*", ", ", part.lower()) for part in parts]
    return collapse("".join(plain)).rstrip("; ")


def schemas(path: Path) -> dict[str, dict]:
    """The schemas in `tables.json` by the database's name; a fault in this file is always an error."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; Spider's tables.json must lie beside the file of questions")
    refuse_stranger(path)
    found: dict[str, dict] = {}
    for line, item in json_list(path):
        try:
            name = get(item, "db_id", str)
            if name in found:
                raise ValueError(f"database {shown(name)} stands there twice")
            found[name] = _schema(item)
        except ValueError as fault:
            raise UserError(f"{path}, line {line}: {fault}") from None
    return found


def _schema(item: dict) -> dict:
    """A database's schema in the shape of a record's meta, checked."""
    tables, columns, types = (
        get(item, key, list) for key in ("table_names_original", "column_names_original", "column_types")
    )
    for name in tables:
        if not isinstance(name, str):
            raise ValueError(f"`table_names_original`: not a text: {shown(name)}")
    for column in columns:
        if not (isinstance(column, list) and len(column) == 2 and is_a(column[0], int) and is_a(column[1], str)):
            raise ValueError(f"`column_names_original`: not a table's index and a name: {shown(column)}")
        if not -1 <= column[0] < len(tables):
            raise ValueError(f"`column_names_original`: there is no table {column[0]}")
    if len(types) != len(columns) or not all(isinstance(kind, str) for kind in types):
        raise ValueError("`column_types` does not have one text per column")
    keys = get(item, "primary_keys", list)
    pairs = get(item, "foreign_keys", list)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError("`foreign_keys`: not a list of pairs")
    for key in [*keys, *(key for pair in pairs for key in pair)]:
        if not is_a(key, int) or not 0 <= key < len(columns):
            raise ValueError(f"`primary_keys` or `foreign_keys`: there is no column {shown(key)}")
    return {"tables": tables, "columns": columns, "types": types, "foreign_keys": pairs, "primary_keys": keys}
