"""Tasks of the user's own, out of table files: pytest tests/unit/test_own_tasks.py"""

import datetime
import json
import re
import subprocess
import sys
from decimal import Decimal

import pyarrow
import pytest
from pyarrow import parquet

from softshot import files
from softshot.data import table
from softshot.data.convert import ConvertJob, convert, read_records
from softshot.errors import UserError
from softshot.task import TableSettings, TaskSettings

SETTINGS = {"input": "{title}: {text}", "target": "{summary}"}
ROWS = [
    {"title": "One", "text": "a\nb", "summary": "first"},
    {"title": 'Two, "quoted"', "text": "c", "summary": "second  sum\tmary"},
]
EXPECTED = [("One: a b", "first"), ('Two, "quoted": c', "second sum mary")]


def entry(**settings):
    values = {"files": {"train": "train.csv"}, "carve": {"validation": 0.1, "test": 0.1}, "metrics": ["bleu"]}
    return TaskSettings(**values, table=TableSettings(**{**SETTINGS, **settings}))


def records_of(path, **settings):
    return list(read_records("mine", entry(**settings), path, "train"))


def fault_of(path, **settings):
    with pytest.raises(UserError) as error:
        records_of(path, **settings)
    return str(error.value)


def write(path, rows):
    """A table file in the format of its suffix."""
    if path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        quoted = [['"' + value.replace('"', '""') + '"' for value in row.values()] for row in rows]
        if path.suffix == ".tsv":  # a line is a row
            quoted = [[value.replace("\n", " ") for value in row] for row in quoted]
        lines = [list(rows[0]), *quoted]
        path.write_text("".join(("," if path.suffix == ".csv" else "\t").join(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.parquet", "A.CSV"])
def test_records_come_from_columns_by_templates(tmp_path, name):
    path = write(tmp_path / name.lower(), ROWS).rename(tmp_path / name)
    records = records_of(path)
    assert [(record["input"], record["target"]) for record in records] == EXPECTED
    assert [record["id"] for record in records] == ["mine-train-00000", "mine-train-00001"]
    assert records[0]["references"] == ["first"]
    assert records[0]["meta"] == {}


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.parquet"])
def test_ids_of_the_file_are_unique(tmp_path, name):
    rows = [{**row, "key": f"k  {number}"} for number, row in enumerate(ROWS)]
    path = write(tmp_path / name, rows)
    assert [record["id"] for record in records_of(path, id="key")] == ["mine-train-k 0", "mine-train-k 1"]
    places = {"a.jsonl": "line 2: {} line 1", "a.parquet": "row 2: {} row 1", "a.tsv": "line 3: {} line 2"}
    place = places.get(name, "line 4: {} line 2")  # the first row has a line feed in quotes
    write(path, [{**row, "key": "same"} for row in ROWS])
    assert fault_of(path, id="key") == f"{path}, " + place.format("id same was already used in")
    write(path, [{**row, "key": " "} for row in ROWS])
    assert fault_of(path, id="key").endswith("the id is empty")


@pytest.mark.parametrize(
    ("template", "pieces"),
    [
        ("{a}", [("", "a"), ("", None)]),
        ("x {a}{b c} y", [("x ", "a"), ("", "b c"), (" y", None)]),
        ("{{a}} {{{a}}}", [("{a} {", "a"), ("}", None)]),
        ("plain", [("plain", None)]),
    ],
)
def test_a_template_is_texts_and_columns(template, pieces):
    assert table.parse(template) == pieces


@pytest.mark.parametrize("template", ["{a", "a}", "{}", "{a{b}}", "{{a}"])
def test_a_brace_alone_is_an_error_that_names_the_setting(tmp_path, template):
    path = write(tmp_path / "a.jsonl", ROWS)
    for settings in ({"input": template}, {"target": template}, {"references": ["{text}", template]}):
        message = fault_of(path, **settings)
        assert re.match(r"(input|target|references\.1) of the task's table: a `[{}]` alone in ", message)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"input": "text"}, "input"),
        ({"target": "summary"}, "target"),
        ({"target": "{{summary}}"}, "target"),
        ({"references": ["{text}", "summary"]}, "references.1"),
        ({"choices": "options"}, "choices.0"),
    ],
)
def test_a_template_without_a_column_is_an_error_but_for_a_listed_choice(tmp_path, settings, key):
    path = write(tmp_path / "a.jsonl", ROWS)
    assert re.match(rf"{key} of the task's table: .+ names no column.*: {{column}}$", fault_of(path, **settings))
    assert records_of(path, choices=["first", "second sum mary"])[0]["choices"] == ["first", "second sum mary"]


