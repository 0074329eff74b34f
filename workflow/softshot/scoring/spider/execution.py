"""Execution accuracy: does the predicted query give what the gold query gives? On a test suite, on every database?

The verdicts are those of the test-suite evaluator, the official one since 2020 (Zhong, Yu and Klein, 2020), without
its option to put gold values into predictions. A query runs in `worker.py`, since a prediction can be anything.
"""

import json
import re
import sqlite3
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from softshot.errors import UserError
from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

SECONDS = 30  # for one query; the gold queries of the development set take some milliseconds
SLOW = 300  # seconds that all queries of a run may take together beyond SECONDS_EACH; then each has only these
SECONDS_EACH = 2
TEST_SUITE = "test_suite_accuracy"
PIECES = re.compile(
    r"""
    '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z) | \[[^\]]*(?:\]|\Z)  # quoted
    | --[^\n]* | /\*.*?(?:\*/|\Z)                                                       # comments
    | \w+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
THIS_YEAR = re.compile(r"year\s*\(\s*curdate\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


class ExecutionAccuracy:
    """Percentage of predictions that give the gold query's result on the database of their `db_id`.

    Results are equal as bags of rows under some order of the columns; the rows' order matters where the gold query has
    ORDER BY. A prediction that fails in any way is wrong: an error, something else than one SELECT, more time or memory
    than a query may take. A record whose database is not there, or whose gold query fails, does not count; the
    official evaluator stops at such a one.

    Where an id has several databases, a test suite, there is a second score: `test_suite_accuracy`, the percentage of
    those predictions that give the gold query's result on all of them.

    A query may take `seconds`, and all together `slow` seconds more than SECONDS_EACH each: after that (ten queries
    without an end, say) one may take SECONDS_EACH. So a thousand hostile predictions take half an hour, not nine.
    """

    name = "execution_accuracy"

    def __init__(self, folder: Path | None, seconds: float = SECONDS, slow: float = SLOW):
        """`folder` has `database/<db_id>/*.sqlite`; without one no record counts. `seconds` limits a query."""
        self._databases = folder / "database" if folder else None
        self._worker = _Worker(seconds, slow)
        self.signature = (
            f"evaluator:test-suite|distinct:ignored|values:predicted|seconds:{seconds},slow:{slow}"
            f"|sqlite:{sqlite3.sqlite_version}"
        )

    def statistics(self, prediction: str, record: dict) -> list[float]:
        """[1 if right, 1 if it counts, 1 if right on all of several databases, 1 if there are several, how many]"""
        gold, predicted = prepared(record["meta"]["query"]), prepared(prediction)
        ordered = "order by" in gold.lower()  # not with two blanks, as officially
        files = self.databases(record["meta"]["db_id"])
        verdicts: list[str] = []
        for database in files:
            verdicts.append(self._worker.verdict(database, gold, predicted, ordered))
            if verdicts[-1] != "equal":
                break  # what the others say makes no difference
        if not verdicts or verdicts[0] == "gold failed":
            return [0.0] * 5
        own = float(verdicts[0] == "equal")
        if len(files) == 1 or verdicts[-1] == "gold failed":
            return [own, 1.0, 0.0, 0.0, 0.0]
        return [own, 1.0, float(verdicts[-1] == "equal"), 1.0, float(len(files))]

    def databases(self, db_id: str) -> list[Path]:
        """The databases of an id, first the one that is called by it; a test suite has several."""
        if self._databases is None or Path(db_id).name != db_id:
            return []
        files = (self._databases / db_id).glob("*.sqlite")
        return sorted(files, key=lambda path: (path.stem != db_id, path))

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Percentages of right ones of those that count."""
        right, counted, right_on_all, several, _ = columns
        return {cls.name: percentage(right, counted), TEST_SUITE: percentage(right_on_all, several)}

    def note(self, summed: list[float], n: int) -> str | None:
        """How many do not count, and what the test suite is."""
        _, counted, _, several, databases = map(int, summed)
        facts = []
        if counted < n:
            reason = "there is no database for them, or their gold query fails on it"
            facts.append(f"{n - counted} of {n} records do not count: {reason}")
        if several:
            facts.append(f"{TEST_SUITE}: {several} of {n} records, {databases / several:.1f} databases each")
        return "; ".join(facts) or None


def prepared(query: str) -> str:
    """The query as it is run: the first statement, without DISTINCT, and with `> =` and the like in one piece.

    MySQL's current year becomes 2020. The official evaluator does all this, to gold queries as well.
    """
    for operator in (">=", "<=", "!="):
        query = query.replace(" ".join(operator), operator)
    kept = []
    for piece in PIECES.findall(query):
        if piece == ";":
            break
        if piece.lower() != "distinct":
            kept.append(piece)
    return THIS_YEAR.sub("2020", "".join(kept))


class _Worker:
    """The process that runs the queries: started at the first one, and again when one has ended it."""

    def __init__(self, seconds: float, slow: float):
        self._seconds, self._slow = seconds, slow
        self._process: subprocess.Popen | None = None

    def verdict(self, database: Path, gold: str, prediction: str, ordered: bool) -> str:
        """`equal`, `different` or `failed` of the prediction, or `gold failed`."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        least = min(SECONDS_EACH, self._seconds)
        seconds = min(self._seconds, least + self._slow)
        request = {"database": database.absolute().as_uri(), "gold": gold, "prediction": prediction}
        request |= {"ordered": ordered, "seconds": seconds}
        began = time.monotonic()
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        verdict = "gold failed" if self._answer() != "gold" else self._answer() or "failed"
        self._slow = max(0, self._slow - max(0, time.monotonic() - began - least))
        return verdict

    def _start(self) -> None:
        """Isolated from site packages and the user's settings: it starts faster, and finds nothing to import."""
        command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("worker.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._end = weakref.finalize(self, _end, self._process)
        if self._answer() != "ready":
            raise UserError(f"the process that runs SQL queries does not start; see above, or try {' '.join(command)}")

    def _answer(self) -> str:
        """The next line from the process; an empty text where it has ended."""
        line = self._process.stdout.readline().strip()
        if not line:
            self._end()
            self._process = None
        return line


def _end(process: subprocess.Popen) -> None:
    """End the process, if it has not ended, and wait for it."""
    process.kill()
    process.communicate()
