"""The five official tasks' files to records: pytest tests/unit/test_converters.py"""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from softshot import catalogue, files
from softshot.data import readers, spider, totto
from softshot.data.convert import CONVERTERS, ConvertJob, convert, read_records
from softshot.data.splits import choose, sample
from softshot.errors import UserError

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


def job(task, carve=None, limit=None, seed=0, malformed="stop"):
    return ConvertJob(task=task, table=None, carve=carve or {}, limit=limit, sample_seed=seed, malformed=malformed)


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


# What a record looks like


def test_dart_record(tmp_path):
    other = {"source": "e2e", "text": "In 1973\n Mars Hill  College joined. "}
    item = {"tripleset": [TRIPLE, ["Mars Hill College", "LOCATION", "Mars  Hill"]], "annotations": [ANNOTATION, other]}
    first, second = records_of(tmp_path, "dart", item, DART)
    assert first == {
        "id": "dart-train-00000",
        "input": "Mars Hill College : JOINED : 1973 | Mars Hill College : LOCATION : Mars Hill",
        "target": "Mars Hill College joined in 1973.",
        "references": ["Mars Hill College joined in 1973.", "In 1973 Mars Hill College joined."],
        "meta": {"sources": ["WikiSQL_lily", "e2e"], "triples": 2},
    }
    assert second["id"] == "dart-train-00001"


def test_an_empty_dart_annotation_beside_others_is_left_out_as_in_the_official_test_file(tmp_path):
    item = {"tripleset": [TRIPLE], "annotations": [{"source": "e2e", "text": " "}, ANNOTATION]}
    (record,) = records_of(tmp_path, "dart", item)
    assert record["references"] == [ANNOTATION["text"]]
    assert record["meta"]["sources"] == ["WikiSQL_lily"]


def test_mtop_record_with_line_ends_of_windows_and_a_byte_order_mark(tmp_path):
    source = tmp_path / "train.txt"
    source.write_bytes(f"\ufeff{MTOP}\r\n8\tIN:GET_ALARM\t\tmy  alarms \t\ten_XX\t[IN:GET_ALARM ]\t{{}}\r\n".encode())
    first, second = read_records("mtop", catalogue.task_entry("mtop", {}), source, "train")
    form = "[IN:GET_EVENT [SL:CATEGORY_EVENT concerts ] ]"
    assert first == {
        "id": "mtop-train-7",
        "input": "Show me concerts",
        "target": form,
        "references": [form],
        "meta": {"domain": "event", "intent": "IN:GET_EVENT", "locale": "en_XX"},
    }
    assert second["input"] == "my alarms"


def test_logic2text_record(tmp_path):
    (record,) = records_of(tmp_path, "logic2text", LOGIC, split="validation")
    assert record == {
        "id": "logic2text-validation-00000",
        "input": f"{LOGIC['logic_str']} Caption: eagle riders | rank, mecha",
        "target": "there is one rider of rank g1 .",
        "references": ["there is one rider of rank g1 ."],
        "meta": {"logic": LOGIC["logic_str"]},
    }


def test_spider_record(tmp_path):
    (record,) = records_of(tmp_path, "spider", QUESTION)
    assert record == {
        "id": "spider-train-00000",
        "input": "How many dogs? | pets | pet : pet_id , kind | owner : pet_id , home town",
        "target": 'select count(*) from pet where kind = "Dog "',
        "references": ['select count(*) from pet where kind = "Dog "'],
        "meta": {
            "db_id": "pets",
            "schema": {
                "tables": ["Pet", "Owner"],
                "columns": SCHEMA["column_names_original"],
                "types": SCHEMA["column_types"],
                "foreign_keys": [[3, 1]],
                "primary_keys": [1],
            },
            "query": QUESTION["query"],
            "subset": "easy",
        },
    }


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("SELECT a ,  B,c FROM T ;", "select a, b, c from t"),
        ("SELECT  X\nFROM T AS T1 WHERE Y  >=  3", "select x from t as t1 where y >= 3"),
        ("SELECT X FROM T WHERE Y = 'It ''S' AND Z = \"O'Neil , B;\"", "select x from t where y = 'It ''S' and z = \"O'Neil , B;\""),  # noqa: E501
        ("SELECT X FROM T WHERE Y = 'Never Closed", "select x from t where y = 'never closed"),
    ],
)  # fmt: skip
def test_a_query_is_normalised_outside_its_quotes(query, target):
    assert spider.normalise(query) == target


