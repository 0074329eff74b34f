"""Two hundred malformed lines per task end in an error with file and line, or in a counted skip."""

import copy
import json
import random
import re

import pytest
from official import GOOD, changed, row
from official import job as official_job
from official import write as write_official
from test_own_tasks import ROWS
from test_own_tasks import job as own_job

from softshot import files
from softshot.data.convert import convert
from softshot.errors import UserError

LINES = 200
DEEP = "[" * 5000 + "]" * 5000
JUNK = [None, True, 0, -1, 1.5, 10**30, "", " \n", "x", "\ud800", "\x00", [], [[]], {}, {"a": 1}, [None], "é" * 3000]
BYTES = [b"", b"{", b"\xff\xfe", b"\xed\xa0\x80", b'{"a": "\\ud800"}', b"NaN", b"\t" * 7, b"null", b"\x00", b'"']
JSON_LISTS = ("dart", "logic2text", "spider")
OWN = {"own.jsonl": ROWS}
TASKS = [*GOOD, "own.jsonl", "own.csv", "own.tsv"]


def spoiled(value, rng):
    """The JSON value with one random place of it replaced, removed or doubled."""
    value = copy.deepcopy(value)
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.2:
        return rng.choice(JUNK)
    key = rng.choice(sorted(value) if isinstance(value, dict) else range(len(value)))
    action = rng.random()
    if action < 0.15:
        del value[key]
    elif action < 0.25 and isinstance(value, list):
        value.append(value[key])
    else:
        value[key] = spoiled(value[key], rng)
    return value


def damaged(line, rng):
    """The bytes of a line cut off, with other bytes inside, or replaced."""
    place = rng.randrange(len(line) + 1)
    return rng.choice([line[:place], line[:place] + rng.choice(BYTES) + line[place:], rng.choice(BYTES), DEEP.encode()])


def spoiled_columns(values, delimiter, rng):
    """A row of a delimited file with a column too many, too few or of junk."""
    values = list(values)
    place = rng.randrange(len(values))
    junk = rng.choice(["", " ", '"', "]", "[IN:A", '"a"b', "\x00", delimiter, "x\ry"])
    values[place : place + rng.choice([0, 1])] = rng.choice([[], [junk], [junk, junk]])
    return delimiter.join(values)


def rows_of(task, rng):
    """Two hundred rows: most of them malformed, as bytes of a line each."""
    rows = []
    for number in range(LINES):
        if task == "mtop":
            good = row(0, str(number))
            rows.append(good.encode())
            if rng.random() < 0.8:
                rows[-1] = spoiled_columns(good.split("\t"), "\t", rng).encode()
        elif task in ("own.csv", "own.tsv"):
            delimiter = "," if task == "own.csv" else "\t"
            rows.append(delimiter.join(["one", "two", "three"]).encode())
            if rng.random() < 0.8:
                rows[-1] = spoiled_columns(["one", "two", "three"], delimiter, rng).encode()
        else:
            good = changed(GOOD["totto"][0], "example_id", number) if task == "totto" else (GOOD | OWN)[task][0]
            rows.append(json.dumps(spoiled(good, rng) if rng.random() < 0.8 else good).encode())
        if task not in JSON_LISTS and rng.random() < 0.3:
            rows[-1] = damaged(rows[-1], rng).replace(b"\n", b"")
        if rows[-1].count(b'"') % 2 and task.startswith("own."):
            rows[-1] = rows[-1].replace(b'"', b"")  # left open it would take in all rows after it
    return rows


def write(folder, task, rows):
    """The task's file with these rows, for JSON lists between brackets."""
    if task.startswith("own"):
        source = folder / task
        header = {"own.csv": [b"title,text,summary"], "own.tsv": [b"title\ttext\tsummary"]}.get(task, [])
        source.write_bytes(b"\n".join([*header, *rows]))
        return source
    source = write_official(folder, task, [])
    source.write_bytes(b"[\n" + b",\n".join(rows) + b"\n]" if task in JSON_LISTS else b"\n".join(rows))
    return source


def attempt(task, source, out, malformed):
    """Convert; the message of a UserError, or None. Any other exception is a failure of the test."""
    job = own_job(malformed=malformed) if task.startswith("own") else official_job(task, malformed=malformed)
    try:
        convert(job, "train", source, out)
    except UserError as error:
        assert list(out.parent.iterdir()) == [] if out.parent.exists() else True
        return str(error)
    return None


@pytest.mark.parametrize("task", TASKS)
def test_malformed_rows_are_counted_skips(tmp_path, capsys, task):
    rng = random.Random(f"rows of {task}")
    source = write(tmp_path, task, rows_of(task, rng))
    out = tmp_path / "out" / "train.jsonl"
    message = attempt(task, source, out, "skip")
    assert message is None
    counts = files.read_json(out.with_suffix(".json"))
    records = files.read_jsonl(out)
    assert len(records) == counts["records"] > 10
    assert counts["skipped"] > 60
    assert counts["records"] + counts["skipped"] <= LINES
    for record in records:
        assert record["input"] and all(record["references"])
        assert not any("\n" in text for text in [record["input"], *record["references"]])
    told = capsys.readouterr().err.splitlines()
    assert all(re.match(rf"skipped: {re.escape(str(source))}, line \d+: .", line) for line in told[:5])
    assert told[5:] == [f"{source}: {counts['skipped']} malformed records skipped"]


@pytest.mark.parametrize("task", TASKS)
def test_each_malformed_row_alone_is_an_error_with_file_and_line(tmp_path, task):
    rng = random.Random(f"each of {task}")
    errors = 0
    for line in rows_of(task, rng):
        source = write(tmp_path, task, [line])
        message = attempt(task, source, tmp_path / "out" / "train.jsonl", "stop")
        if message is not None:
            errors += 1
            assert re.match(rf"{re.escape(str(source))}(, line \d+: .|: holds no record$)", message), message
        for path in tmp_path.glob("out/*"):
            path.unlink()
    assert errors > 60


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("malformed", ["stop", "skip"])
def test_damaged_files_are_errors_with_file_and_line_or_counted_skips(tmp_path, task, malformed):
    rng = random.Random(f"files of {task}")
    goods = [json.dumps(item).encode() for item in (GOOD | OWN).get(task, [])]
    if task == "mtop":
        goods = [item.encode() for item in GOOD["mtop"]]
    elif not goods:
        goods = [b'"o\n ne",two,three', b"1,2,3"]
    whole = write(tmp_path, task, goods).read_bytes()
    out = tmp_path / "out" / "train.jsonl"
    for _ in range(LINES // 2):
        source = write(tmp_path, task, goods)
        source.write_bytes(damaged(whole, rng))
        message = attempt(task, source, out, malformed)
        if message is None:
            assert len(files.read_jsonl(out)) == files.read_json(out.with_suffix(".json"))["records"] > 0
        else:
            assert re.match(rf"{re.escape(str(source))}(, line \d+: .|: holds no record$)", message), message
        for path in tmp_path.glob("out/*"):
            path.unlink()