def test_values_that_are_no_text_in_a_template(tmp_path):
    row = {"n": 3, "x": 0.5, "b": True, "null": None, "o": {"p": {"q": "deep"}}, "a.b": "dotted"}
    path = write(tmp_path / "a.jsonl", [row])
    (record,) = records_of(path, input="{n} {x} {b} <{null}> {o.p.q} {a.b}", target="{n}")
    assert record["input"] == "3 0.5 true <> deep dotted"
    assert record["target"] == "3"
    assert fault_of(path, input="{o}", target="{n}").endswith('column `o` holds an object: {"p": {"q": "deep"}}')
    row = {"when": datetime.date(2024, 2, 29), "price": Decimal("1.50"), "none": float("nan"), "o": {"p": 1}}
    path = write(tmp_path / "a.parquet", [row])
    (record,) = records_of(path, input="{when} {price} <{none}> {o.p}", target="{price}")
    assert record["input"] == "2024-02-29 1.50 <> 1"


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_column_that_holds_a_list_gives_several_references(tmp_path, name):
    rows = [{"q": "1", "answers": [" a ", None, "b", ""], "more": ["c"], "last": "d"}]
    path = write(tmp_path / name, rows)
    (record,) = records_of(path, input="{q}", target="{answers}", references=["{more}", "{last}!"])
    assert record["target"] == "a"
    assert record["references"] == ["a", "b", "c", "d!"]
    assert "column `answers` holds a list" in fault_of(path, input="{q}", target="{answers}!")
    assert "column `answers` holds a list" in fault_of(path, input="{answers}", target="{q}")


def test_a_further_reference_may_be_empty_a_target_may_not(tmp_path):
    rows = [{"q": "1", "a": "x", "b": None}, {"q": "2", "a": "y", "b": "z"}]
    path = write(tmp_path / "a.jsonl", rows)
    records = records_of(path, input="{q}", target="{a}", references=["{b}"])
    assert [record["references"] for record in records] == [["x"], ["y", "z"]]
    assert fault_of(path, input="{q}", target="{b}") == f"{path}, line 1: the target is empty (column b)"
    for value in (None, "", " \n", [], [None, " "]):
        write(path, [{"q": "1", "a": value}])
        assert fault_of(path, input="{q}", target="{a}") == f"{path}, line 1: the target is empty (column a)"
    assert fault_of(path, input="{a}", target="{q}").endswith(("the input is empty", 'holds a list: [null, " "]'))


@pytest.mark.parametrize(
    ("name", "place"), [("a.jsonl", "line 1"), ("a.csv", "line 2"), ("a.tsv", "line 2"), ("a.parquet", "row 1")]
)
def test_an_unknown_column_is_an_error_with_the_closest(tmp_path, name, place):
    path = write(tmp_path / name, ROWS)
    assert fault_of(path, input="{titel}") == f"{path}, {place}: no column `titel`; did you mean `title`?"
    columns = '["title", "text", "summary"]'
    assert fault_of(path, target="{xyz.y}") == f"{path}, {place}: no column `xyz.y`; the columns are {columns}"


# CSV and TSV


def test_csv_lines_are_right_after_quoted_line_feeds_and_blank_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbftitle,text,summary\r\n"a\r\nb\r\nc",d,e\r\n\r\n"f\n""g""",h,i\nj,k\n')
    assert fault_of(path) == f"{path}, line 8: 2 fields, the header has 3"
    path.write_bytes(path.read_bytes().removesuffix(b"j,k\n"))
    assert [record["input"] for record in records_of(path)] == ["a b c: d", 'f "g": h']


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"title,text,title\n", "line 1: the header has column `title` twice"),
        (b",,\n", "line 1: the header names no column"),
        (b"\ntitle,text,summary\n", "line 1: the header names no column"),
        (b"title,t\xe9xt,summary\n", "line 1: not UTF-8 text (byte 0xe9)"),
        (b"\xff\xfetitle", "line 1: not UTF-8 text (byte 0xff)"),
        (
            b'title,text,summary\na,"b\nc",d,e\n',
            "line 2: 4 fields, the header has 3 (lines 2 to 3 are one row by their",
        ),
        (b'title,text,summary\na,b,c\nd,"e,f\n', "line 3: unexpected end of data; is a quote left open here?"),
        (b'title,text,summary\na,b,c\nd,"e"e,f\n', "line 3: not valid CSV: ',' expected after '\"'"),
        (b"title,text,summary\na\rb,c,d\n", "line 2: not valid CSV: new-line character seen in unquoted field"),
        (b'title,text,summary\n"a\n\xe9",b,c\n', "line 2: not UTF-8 text (byte 0xe9)"),
        (b"title,text,summary\na,b,c,d\n", "line 2: 4 fields, the header has 3"),
        (b"title,text,summary\na,b,\n", "line 2: the target is empty (column summary)"),
    ],
)
def test_a_malformed_csv_file_is_an_error_with_its_line(tmp_path, text, fault):
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    assert fault_of(path).startswith(f"{path}, {fault}")


