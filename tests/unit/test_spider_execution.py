"""Execution accuracy: the verdicts of the test-suite evaluator, and predictions that would do harm.

python -m pytest tests/unit/test_spider_execution.py
"""

import os
import resource
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from softshot.errors import UserError
from softshot.scoring import score
from softshot.scoring.spider import ExecutionAccuracy, execution
from softshot.scoring.spider.execution import prepared
from softshot.scoring.spider.worker import ADDRESS_SPACE

LIMIT = 1.0  # seconds a query in these tests
NUMBERS = "with recursive n(i) as (select 1 union all select i + 1 from n)"
ENDLESS = f"{NUMBERS} select count(*) from n"


def make_database(folder: Path, db_id: str, file: str, names: list) -> Path:
    path = folder / "database" / db_id / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("create table singer (id integer, name text, age integer)")
        rows = [(number, name, 20 + number % 3) for number, name in enumerate(names)]
        connection.executemany("insert into singer values (?, ?, ?)", rows)
    connection.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("spider")
    make_database(root, "music", "music.sqlite", ["Ann", "Bob", "Cy", "Bob"])
    make_database(root, "two", "two.sqlite", ["Ann", "Ann"])
    make_database(root, "two", "two_v1.sqlite", ["Ann", "Bob"])
    return root


@pytest.fixture(scope="module")
def metric(folder) -> ExecutionAccuracy:
    return ExecutionAccuracy(folder, seconds=LIMIT)


