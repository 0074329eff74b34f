"""Corpus scores over arrays are those of the scoring room, for every metric."""

import numpy as np
import pytest
from scored import statistics_of

from softshot.analysis import corpus
from softshot.scoring import registry, score

PREDICTIONS = ["the runway is 3,500.0 long", "", "a b", "two of them", "word", "no such thing at all here", "Airport"]
REFERENCES = [["The runway of the airport is 3,500.0 long .", "3,500.0 is its length"], ["x"], ["a b c d e"]]
REFERENCES += [["two of them are there"], ["word"], ["two"], ["Airport in the UK", "an airport"]]
TEXT_METRICS = [name for name in registry.METRICS if name not in ("exact_set_match", "execution_accuracy")]


def sums_of(rows: list[list[float]], several: int) -> np.ndarray:
    """Sums of the statistics of random choices of records, among them single ones and the empty choice."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, size=(several, len(rows)))
    counts = np.concatenate([counts, np.eye(len(rows), dtype=int), np.ones((1, len(rows)), dtype=int)])
    return counts @ np.array(rows, dtype=float)


@pytest.mark.parametrize("name", TEXT_METRICS)
def test_scores_of_many_sums_are_the_scoring_rooms(name):
    metric = registry.metric(name)
    sums = sums_of(statistics_of(name, PREDICTIONS, REFERENCES), 200)
    expected = [score.scores([metric], {name: list(row)})[name] for row in sums]
    np.testing.assert_allclose(corpus.scores(name, sums), expected, rtol=1e-12, atol=1e-12)
    assert corpus.scores(name, sums[-1]).shape == ()


@pytest.mark.parametrize("name", ["exact_set_match", "execution_accuracy"])
def test_records_that_do_not_count_are_left_out(name):
    sums = np.array([[3.0, 4.0], [0.0, 5.0], [0.0, 0.0]])
    metric = registry.metric(name)
    expected = [metric.scores(list(row)).get(name, np.nan) for row in sums]
    np.testing.assert_allclose(corpus.scores(name, sums), expected)


def test_every_metric_of_the_registry_has_a_formula():
    assert set(corpus.FORMULAS) == set(registry.METRICS)


def test_a_metric_without_a_formula_is_computed_by_the_scoring_room(monkeypatch):
    monkeypatch.delitem(corpus.FORMULAS, "exact_match")
    np.testing.assert_allclose(corpus.scores("exact_match", np.array([[1.0, 4.0], [2.0, 4.0]])), [25, 50])