def test_totto_record(tmp_path):
    (record,) = records_of(tmp_path, "totto", TOTTO, split="validation")
    assert record == {
        "id": "totto-validation--5",
        "input": "<page_title> A Club </page_title> <section_title> Titles </section_title> <table>"
        " <cell> lost <col_header> Result </col_header> <row_header> 1999 </row_header> </cell>"
        " <cell> won <col_header> Result </col_header> <row_header> 1999 </row_header> </cell> </table>",
        "target": "They lost in 1999.",
        "references": ["They lost in 1999.", "Lost, 1999."],
        "meta": {
            "page_title": "A  Club",
            "section_title": "Titles",
            "section_text": "",
            "highlighted": ["lost", "won"],
            "table": ["Year", "Result", "1999", "won", "twice ", "lost", "once"],
            "subset": "non-overlap",
        },
    }
    train = without(TOTTO, "overlap_subset")
    assert records_of(tmp_path, "totto", train)[0]["meta"]["subset"] is None


def test_totto_grid_puts_cells_at_their_true_places():
    table = [
        [cell("a", rows=3), cell("b", columns=2), cell("c", rows=2)],
        [cell("d"), cell("e"), cell("f")],
        [cell("g", columns=0), cell("h", rows=99)],
        [cell("i")],
    ]
    places = {c.value: (c.top, c.bottom, c.left, c.right) for line in totto.grid(table) for c in line}
    assert places == {
        "a": (0, 3, 0, 1),
        "b": (0, 1, 1, 3),
        "c": (0, 2, 3, 4),
        "d": (1, 2, 1, 2),
        "e": (1, 2, 2, 3),
        "f": (1, 2, 4, 5),
        "g": (2, 3, 1, 2),  # a span of none covers one
        "h": (2, 101, 2, 3),
        "i": (3, 4, 0, 1),
    }


# Malformed records and files