def statistics(metric: ExecutionAccuracy, prediction: str, gold: str, db_id: str = "music") -> list[float]:
    """[1 if right, 1 if it counts]"""
    return metric.statistics(prediction, {"meta": {"query": gold, "db_id": db_id}})[:2]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_development_set_against_itself(real_data):
    """Two of the 20 databases are there; the questions on the others do not count."""
    metric = ExecutionAccuracy(real_data / "spider")
    gold = (real_data / "metrics/spider/gold_example.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in gold]
    before = {path: path.stat().st_mtime_ns for path in (real_data / "spider").rglob("*")}
    results = [statistics(metric, query, query, db_id) for query, db_id in rows]
    summed = [sum(column) for column in zip(*results, strict=True)]
    assert summed == [87, 87]
    assert metric.scores([*summed, 0, 0, 0])["execution_accuracy"] == 100
    assert metric.note([*summed, 0, 0, 0], len(rows)).startswith("947 of 1034 records do not count")
    checked = {db_id for (_, db_id), (_, counted) in zip(rows, results, strict=True) if counted}
    assert checked == {"concert_singer", "pets_1"}
    assert {path: path.stat().st_mtime_ns for path in (real_data / "spider").rglob("*")} == before


def test_many_endless_queries_take_a_limited_time_together(folder, monkeypatch):
    monkeypatch.setattr(execution, "SECONDS_EACH", 0.2)
    metric = ExecutionAccuracy(folder, seconds=1.0, slow=1.5)
    took = []
    for number in range(8):
        began = time.monotonic()
        assert statistics(metric, f"{ENDLESS} where i > {number}", "select name from singer") == [0.0, 1.0]
        took.append(time.monotonic() - began)
    assert took[0] > 0.9 and max(took[3:]) < 0.9, took
    assert statistics(metric, "select name from singer", "select name from singer") == [1.0, 1.0]
    assert "seconds:1.0,slow:1.5" in metric.signature


@pytest.mark.parametrize(
    ("prediction", "gold", "right"),
    [
        ("SELECT age , name FROM singer", "SELECT name, age FROM singer", True),
        ("select name from singer order by id desc", "select name from singer", True),
        ("select name from singer order by id desc", "select name from singer order by id", False),
        ("select name from singer order by id desc", "select name from singer order  by id", True),  # two blanks
        ("select name from singer", "select distinct name from singer", True),
        ("select count(distinct name) from singer", "select count(name) from singer", True),
        ("select name from singer group by name", "select name from singer", False),  # bags, not sets
        ("select name from singer where age > = 21", "select name from singer where age >= 21", True),
        ("select name from singer where age ! = 21", "select name from singer where age <> 21", True),
        ("select count(*) + 0.0 from singer", "select count(*) from singer", True),  # 4.0 == 4
        ("select '4' from singer limit 1", "select count(*) from singer", False),
        ("select name, age from singer where 0", "select name from singer where 0", True),  # no rows have no columns
        ("select name, age from singer", "select name from singer", False),
        ("select name from singer limit 3", "select name from singer", False),
        ("select name from singer union all select name from singer", "select name from singer", False),
        ("select name from singers", "select name from singer", False),
        ("select name from", "select name from singer", False),
        ("select name from singer; select 1", "select name from singer", True),  # the first statement is what counts
        ("select name -- distinct ; \n from singer /* ; */", "select name from singer", True),
        ("select year(curdate()) - 2000", "select 20", True),
        ("values (20)", "select 20", True),
        ("", "select name from singer where 0", False),
        ("-- nothing", "select name from singer where 0", False),
        (";", "select name from singer where 0", False),
    ],
)
def test_verdicts(metric, prediction, gold, right):
    assert statistics(metric, prediction, gold) == [float(right), 1.0]


def test_prepared():
    assert prepared("SELECT DISTINCT a , count( distinct b) FROM t") == "SELECT  a , count(  b) FROM t"
    assert prepared("""select 'distinct ;', "it''s; distinct"; 1""") == """select 'distinct ;', "it''s; distinct\""""
    assert prepared("select a_distinct, `distinct` from [distinct]") == "select a_distinct, `distinct` from [distinct]"
    assert prepared("select Year( CURDATE() ) - 1") == "select 2020- 1"
    assert prepared("'unclosed ; distinct") == "'unclosed ; distinct"


def test_a_test_suite_is_all_databases_of_the_id_beside_its_own(metric):
    query = "select name from singer where name = 'Ann' or id = 1"
    pairs = [
        ("select name from singer", query, "music", [0, 1, 0, 0, 0]),  # one database is no suite
        ("select name from singer", query, "two", [1, 1, 1, 1, 2]),
        ("select 'Ann' from singer", "select name from singer", "two", [1, 1, 0, 1, 2]),  # right on its own one only
        ("select 'Bob' from singer", "select name from singer", "two", [0, 1, 0, 1, 2]),
        ("select 1", "select broken", "two", [0, 0, 0, 0, 0]),
    ]
    rows = [metric.statistics(text, {"meta": {"query": gold, "db_id": name}}) for text, gold, name, _ in pairs]
    assert rows == [expected for *_, expected in pairs]
    summed = score.total(rows)
    assert metric.scores(summed) == {"execution_accuracy": 50, "test_suite_accuracy": pytest.approx(100 / 3)}
    assert metric.note(summed, 5).endswith("; test_suite_accuracy: 3 of 5 records, 2.0 databases each")


def test_without_a_suite_no_score_is_called_so(metric):
    assert score.scores([metric], {metric.name: [1.0, 2.0, 0.0, 0.0, 0.0]}) == {"execution_accuracy": 50}


def test_records_that_cannot_be_checked_do_not_count(metric, folder):
    assert statistics(metric, "select 1", "select 1", "absent") == [0, 0]
    assert statistics(metric, "select 1", "select 1", "../database/music") == [0, 0]
    assert statistics(ExecutionAccuracy(None), "select 1", "select 1") == [0, 0]
    assert statistics(metric, "select 1", "select broken from singer") == [0, 0]
    assert statistics(metric, "select 1", ENDLESS) == [0, 0]
    assert statistics(metric, "select 1", "select 1") == [1, 1]
    assert score.scores([metric], {metric.name: [0.0] * 5}) == {}
    assert metric.note([1, 2, 0, 0, 0], 2) is None
    assert "1 of 3 records do not count" in metric.note([1, 2, 0, 0, 0], 3)


def test_text_that_is_not_utf8(tmp_path):
    """The bytes in question are left out on both sides, as officially."""
    path = make_database(tmp_path, "music", "music.sqlite", ["Ann"])
    with sqlite3.connect(path) as connection:
        connection.execute("update singer set name = cast(x'416eff6e' as text)")
    connection.close()
    assert statistics(ExecutionAccuracy(tmp_path), "select 'Ann'", "select name from singer") == [1, 1]


@pytest.mark.parametrize(
    "prediction",
    [
        "ATTACH DATABASE '{folder}/new.sqlite' AS new",
        "ATTACH '{folder}/database/two/two.sqlite' AS two",
        "DETACH main",
        "PRAGMA writable_schema = on",
        "PRAGMA journal_mode = wal",
        "PRAGMA table_info(singer)",
        "select name from pragma_table_info('singer')",
        "select * from pragma_database_list",
        "INSERT INTO singer VALUES (9, 'Eve', 1)",
        "UPDATE singer SET name = 'x'",
        "DELETE FROM singer",
        "DELETE FROM singer RETURNING name",
        "with x as (select 1) delete from singer",
        "REPLACE INTO singer VALUES (9, 'Eve', 1)",
        "DROP TABLE singer",
        "ALTER TABLE singer RENAME TO x",
        "CREATE TABLE x (a)",
        "CREATE TABLE x AS SELECT name FROM singer",
        "CREATE TEMP TABLE x AS SELECT name FROM singer",
        "CREATE TEMP VIEW x AS SELECT name FROM singer",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "CREATE TRIGGER t AFTER INSERT ON singer BEGIN SELECT 1; END",
        "CREATE INDEX i ON singer (name)",
        "VACUUM",
        "VACUUM INTO '{folder}/copy.sqlite'",
        "REINDEX",
        "ANALYZE",
        "BEGIN EXCLUSIVE",
        "SAVEPOINT a",
        "COMMIT",
        "select load_extension('{folder}/x.so')",
        "select LOAD_EXTENSION('libc.so.6')",
        "select fts3_tokenizer('simple')",
        "select fts3_tokenizer('simple', x'4141414141414141')",
        "select readfile('/etc/passwd')",
        "select writefile('{folder}/written', 'x')",
        "select edit('x', 'touch {folder}/edited')",
        "select name from singer where name = \x00",
        "select '\ud800'",
        ".read {folder}/x.sql",
        ".shell touch {folder}/shell",
        "\\! touch {folder}/shell",
        "select ?",
        "select :name",
    ],
)
def test_nothing_but_reading(metric, folder, prediction):
    before = contents(folder)
    assert statistics(metric, prediction.replace("{folder}", str(folder)), "select name from singer where 0") == [0, 1]
    assert contents(folder) == before
    assert statistics(metric, "select name from singer", "select name from singer") == [1, 1]


def test_what_follows_the_first_statement_is_not_run(metric, folder):
    before = contents(folder)
    assert statistics(metric, "select name from singer; drop table singer", "select name from singer") == [1, 1]
    assert statistics(metric, "select name from singer /* ' */; drop table singer --'", "select 1") == [0, 1]
    assert contents(folder) == before


@pytest.mark.parametrize(
    "prediction",
    [
        ENDLESS,
        f"{NUMBERS} select i from n order by i",
        "select count(*) from " + ", ".join(f"singer s{i}" for i in range(40)),
        "select name from singer where name like '%" + "a%" * 400 + "' or (" + ENDLESS + ") = 0",
        f"select max(hex(randomblob(100000 + i))) from ({NUMBERS} select i from n)",
        "select sum(length(randomblob(1000000))) from " + ", ".join(f"singer s{i}" for i in range(20)),
    ],
)
def test_endless_queries_are_ended(metric, prediction):
    started = time.monotonic()
    assert statistics(metric, prediction, "select name from singer") == [0, 1]
    assert time.monotonic() - started < LIMIT + 4
    assert statistics(metric, "select name from singer", "select name from singer") == [1, 1]


@pytest.mark.parametrize(
    "prediction",
    [
        "select randomblob(1000000000)",
        "select zeroblob(2147483647)",
        "select printf('%.*c', 1000000000, 'x')",
        "select printf('%1000000000d', 1)",
        "select replace(hex(zeroblob(100000)), '0', hex(zeroblob(100000)))",
        "select " + "replace(" * 20 + "'aaaaaaaaaa'" + ", 'a', 'aaaaaaaaaa')" * 20,
        "select group_concat(hex(zeroblob(1000000))) from singer a, singer b, singer c",
        "select json_group_array(hex(zeroblob(1000000))) from singer a, singer b, singer c",
        "with recursive n(t) as (select 'a' union all select t || t from n) select max(length(t)) from n",
        f"{NUMBERS} select hex(zeroblob(1000000)) || i from n order by 1",
        f"{NUMBERS} select zeroblob(9000000) || i from n",
        "select " + "(" * 5_000 + "1" + ")" * 5_000,
        "select " + "not " * 5_000 + "1",
        "select " + "1 + " * 20_000 + "1",
        "select 1" + " union select 1" * 2_000,
        "select " + "1," * 10_000 + "1",
        "select '" + "x" * 1_000_000 + "'",
        "select name from singer where " + "age = 1 or " * 100_000 + "0",
        "/*" * 500_000,
        "[" * 1_000_000,
        "'" * 999_999,
    ],
)
def test_memory_is_bounded(metric, prediction):
    """No more than the limits allow, and no longer; the gold query has 64 rows, so that rows are fetched."""
    gold = "select a.name from singer a, singer b, singer c"
    started = time.monotonic()
    assert statistics(metric, prediction, gold) == [0, 1]
    assert time.monotonic() - started < LIMIT + 4
    assert statistics(metric, gold, gold) == [1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process can be read on Linux only")
def test_limits_of_the_kernel(metric):
    assert statistics(metric, "select 1", "select 1") == [1, 1]
    pid = metric._worker._process.pid
    assert resource.prlimit(pid, resource.RLIMIT_AS) == (ADDRESS_SPACE, ADDRESS_SPACE)
    assert resource.prlimit(pid, resource.RLIMIT_FSIZE) == (0, 0)


def test_a_worker_that_was_killed_is_started_again(metric):
    assert statistics(metric, "select 1", "select 1") == [1, 1]
    first = metric._worker._process.pid
    assert statistics(metric, ENDLESS, "select 1") == [0, 1]
    assert statistics(metric, "select 1", "select 1") == [1, 1]
    second = metric._worker._process.pid
    assert first != second
    assert statistics(metric, "select 2", "select 1") == [0, 1]
    assert metric._worker._process.pid == second


def test_the_worker_ends_with_the_metric(folder):
    metric = ExecutionAccuracy(folder)
    assert statistics(metric, "select 1", "select 1") == [1, 1]
    pid = metric._worker._process.pid
    del metric
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_that_does_not_start(folder, monkeypatch):
    monkeypatch.setattr(execution.sys, "executable", "/bin/false")
    with pytest.raises(UserError, match="does not start"):
        statistics(ExecutionAccuracy(folder), "select 1", "select 1")
