"""The converters as a program, and what they say of malformed records and files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from official import DART, GOOD, LOGIC, MTOP, QUESTION, SCHEMA, TOTTO, TRIPLE, changed, job, row, without, write

from softshot import files
from softshot.data import readers
from softshot.data.convert import convert
from softshot.errors import UserError

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


@pytest.mark.parametrize("task", GOOD)
def test_bad_bytes_are_an_error_with_their_line(tmp_path, task):
    write(tmp_path, "spider", [])
    source = tmp_path / "file"
    source.write_bytes(b"\n \xe9t\xe9\n")
    out = tmp_path / "out" / "train.jsonl"
    with pytest.raises(UserError, match=r"file, line 2: not UTF-8 text \(byte 0xe9\)|file, line 1: 1 tab-separated"):
        convert(job(task), "train", source, out)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("task", GOOD)
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


# The program


def command(task, split, source, out, **settings):
    settings = {
        "task": task,
        "table": None,
        "carve": {},
        "limit": None,
        "sample_seed": 0,
        "malformed": "stop",
        "leaks": "drop",
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
