"""Which demonstrations a run shows, out of a table of neighbours."""

import math
from pathlib import Path

import pytest

from softshot.demonstrations import table
from softshot.demonstrations.shown import Shown
from softshot.errors import UserError


@pytest.fixture
def neighbours(tmp_path) -> Path:
    rows = [
        table.Row("q", ["a", "b", "c"], [0.9, 0.7, 0.5], 0),
        table.Row("r", ["a", "b"], [math.nan, math.nan], 0),
        table.Row("s", [], [], 3),
    ]
    table.write(tmp_path / "test.parquet", rows, 3, {})
    return tmp_path / "test.parquet"


TRAIN = [{"id": id, "input": id, "target": id, "references": [id], "meta": {}} for id in "abc"]


def shown_ids(shown: Shown, record_id: str) -> str:
    assert [record["id"] for record in shown.records(record_id)] == [id for id, _ in shown.ids(record_id)]
    return "".join(id for id, _ in shown.ids(record_id))


def test_shown_are_the_nearest_first(neighbours):
    shown = Shown(neighbours, 2, TRAIN, None)
    assert [shown_ids(shown, id) for id in "qrs"] == ["ab", "ab", ""]
    with pytest.raises(UserError, match="record t: no demonstrations in the table"):
        shown.ids("t")


def test_demonstrations_below_the_threshold_are_not_shown(neighbours):
    expected = {0.95: ["", "ab", ""], 0.7: ["ab", "ab", ""], 0.6: ["ab", "ab", ""], 0.1: ["abc", "ab", ""]}
    for threshold, ids in expected.items():
        shown = Shown(neighbours, 3, TRAIN, threshold)
        assert [shown_ids(shown, id) for id in "qrs"] == ids
    assert shown_ids(Shown(neighbours, 1, TRAIN, 0.6), "q") == "a"


def test_shots_and_table_come_together(neighbours):
    assert Shown(None, 0, TRAIN, None).ids("q") == []
    with pytest.raises(UserError, match="a run with 1 shots needs --demonstrations"):
        Shown(None, 1, TRAIN, None)
    with pytest.raises(UserError, match="b is not a training record"):
        Shown(neighbours, 2, TRAIN[:1], None)