@pytest.mark.parametrize(
    ("task", "item", "fault"),
    [
        ("dart", [], "not an object: []"),
        ("dart", without(DART, "tripleset"), "key `tripleset` is missing"),
        ("dart", without(DART, "annotations"), "key `annotations` is missing"),
        ("dart", changed(DART, "tripleset", "a b c"), '`tripleset` is not a list: "a b c"'),
        ("dart", changed(DART, "tripleset", []), "`tripleset` is empty"),
        ("dart", changed(DART, "tripleset", [["", " ", ""]]), "`tripleset` has no text"),
        ("dart", changed(DART, "tripleset", [TRIPLE[:2]]), "triple 1 is not a list of three texts"),
        ("dart", changed(DART, "tripleset", [TRIPLE, ["a", "b", 3]]), "triple 2 is not a list of three texts"),
        ("dart", changed(DART, "annotations", []), "`annotations` is empty"),
        ("dart", changed(DART, "annotations", ["text"]), 'annotation 1: not an object: "text"'),
        ("dart", changed(DART, "annotations", [{"source": "e2e"}]), "annotation 1: key `text` is missing"),
        ("dart", changed(DART, "annotations", [{"text": "x"}]), "annotation 1: key `source` is missing"),
        ("dart", changed(DART, "annotations", 0, "text", "\n"), "every annotation's text is empty"),
        ("dart", changed(DART, "tripleset", 0, 2, "\ud800"), "half of a surrogate pair"),
        ("mtop", "", "1 tab-separated columns, not 8"),
        ("mtop", MTOP.rsplit("\t", 1)[0], "7 tab-separated columns, not 8"),
        ("mtop", f"{MTOP}\tmore", "9 tab-separated columns, not 8"),
        ("mtop", row(0, " "), "the id is empty"),
        ("mtop", row(3, " "), "the utterance is empty"),
        ("mtop", row(6, ""), "the decoupled form is empty"),
        ("mtop", row(6, "[IN:A [SL:B c ]"), "brackets"),
        ("mtop", row(6, "[IN:A b ] ]"), "brackets"),
        ("mtop", row(6, "[IN:A b ]]"), "brackets"),
        ("mtop", row(6, "] [IN:A b"), "brackets"),
        ("mtop", row(6, "[IN:A ] [IN:B ]"), "brackets"),
        ("mtop", row(6, "no form"), "brackets"),
        ("mtop", row(0, "first"), "id first was already used in line 1"),
        ("logic2text", without(LOGIC, "topic"), "key `topic` is missing"),
        ("logic2text", changed(LOGIC, "logic_str", " "), "`logic_str` is empty"),
        ("logic2text", changed(LOGIC, "sent", "\n"), "the target or a further reference is empty"),
        ("logic2text", changed(LOGIC, "table_header", "['rank']"), "`table_header` is not a list"),
        ("logic2text", changed(LOGIC, "table_header", 1, None), "`table_header` holds what is not a text: null"),
        ("spider", changed(QUESTION, "db_id", "zoo"), 'tables.json has no schema of "zoo"'),
        ("spider", changed(QUESTION, "question", ""), "`question` is empty"),
        ("spider", changed(QUESTION, "query", None), "`query` is not a text: null"),
        ("totto", changed(TOTTO, "table", {}), "`table` is not a list: {}"),
        ("totto", changed(TOTTO, "table", 1, 0), "row 2 of `table` is not a list: 0"),
        (
            "totto",
            changed(TOTTO, "table", 1, 1, "x"),
            "cell 2 in row 2 of `table` lacks one of value, is_header, row_span",
        ),
        ("totto", changed(TOTTO, "table", 1, 1, "value", None), "cell 2 in row 2 of `table` lacks"),
        ("totto", changed(TOTTO, "table", 1, 1, "row_span", "1"), "cell 2 in row 2 of `table` lacks"),
        ("totto", changed(TOTTO, "table", 1, 1, "is_header", 1), "cell 2 in row 2 of `table` lacks"),
        ("totto", changed(TOTTO, "highlighted_cells", []), "`highlighted_cells` is empty"),
        ("totto", changed(TOTTO, "highlighted_cells", 0, [2, 2]), "`highlighted_cells`: the table has no cell [2, 2]"),
        ("totto", changed(TOTTO, "highlighted_cells", 0, [-1, 0]), "the table has no cell [-1, 0]"),
        ("totto", changed(TOTTO, "highlighted_cells", 0, [1.0, 0]), "not a row and a column: [1.0, 0]"),
        ("totto", changed(TOTTO, "overlap_subset", "True"), '`overlap_subset` is not true or false: "True"'),
        ("totto", changed(TOTTO, "example_id", "5"), '`example_id` is not a whole number: "5"'),
        ("totto", changed(TOTTO, "example_id", 1), "id 1 was already used in line 1"),
        ("totto", changed(TOTTO, "sentence_annotations", []), "`sentence_annotations` has no final sentence"),
    ],
)
def test_a_malformed_record_is_an_error_with_its_line_or_a_counted_skip(tmp_path, capsys, task, item, fault):
    source = write(tmp_path, task, [*GOOD[task], item])
    line = 3 if task in ("mtop", "totto") else 4  # of a JSON list the first line is the bracket
    out = tmp_path / "out" / "train.jsonl"
    with pytest.raises(UserError) as error:
        convert(job(task), "train", source, out)
    assert f"{source}, line {line}: " in str(error.value)
    assert fault in str(error.value)
    assert not list(tmp_path.glob("out/*"))
    capsys.readouterr()
    convert(job(task, malformed="skip"), "train", source, out)
    assert len(files.read_jsonl(out)) == 2
    assert files.read_json(out.with_suffix(".json"))["skipped"] == 1
    assert capsys.readouterr().err == f"skipped: {error.value}\n{source}: 1 malformed records skipped\n"


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("", 1, "a JSON list of records expected, found the end of the file"),
        ('\n{"a": 1}', 2, "a JSON list of records expected, found '{'"),
        ('[\n{"a": 1}\n{"a": 2}]', 3, "',' or ']' expected, found '{'"),
        ('[\n{"a": 1},\n', 3, "not valid JSON"),
        ('[\n{"a":\n oops}]', 3, "not valid JSON"),
        ('[\n{"a": NaN}]', 2, "not valid JSON: NaN"),
        ("[\n1,\n" + "[" * 100_000, 3, "nested too deeply"),
        ("[\n" + "1" * 5000 + "]", 2, "Exceeds the limit"),
        ("[1]\n\nmore", 3, "the end of the file expected, found 'm'"),
        ("[1\n", 2, "',' or ']' expected, found the end of the file"),
    ],
)
def test_a_file_that_is_no_json_list_is_an_error_with_its_line(tmp_path, text, line, fault):
    source = tmp_path / "dart.json"
    source.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        list(readers.json_list(source))
    assert f"{source}, line {line}: " in str(error.value)
    assert fault in str(error.value)


