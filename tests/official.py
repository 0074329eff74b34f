"""Small records of the five official tasks, and files of them in the official formats."""

import copy
import json

from softshot import catalogue
from softshot.data.convert import ConvertJob, read_records

TRIPLE = ["Mars Hill College", "JOINED", "1973"]
ANNOTATION = {"source": "WikiSQL_lily", "text": "Mars Hill College joined in 1973."}
DART = {"tripleset": [TRIPLE], "annotations": [ANNOTATION]}
MTOP = "7\tIN:GET_EVENT\t\tShow me concerts\tevent\ten_XX\t[IN:GET_EVENT [SL:CATEGORY_EVENT concerts ] ]\t{}"
LOGIC = {
    "topic": "eagle riders",
    "logic_str": "eq { count { filter_eq { all_rows ; rank ; g1 } } ; 1 } = true",
    "sent": "there is one\nrider of rank g1 .",
    "table_header": ["rank", "mecha"],
}
QUESTION = {"db_id": "pets", "question": "How many dogs?", "query": 'SELECT  count(*) FROM Pet WHERE Kind  =  "Dog ";'}
SCHEMA = {
    "db_id": "pets",
    "table_names_original": ["Pet", "Owner"],
    "column_names_original": [[-1, "*"], [0, "Pet_ID"], [0, "Kind"], [1, "Pet_ID"], [1, "Home Town"]],
    "column_types": ["text", "number", "text", "number", "text"],
    "foreign_keys": [[3, 1]],
    "primary_keys": [1],
}


def cell(value, is_header=False, rows=1, columns=1):
    return {"value": value, "is_header": is_header, "row_span": rows, "column_span": columns}


TOTTO = {
    # | Year | Result (2 wide) |        "1999" covers two rows, so that "lost" is in the grid's second column
    # | 1999 | won   | twice   |
    # |      | lost  | once    |
    "table": [
        [cell("Year", True), cell("Result", True, columns=2)],
        [cell("1999", True, rows=2), cell("won"), cell("twice ")],
        [cell("lost"), cell("once")],
    ],
    "table_page_title": "A  Club",
    "table_section_title": "Titles",
    "table_section_text": "",
    "highlighted_cells": [[2, 0], [1, 1]],
    "example_id": -5,
    "overlap_subset": False,
    "sentence_annotations": [{"final_sentence": "They lost\nin 1999."}, {"final_sentence": "Lost, 1999."}],
}


def job(task, carve=None, limit=None, seed=0, malformed="stop", leaks="drop"):
    return ConvertJob(
        task=task, table=None, carve=carve or {}, limit=limit, sample_seed=seed, malformed=malformed, leaks=leaks
    )


def write(folder, task, items):
    """A file of the task with these items, in the official format."""
    path = folder / f"{task}.txt"
    if task == "mtop":
        path.write_text("".join(f"{item}\n" for item in items), encoding="utf-8")
    elif task == "totto":
        path.write_text("".join(f"{json.dumps(item)}\n" for item in items), encoding="utf-8")
    else:
        path.write_text("[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]\n", encoding="utf-8")
    if task == "spider":
        (folder / "tables.json").write_text(json.dumps([SCHEMA]), encoding="utf-8")
    return path


def records_of(folder, task, *items, split="train"):
    return list(read_records(task, catalogue.task_entry(task, {}), write(folder, task, items), split))


def changed(item, *path_and_value):
    """A copy of the item with the value at a path of keys replaced."""
    *path, key, value = path_and_value
    item = inner = copy.deepcopy(item)
    for step in path:
        inner = inner[step]
    inner[key] = value
    return item


def without(item, key):
    return {name: value for name, value in item.items() if name != key}


def row(column, value):
    columns = MTOP.split("\t")
    columns[column] = value
    return "\t".join(columns)


GOOD = {
    "totto": [changed(TOTTO, "example_id", 1), changed(TOTTO, "example_id", 2)],
    "dart": [DART, DART],
    "logic2text": [LOGIC, LOGIC],
    "spider": [QUESTION, QUESTION],
    "mtop": [row(0, "first"), MTOP],
}