def test_a_bad_line_within_quotes_costs_one_record(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_bytes(b'title,text,summary\n"a\n\xe9""\n",b,c\n"d\ne",f,g\n')
    out = tmp_path / "out" / "train.jsonl"
    convert(job(malformed="skip"), "train", path, out)
    assert [record["input"] for record in files.read_jsonl(out)] == ["d e: f"]
    assert files.read_jsonl(out)[0]["id"] == "mine-train-00001"
    assert f"{path}, line 2: not UTF-8 text (byte 0xe9)" in capsys.readouterr().err


def test_a_field_may_be_long(tmp_path):
    path = write(tmp_path / "a.csv", [{**ROWS[0], "text": "w " * 200_000}])
    assert len(records_of(path)[0]["input"]) == len("One: ") + 400_000 - 1


def tsv(path, *lines):
    path.write_text("".join(f"{line}\n" for line in ("title\ttext\tsummary", *lines)))
    return path


def pairs(path):
    return [(record["input"], record["target"]) for record in records_of(path)]


def test_in_a_tsv_file_quotes_stand_around_fields_where_all_lines_can_be_read_so(tmp_path, capsys):
    path = tsv(tmp_path / "a.tsv", '"a\tb"\t"say ""hi"""\ts', 'a "b" c\t"d"\ts', "", '""\t"e, f"\ts')
    assert pairs(path) == [('a b: say "hi"', "s"), ('a "b" c: d', "s"), (": e, f", "s")]
    convert(job(), "test", path, tmp_path / "test.jsonl")
    assert capsys.readouterr().err == ""


def test_in_a_tsv_file_without_quoting_quotes_are_plain_and_every_line_is_a_row(tmp_path, capsys):
    lines = ["good one\tx\tpos", '"an open quote\tx\tneg', 'third text"\tx\tneg', '"Hello," she said.\t"x"\tpos']
    path = tsv(tmp_path / "a.tsv", *lines)
    assert pairs(path) == [
        ("good one: x", "pos"),
        ('"an open quote: x', "neg"),
        ('third text": x', "neg"),
        ('"Hello," she said.: "x"', "pos"),
    ]
    convert(job(), "test", path, tmp_path / "test.jsonl")
    remark = f"{path}: quotation marks are plain characters in this file, by line 3, which is malformed otherwise"
    assert capsys.readouterr().err == f"{remark}\n"
    assert files.read_json(tmp_path / "test.json")["remark"] == remark


@pytest.mark.parametrize("other", ['"c', 'c"d"\t', '"c"d\tx'])
def test_a_skip_counts_every_line_that_cannot_be_read(tmp_path, other):
    """Lines that are malformed under both readings swallow no others."""
    path = tsv(tmp_path / "a.tsv", '"a\tb"\tx\ty', other, other, "e\tf\tg")
    convert(job(malformed="skip"), "test", path, tmp_path / "test.jsonl")
    assert [record["input"] for record in files.read_jsonl(tmp_path / "test.jsonl")] == ["a b: x", "e: f"]
    assert files.read_json(tmp_path / "test.json")["skipped"] == 2
    assert fault_of(path).startswith(f"{path}, line 3: ")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_column_without_a_name_is_left_out_as_the_index_of_a_saved_table(tmp_path, name):
    path, mark = tmp_path / name, "," if name == "a.csv" else "\t"
    path.write_text(
        "".join(mark.join(line) + "\n" for line in (["", "title", "text", "summary"], ["0", "a", "b", "c"]))
    )
    assert pairs(path) == [("a: b", "c")]
    assert fault_of(path, input="{0}").endswith('the columns are ["title", "text", "summary"]')


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("marks", [0, 1, 2])
def test_line_ends_of_every_system_and_byte_order_marks(tmp_path, name, end, marks):
    """A mark stands before every line, as where files that had one each were put together."""
    rows = [{"title": "a", "text": f"b{number}", "summary": "c"} for number in range(3)]
    lines = write(tmp_path / name, rows).read_text().splitlines()
    (tmp_path / name).write_bytes("".join("\ufeff" * marks + line + end for line in lines).encode())
    assert pairs(tmp_path / name) == [(f"a: b{number}", "c") for number in range(3)]
    (tmp_path / name).write_bytes(end.join([*lines, "x"]).encode())
    assert fault_of(tmp_path / name).startswith(f"{tmp_path / name}, line {len(lines) + 1}: ")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_an_error_that_says_so(tmp_path, name, encoding):
    text = ("\ufeff" if encoding == "utf-16-be" else "") + "title,text,summary\n"
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert fault_of(tmp_path / name).endswith("UTF-16 text, by its byte order mark: save it as UTF-8.")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_a_pointer_or_a_page_in_a_files_place_is_named(tmp_path, name):
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert "is a Git LFS pointer" in fault_of(tmp_path / name) and "`git lfs pull`" in fault_of(tmp_path / name)
    (tmp_path / name).write_text("\n<html><title>Sign in</title></html>")
    assert "is a web page (Sign in), not the file: download" in fault_of(tmp_path / name)


def test_the_column_of_groups(tmp_path):
    rows = [row | {"page": page} for row, page in zip([*ROWS, ROWS[0]], (" p  1", "", 7), strict=True)]
    path = write(tmp_path / "a.jsonl", rows)
    assert [record["meta"] for record in records_of(path, group="page")] == [{"group": "p 1"}, {}, {"group": "7"}]
    assert "no column `pag`" in fault_of(path, group="pag")


# Other files


def test_a_file_that_is_no_table_is_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    for data in (b"", b"PAR1", b"PAR1" * 100):
        path.write_bytes(data)
        assert fault_of(path).startswith(f"{path}, row 1: not a whole Parquet file: ")
    rows = [{"title": "x" * 99, "text": str(number), "summary": "s"} for number in range(5000)]
    whole = write(path, rows).read_bytes()
    path.write_bytes(whole[:100] + bytes(len(whole) // 2 - 100) + whole[len(whole) // 2 :])
    assert fault_of(path).startswith(f"{path}, row ")
    assert "end in .jsonl, .csv, .tsv (or .txt) or .parquet" in fault_of(tmp_path / "a.xlsx")
    for suffix in ("jsonl", "csv", "tsv", "parquet"):
        message = fault_of(tmp_path / f"no.{suffix}")
        assert message.startswith(f"{tmp_path}/no.{suffix}: cannot be read: ")
        assert "No such file" in message
    (tmp_path / "b.jsonl").write_text('"title"\n')
    assert fault_of(tmp_path / "b.jsonl") == f'{tmp_path}/b.jsonl, line 1: not an object: "title"'


def job(**settings):
    """A job on the table of SETTINGS; `table` changes keys of it."""
    table = TableSettings(**SETTINGS | settings.pop("table", {}))
    values = {"task": "mine", "carve": {}, "limit": None, "sample_seed": 0, "malformed": "stop", "leaks": "drop"}
    return ConvertJob(table=table, **values | settings)


def test_splits_are_carved_from_one_file(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"title": str(n), "text": "t", "summary": "s"} for n in range(200)])
    inputs = []
    for split in ("train", "validation", "test"):
        out = tmp_path / f"{split}.jsonl"
        convert(job(carve={"validation": 0.1, "test": 0.2}), split, path, out)
        inputs.append({record["input"] for record in files.read_jsonl(out)})
    assert [len(part) for part in inputs] == [140, 20, 40]
    assert len(set.union(*inputs)) == 200


def test_the_program_reads_a_table(tmp_path):
    path, out = write(tmp_path / "a.csv", ROWS), tmp_path / "train.jsonl"
    settings = {"task": "mine", "table": SETTINGS, "carve": {}, "limit": None, "sample_seed": 0}
    settings |= {"malformed": "stop", "leaks": "drop"}
    command = [sys.executable, "-m", "softshot.data", "convert", "--settings", json.dumps(settings)]
    subprocess.run([*command, "--split", "train", "--source", str(path), "--out", str(out)], check=True)
    assert [(record["input"], record["target"]) for record in files.read_jsonl(out)] == EXPECTED