def test_json_lines_are_read_one_by_one(tmp_path):
    source = tmp_path / "lines.jsonl"
    parts = [b"\xef\xbb\xbf1", b"", b'{"a', b"\xe9", b"NaN", b"[" * 100_000, b"[2]\r", b'"\xe2\x80\xa8"']
    source.write_bytes(b"\n".join(parts))
    found = {line: readers.reason(v) if isinstance(v, ValueError) else v for line, v in readers.json_lines(source)}
    assert found.pop(3).startswith("not valid JSON: Unterminated string")
    assert found == {
        1: 1,
        4: "not UTF-8 text (byte 0xe9)",
        5: "not valid JSON: NaN",
        6: "nested too deeply",
        7: [2],
        8: "\u2028",
    }


@pytest.mark.parametrize("task", CONVERTERS)
def test_bad_bytes_are_an_error_with_their_line(tmp_path, task):
    write(tmp_path, "spider", [])
    source = tmp_path / "file"
    source.write_bytes(b"\n \xe9t\xe9\n")
    out = tmp_path / "out" / "train.jsonl"
    with pytest.raises(UserError, match=r"file, line 2: not UTF-8 text \(byte 0xe9\)|file, line 1: 1 tab-separated"):
        convert(job(task), "train", source, out)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("task", CONVERTERS)
@pytest.mark.parametrize("malformed", ["stop", "skip"])
def test_a_missing_and_an_empty_file_are_errors_that_name_it(tmp_path, task, malformed):
    empty = write(tmp_path, task, [])
    out = tmp_path / "out" / "train.jsonl"
    with pytest.raises(UserError, match="nowhere: cannot be read: No such file"):
        convert(job(task, malformed=malformed), "train", tmp_path / "nowhere", out)
    with pytest.raises(UserError, match=f"{task}.txt: holds no record$"):
        convert(job(task, malformed=malformed), "train", empty, out)
    assert not list(tmp_path.glob("out/*"))


def test_a_file_of_nothing_but_malformed_records_is_an_error_and_the_first_are_told(tmp_path, capsys):
    source = write(tmp_path, "mtop", ["x"] * 9)
    with pytest.raises(UserError, match="holds no record"):
        convert(job("mtop", limit=3, malformed="skip"), "train", source, tmp_path / "out" / "train.jsonl")
    told = capsys.readouterr().err.splitlines()
    assert told == [f"skipped: {source}, line {line}: 1 tab-separated columns, not 8" for line in range(1, 6)]


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        (None, "tables.json: no such file; Spider's tables.json must lie beside the file of questions"),
        ([{}], "line 1: key `db_id` is missing"),
        ([SCHEMA, SCHEMA], 'line 1: database "pets" stands there twice'),
        ([changed(SCHEMA, "table_names_original", 0, 1)], "`table_names_original`: not a text: 1"),
        ([changed(SCHEMA, "column_names_original", 1, ["a"])], "not a table's index and a name"),
        ([changed(SCHEMA, "column_names_original", 1, [2, "a"])], "there is no table 2"),
        ([changed(SCHEMA, "column_types", ["text"])], "`column_types` does not have one text per column"),
        ([changed(SCHEMA, "foreign_keys", [1])], "`foreign_keys`: not a list of pairs"),
        ([changed(SCHEMA, "foreign_keys", [[3, 9]])], "there is no column 9"),
        ([changed(SCHEMA, "primary_keys", ["1"])], 'there is no column "1"'),
    ],
)
def test_a_fault_in_spiders_schemas_is_an_error_also_where_records_are_skipped(tmp_path, tables, fault):
    source = write(tmp_path, "spider", [QUESTION])
    path = tmp_path / "tables.json"
    path.unlink() if tables is None else path.write_text(json.dumps(tables))
    with pytest.raises(UserError) as error:
        convert(job("spider", malformed="skip"), "train", source, tmp_path / "train.jsonl")
    assert str(path) in str(error.value)
    assert fault in str(error.value)


