"""Corpus scores over arrays are those of the scoring room, for every metric."""

import numpy as np
import pytest
from scored import statistics_of

from softshot.analysis import corpus
from softshot.scoring import registry

PREDICTIONS = ["the runway is 3,500.0 long", "", "a b", "two of them", "word", "no such thing at all here", "Airport"]
REFERENCES = [["The runway of the airport is 3,500.0 long .", "3,500.0 is its length"], ["x"], ["a b c d e"]]
REFERENCES += [["two of them are there"], ["word"], ["two"], ["Airport in the UK", "an airport"]]


def sums_of(rows: list[list[float]], several: int) -> np.ndarray:
    """Sums of the statistics of random choices of records, among them single ones and the empty choice."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, size=(several, len(rows)))
    counts = np.concatenate([counts, np.eye(len(rows), dtype=int), np.ones((1, len(rows)), dtype=int)])
    return counts @ np.array(rows, dtype=float)


def statistics(name: str) -> list[list[float]]:
    """Those of a metric that is computed from texts; of the others made-up ones."""
    if name in LENGTHS:
        flags = np.random.default_rng(1).integers(0, 2, size=(7, LENGTHS[name]))
        return np.sort(flags).tolist()  # what is right counts
    return statistics_of(name, PREDICTIONS, REFERENCES)


LENGTHS = {"exact_set_match": 2, "exact_set_match_values": 2, "execution_accuracy": 5, "partial_match": 31}
LENGTHS |= {
    "bert_score": 4,
    "accuracy": 2,
    "acc_norm": 2,
    "acc_token": 2,
    "macro_f1": 9,
    "first_f1": 9,
    "calibration_error": 16,
}


@pytest.mark.parametrize("name", registry.METRICS)
def test_scores_of_many_sums_are_those_of_each(name):
    """One formula, for `scores.json` and for resampling."""
    sums = sums_of(statistics(name), 200)
    formula = registry.metric_class(name).scores
    each = [formula(list(row)) for row in sums]
    assert next(iter(each[0])) == name
    for part, values in formula(sums.T).items():
        np.testing.assert_allclose(values, [float(one[part]) for one in each], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(corpus.scores(name, sums), formula(sums.T)[name])
    stacked = sums[:200].reshape(50, 4, -1)
    np.testing.assert_array_equal(corpus.scores(name, stacked), corpus.scores(name, sums[:200]).reshape(50, 4))
    assert corpus.scores(name, sums[-1]).shape == ()


@pytest.mark.parametrize("name", ["exact_set_match", "execution_accuracy"])
def test_nothing_to_score_is_not_a_number(name):
    sums = np.zeros((3, LENGTHS[name]))
    sums[:, :2] = [[3, 4], [0, 5], [0, 0]]
    np.testing.assert_array_equal(corpus.scores(name, sums), [75, 0, np.nan])
