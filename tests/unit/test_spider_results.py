"""Whether two results of queries are the same, and how fast that is told."""

import time
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from softshot.scoring.spider.worker import same_result

VALUES = st.sampled_from([0, 1, "a", "1", None])
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[VALUES] * width), min_size=1, max_size=5))


@settings(max_examples=200, deadline=None)
@given(TABLES, st.data())
def test_same_result_is_some_order_of_the_columns(expected, data):
    """Against all permutations, on tables that differ in little or nothing but order."""
    order = data.draw(st.permutations(range(len(expected[0]))))
    found = data.draw(st.permutations([tuple(row[place] for place in order) for row in expected]))
    if data.draw(st.booleans()):
        found[0] = (data.draw(VALUES), *found[0][1:])
    arranged = [[tuple(row[place] for place in order) for row in found] for order in permutations(range(len(found[0])))]
    assert same_result(expected, found, ordered=True) == (expected in arranged)
    as_text = [sorted(map(repr, rows)) for rows in arranged]
    assert same_result(expected, found, ordered=False) == (sorted(map(repr, expected)) in as_text)


def test_wide_results_are_compared_fast():
    """Twelve columns with the same bag of values have 479,001,600 orders."""
    rows = [tuple((i * j) % 13 for j in range(1, 13)) for i in range(1, 13)]
    found = [tuple(row[place] for place in (5, 0, 11, 3, 7, 1, 9, 2, 10, 4, 8, 6)) for row in reversed(rows)]
    started = time.monotonic()
    assert same_result(rows, found, ordered=False)
    assert not same_result(rows, [*found[:-1], found[0]], ordered=False)
    alike = [(1,) * 500] * 3
    assert same_result(alike, alike, ordered=False)
    assert time.monotonic() - started < 5


def test_an_integer_that_sorts_otherwise_than_its_equal():
    """The official evaluator's slip: 10 == 10.0, but beside the text '10.5' the two sort differently."""
    assert same_result([(10,)], [(10.0,)], ordered=False)
    assert not same_result([(10, "10.5")], [(10.0, "10.5")], ordered=False)
    assert same_result([(10, "a")], [("a", 10.0)], ordered=True)