def test_an_unknown_task_is_an_error(tmp_path):
    with pytest.raises(UserError, match="task dort: no converter, and no `table`; known tasks: totto, dart"):
        convert(job("dort"), "train", tmp_path, tmp_path / "train.jsonl")


# Samples and carved splits


def test_a_sample_is_the_same_everywhere_keeps_the_order_and_grows():
    assert sample(10, 4, "0-dart-train") == [0, 3, 7, 8]
    assert sample(10, None, "0-dart-train") == list(range(10))
    assert sample(10, 99, "0-dart-train") == list(range(10))
    assert sample(100, 50, "1-dart-train") != sample(100, 50, "0-dart-train")
    assert set(sample(100, 10, "s")) < set(sample(100, 20, "s"))


def parts(inputs, carve, limit=None, seed=0):
    """The positions of every split that is carved from these inputs, train among them."""
    return {split: choose(iter(inputs), "dart", split, carve, limit, seed) for split in ("train", *carve)}


def test_carved_splits_divide_the_inputs_and_keep_equal_ones_together():
    inputs = [f"Input {number % 500}" if number < 500 else f" input  {number % 500}\n" for number in range(1000)]
    carve = {"held_out": 0.1, "validation": 0.25}
    found = parts(inputs, carve)
    assert sorted(position for part in found.values() for position in part) == list(range(1000))
    assert {split: len(part) for split, part in found.items()} == {"train": 650, "held_out": 100, "validation": 250}
    for part in found.values():
        assert {position % 500 for position in part} == {position - 500 for position in part if position >= 500}
    assert found == parts(inputs, {"validation": 0.25, "held_out": 0.1})
    assert found != parts(inputs, carve, seed=1)
    limited = parts(inputs, carve, limit=20)
    assert all(limited[split] < part and len(limited[split]) == 20 for split, part in found.items())
    shuffled = inputs[::-1]  # membership is the input's, not the position's
    assert {shuffled[position] for position in parts(shuffled, carve)["held_out"]} == {
        inputs[position] for position in found["held_out"]
    }


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_every_carved_split_gets_a_record_where_there_are_enough_inputs(share):
    assert sorted(map(len, parts(["a", "b", "B "], {"held_out": share}).values())) == [1, 2]
    three = parts(["a", "b", "c"], {"held_out": share / 2, "validation": share / 2})
    assert [len(part) for part in three.values()] == [1, 1, 1]


def test_too_few_inputs_to_carve_from_are_an_error(tmp_path):
    source = write(tmp_path, "dart", [DART, DART])
    with pytest.raises(UserError, match="no record for held_out: it has too few different inputs to carve held_out"):
        convert(job("dart", carve={"held_out": 0.5}), "held_out", source, tmp_path / "held_out.jsonl")


def test_carved_and_limited_records_are_those_of_the_whole_file_in_its_order(tmp_path):
    source = write(tmp_path, "dart", [changed(DART, "tripleset", 0, 0, f"subject {n}") for n in range(100)])
    whole, train, held_out = tmp_path / "whole.jsonl", tmp_path / "train.jsonl", tmp_path / "held_out.jsonl"
    carve = {"held_out": 0.2}
    convert(job("dart"), "train", source, whole)
    convert(job("dart", carve=carve, limit=30), "train", source, train)
    convert(job("dart", carve=carve), "held_out", source, held_out)
    everything = files.read_jsonl(whole)
    chosen = {record["id"] for record in files.read_jsonl(train)}
    assert len(chosen) == 30
    assert files.read_jsonl(train) == [record for record in everything if record["id"] in chosen]
    held = [record["id"] for record in files.read_jsonl(held_out)]
    assert len(held) == 20
    assert held == sorted(held)
    assert not {name.replace("held_out", "train") for name in held} & chosen
    convert(job("dart", carve=carve), "test", source, tmp_path / "test.jsonl")  # has a file of its own
    assert len(files.read_jsonl(tmp_path / "test.jsonl")) == 100
    assert files.read_json(tmp_path / "held_out.json") == {
        "task": "dart",
        "split": "held_out",
        "records": 20,
        "skipped": 0,
        "source": "dart.txt",
        "sha256": files.sha256(source),
    }


# The program


