"""Runs queries that a model wrote, in a process of its own that can read one database and nothing else.

Started as a script by `execution.py`. Each line on stdin is {"database": URI, "gold": SQL, "prediction": SQL,
"ordered": bool, "seconds": limit of each query}; it is answered on stdout by `gold` or `gold failed` as soon as the
gold query has run, and after `gold` by `equal`, `different` or `failed`. `ready` comes before all. Only the standard
library, and little of it: the process starts fast, and again after each query that ends it.

What holds a query back:
- time: the kernel ends the process (SIGALRM), whatever it is doing and whether or not its parent still lives;
- memory: limits of SQLite on texts, statements and its heap, of the kernel on the address space, and of a prediction's
  rows no more are fetched than the gold query has, and one;
- harm: the database is opened read-only and immutable; SQLite's authorizer lets a statement select, read, and call
  functions, and nothing else: no ATTACH, PRAGMA, VACUUM, table or transaction; the kernel lets the process write no
  file at all.
"""

import json
import resource
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

MEBIBYTE = 2**20
HEAP = 256 * MEBIBYTE  # of SQLite
ADDRESS_SPACE = 1024 * MEBIBYTE
KEPT = 16  # gold results; records with the same query follow one another
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 10 * MEBIBYTE,  # of a text, a blob, a row
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1_000_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 1_000,  # this and the next two are SQLite's own, in case a build has raised them
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 500,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 127,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
REFUSED = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}  # functions, as some builds have them

Rows = list[tuple]


def serve() -> None:
    """Answer requests until stdin ends."""
    confine()
    say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        answer(**request)


def confine() -> None:
    """Give up what no query needs, for the rest of the process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})  # a parent may have left it blocked
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # elsewhere this limit is refused or without effect, and SQLite's own has to do
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def answer(database: str, gold: str, prediction: str, ordered: bool, seconds: float) -> None:
    """Give the two answers to a request. Any exception is a failed query, MemoryError among them."""
    try:
        with limited(seconds):
            expected = gold_rows(database, gold)
    except Exception:
        say("gold failed")
        return
    say("gold")
    try:
        with limited(seconds):
            # One row too many is enough to know that the results differ.
            found = rows(database, prediction, at_most=len(expected) + 1)
            same = same_result(expected, found, ordered)
    except Exception:
        say("failed")
        return
    say("equal" if same else "different")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """The process ends if what is done here takes longer."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def say(answer: str) -> None:
    """Write one line at once."""
    print(answer, flush=True)


@lru_cache(maxsize=KEPT)
def gold_rows(database: str, query: str) -> Rows:
    """All rows of a gold query; an lru_cache keeps no exceptions."""
    return rows(database, query, at_most=-1)


def rows(database: str, query: str, at_most: int) -> Rows:
    """The first rows of a query, all with -1; texts that are not UTF-8 lose the bytes in question."""
    connection = sqlite3.connect(f"{database}?mode=ro&immutable=1", uri=True, isolation_level=None)
    try:
        connection.execute(f"PRAGMA hard_heap_limit = {HEAP}")
        connection.execute("PRAGMA temp_store = memory")
        connection.execute("PRAGMA query_only = on")
        for limit, value in LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_authorizer(authorise)
        connection.text_factory = lambda text: text.decode(errors="ignore")
        cursor = connection.execute(query)
        if cursor.description is None:
            raise ValueError("nothing but comments")
        return cursor.fetchall() if at_most < 0 else cursor.fetchmany(at_most)
    finally:
        connection.close()


def authorise(action: int, _, name: str | None, *__) -> int:
    """Called by SQLite for each thing that a statement would do; `name` is the function's where it calls one."""
    refused = action not in ACTIONS or (action == sqlite3.SQLITE_FUNCTION and name.lower() in REFUSED)
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def same_result(expected: Rows, found: Rows, ordered: bool) -> bool:
    """Are the rows equal, as lists or as bags, under some order of the columns? Values are compared as Python's.

    The official evaluator first compares each row's values sorted by their text and type, which tells an integer from
    an equal float where that changes their place; so does this. Then it tries permutations of the columns; this one
    finds the same answer without trying all.
    """
    if not expected or len(expected) != len(found):
        return len(expected) == len(found)
    if len(expected[0]) != len(found[0]):
        return False
    one, other = ([tuple(sorted(row, key=_text_and_type)) for row in table] for table in (expected, found))
    if ordered:
        return one == other and Counter(zip(*expected, strict=True)) == Counter(zip(*found, strict=True))
    return set(one) == set(other) and _same_bag(expected, found)


def _text_and_type(value) -> str:
    return str(value) + str(type(value))


def _same_bag(expected: Rows, found: Rows) -> bool:
    """Is there an order of the columns of `found` that makes the bags of rows equal?

    Columns of `expected` are matched one by one, the one with the fewest partners first. A partner has the same bag of
    values, and the rows' beginnings, made of the columns matched so far, must be equal bags too.
    """
    columns, candidates = list(zip(*expected, strict=True)), list(zip(*found, strict=True))
    bags = [Counter(column) for column in candidates]
    partners = {}
    for place, column in enumerate(columns):
        bag = Counter(column)
        partners[place] = [other for other, values in enumerate(bags) if values == bag]
    order = sorted(partners, key=lambda place: len(partners[place]))

    def extend(depth: int, one: tuple[int, ...], other: tuple[int, ...], free: frozenset[int]) -> bool:
        """`one` and `other` number the rows' beginnings: equal beginnings have the same number."""
        if depth == len(order):
            return True
        column = columns[order[depth]]
        tried = set()
        for candidate in partners[order[depth]]:
            values = candidates[candidate]
            if candidate not in free or values in tried:
                continue
            tried.add(values)
            numbers: dict[tuple, int] = {}
            longer = [
                tuple(numbers.setdefault(pair, len(numbers)) for pair in zip(beginnings, ends, strict=True))
                for beginnings, ends in ((one, column), (other, values))
            ]
            if Counter(longer[0]) == Counter(longer[1]) and extend(depth + 1, *longer, free - {candidate}):
                return True
        return False

    start = (0,) * len(expected)
    return extend(0, start, start, frozenset(range(len(candidates))))


if __name__ == "__main__":
    serve()