def command(task, split, source, out, **settings):
    settings = {
        "task": task,
        "table": None,
        "carve": {},
        "limit": None,
        "sample_seed": 0,
        "malformed": "stop",
    } | settings
    options = ["--settings", json.dumps(settings), "--split", split, "--source", str(source), "--out", str(out)]
    return [sys.executable, "-m", "softshot.data", "convert", *options]


def test_the_program_converts_and_a_fault_is_one_message_without_traceback(tmp_path):
    source, out = tmp_path / "train.txt", tmp_path / "train.jsonl"
    source.write_text(f"{MTOP}\n{row(0, '8')}\n")
    subprocess.run(command("mtop", "train", source, out, limit=1), check=True)
    assert len(files.read_jsonl(out)) == 1
    source.write_text("one column\n")
    failed = subprocess.run(command("mtop", "train", source, out), capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr == f"softshot: {source}, line 1: 1 tab-separated columns, not 8\n"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read the peak memory from")
def test_memory_does_not_grow_with_the_file(tmp_path):
    """Peak memory of converting ToTTo's training file and carving from it: 300 records against 3,000 (30 MB)."""
    big = changed(TOTTO, "table", 1, 1, "value", "v" * 10_000)
    program = "import runpy; runpy.run_module('softshot.data', run_name='__main__', alter_sys=True);"
    program += "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    peaks = []
    for count in (300, 3000):
        source = tmp_path / "totto.jsonl"
        with source.open("w", encoding="utf-8") as file:
            for number in range(count):
                file.write(json.dumps(big | {"example_id": number, "table_page_title": f"Title {number}"}) + "\n")
        arguments = command("totto", "train", source, tmp_path / "train.jsonl", carve={"held_out": 0.01})[3:]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < peaks[0] + 12, f"MiB: {peaks}"


# Real records


SPLITS = [  # task, split, records, different inputs, references
    ("totto", "train", 33, 33, 90),
    ("totto", "validation", 25, 25, 75),
    ("dart", "train", 2000, 1976, 4672),
    ("dart", "validation", 300, 290, 773),
    ("dart", "test", 468, 456, 1535),
    ("logic2text", "train", 700, 700, 700),
    ("logic2text", "validation", 195, 195, 195),
    ("logic2text", "test", 200, 200, 200),
    ("spider", "train", 6923, 6914, 6923),
    ("spider", "validation", 1034, 1034, 1034),
    ("mtop", "train", 15667, 15634, 15667),
    ("mtop", "validation", 2235, 2235, 2235),
    ("mtop", "test", 300, 300, 300),
]
FIRST = {  # id, input and target of the first validation record
    "totto": (
        "totto-validation--102195251449122834",
        "<page_title> Alessandro Andrei </page_title> <section_title> World record </section_title> <table>"
        " <cell> 22.72 <col_header> 3rd </col_header> </cell> <cell> 22.84 <col_header> 4th </col_header> </cell>"
        " <cell> 22.91 <col_header> 5th </col_header> </cell> <cell> 22.74 <col_header> 6th </col_header> </cell>"
        " </table>",
        "In 1987 Alessandro Andrei broke the world record three times in the same competition with successive throws"
        " of 22.72, 22.84 & 22.91 m and finishing the sequence with a throw of 22.74 m.",
    ),
    "dart": (
        "dart-validation-00000",
        "The Cricketers : eatType : coffee shop | The Cricketers : food : Chinese | The Cricketers : customer rating :"
        " 5 out of 5 | The Cricketers : familyFriendly : yes | The Cricketers : near : The Portland Arms",
        "The Cricketers coffee shop near The Portland Arms offers Chinese cuisine. It is family friendly and is rated"
        " a 5 out of 5.",
    ),
    "logic2text": (
        "logic2text-validation-00000",
        "and { only { filter_eq { all_rows ; wheels ; 5 } } ; eq { hop { filter_eq { all_rows ; wheels ; 5 } ; class }"
        " ; 0 - 6 - 0t } } = true Caption: locomotives of the glasgow and south western railway | class, wheels, date,"
        " builder, no built, 1919 nos, lms class, lms nos",
        "the class 0-6-0t was the only one built with 5 wheels among the locomotives of the glasgow and south western"
        " railway .",
    ),
    "spider": (
        "spider-validation-00000",
        "How many singers do we have? | concert_singer | stadium : stadium_id , location , name , capacity , highest ,"
        " lowest , average | singer : singer_id , name , country , song_name , song_release_year , age , is_male"
        " | concert : concert_id , concert_name , theme , stadium_id , year | singer_in_concert : concert_id ,"
        " singer_id",
        "select count(*) from singer",
    ),
    "mtop": (
        "mtop-validation-e0",
        "call Nicholas and Natasha",
        "[IN:CREATE_CALL [SL:CONTACT Nicholas ] [SL:CONTACT Natasha ] ]",
    ),
}


@pytest.mark.parametrize(("task", "split", "count", "inputs", "references"), SPLITS)
def test_real_records(shared_data, task, split, count, inputs, references):
    entry = catalogue.task_entry(task, {})
    records = list(read_records(task, entry, shared_data / task / entry.files[split], split))
    assert len(records) == count
    assert len({record["id"] for record in records}) == count
    assert len({record["input"] for record in records}) == inputs
    assert sum(len(record["references"]) for record in records) == references
    for record in records:
        assert list(record) == ["id", "input", "target", "references", "meta"]
        assert record["id"].startswith(f"{task}-{split}-")
        assert record["target"] == record["references"][0]
        for text in [record["input"], *record["references"]]:
            assert text == " ".join(text.split()) != ""
    if split == "validation":
        assert tuple(records[0][key] for key in ("id", "input", "target")) == FIRST[task]


def test_real_totto_headers_over_merged_cells(shared_data):
    entry = catalogue.task_entry("totto", {})
    path = shared_data / "totto" / entry.files["validation"]
    records = {record["id"]: record for record in read_records("totto", entry, path, "validation")}
    assert records["totto-validation--6148715682412910509"]["input"] == (
        "<page_title> Nashville (2012 TV series) </page_title> <section_title> Ratings </section_title> <table>"
        " <cell> October 10, 2012 <col_header> Premiered </col_header> <col_header> Date </col_header>"
        " <row_header> 1 </row_header> </cell> <cell> 8.93 <col_header> Premiered </col_header>"
        " <col_header> Premiere viewers (in millions) </col_header> <row_header> 1 </row_header> </cell> </table>"
    )
    subsets = [record["meta"]["subset"] for record in records.values()]
    assert (subsets.count("overlap"), subsets.count("non-overlap")) == (16, 9)


def test_real_spider_records_have_the_official_hardness(shared_data):
    entry = catalogue.task_entry("spider", {})
    path = shared_data / "spider" / entry.files["validation"]
    records = list(read_records("spider", entry, path, "validation"))
    subsets = [record["meta"]["subset"] for record in records]
    assert [subsets.count(level) for level in ("easy", "medium", "hard", "extra")] == [248, 446, 174, 166]
    gold = (shared_data / "spider" / "dev_gold.sql").read_text(encoding="utf-8").splitlines()
    assert [f"{record['meta']['query']}\t{record['meta']['db_id']}" for record in records] == gold


def test_the_one_real_query_that_the_official_parser_refuses_is_a_record_in_no_subset(shared_data, tmp_path):
    (tmp_path / "tables.json").write_bytes((shared_data / "spider" / "tables.json").read_bytes())
    source = tmp_path / "train.json"
    query = "SELECT T3.company_type_code FROM Ref_Company_Types AS T3"
    source.write_text(json.dumps([{"db_id": "assets_maintenance", "question": "Which types?", "query": query}]))
    (record,) = read_records("spider", catalogue.task_entry("spider", {}), source, "train")
    assert record["meta"]["subset"] is None
    assert record["target"] == "select t3.company_type_code from ref_company_types as t3"


def test_a_carved_split_of_real_records(shared_data, tmp_path):
    source = shared_data / "mtop" / catalogue.task_entry("mtop", {}).files["train"]
    texts, ids = [], []
    for split in ("train", "held_out"):
        out = tmp_path / f"{split}.jsonl"
        convert(job("mtop", carve={"held_out": 0.05}, limit=1000), split, source, out)
        records = files.read_jsonl(out)
        texts.append({record["input"].casefold() for record in records})
        ids.append([record["id"].rsplit("-", 1)[1] for record in records])
    assert [len(part) for part in ids] == [1000, 783]
    assert not texts[0] & texts[1]
    assert not set(ids[0]) & set(ids[1])
