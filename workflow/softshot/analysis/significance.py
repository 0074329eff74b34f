"""Is one arm better than another? Differences with intervals and p-values, corrected for how many are asked.

Two arms with seeds: the hierarchical bootstrap of bootstrap.py. Two single runs: approximate randomisation, which swaps
their outputs record by record (Noreen 1989; Riezler & Maxwell 2005). Within a family of questions: Holm (1979).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from softshot.analysis import corpus
from softshot.analysis.bootstrap import BOTH, Estimate, difference, generator
from softshot.analysis.evidence import Evidence, Key, is_compared, keys, ordinary
from softshot.settings import Study

BOOTSTRAP, RANDOMISATION = "hierarchical bootstrap", "approximate randomisation"
COLUMNS = ["family", "model", "task", "metric", "one", "other", "one_mean", "other_mean", "one_n", "other_n"]
COLUMNS += ["difference", "low", "high", "p", "p_holm", "method", "level", "significant"]
SWAPS = 1_000_000  # records at once: memory


@dataclass(frozen=True)
class Comparison:
    """One arm less another, positive where the first is better; which runs say so."""

    estimate: Estimate
    p: float
    method: str


def compare(study: Study, evidence: Evidence, one: Key, other: Key) -> Comparison | None:
    """Two arms of a task and a model; None where one of them has no run."""
    if not {one, other} <= evidence.estimates.keys():
        return None
    estimates = evidence.estimates[one], evidence.estimates[other]
    found = difference(*estimates, evidence.lower)
    if estimates[0].runs > 1 or estimates[1].runs > 1:
        return Comparison(found, found.p, BOOTSTRAP)
    rows = [evidence.statistics.of[evidence.members[key][0][0]] for key in (one, other)]
    rng = generator(study.study, *one, *other, RANDOMISATION)
    return Comparison(
        found, randomisation(rng, evidence.statistics.metric, *rows, study.analysis.bootstrap), RANDOMISATION
    )


def randomisation(rng: np.random.Generator, metric: str, one: np.ndarray, other: np.ndarray, samples: int) -> float:
    """Two-sided p-value of two runs' corpus scores being equal, from their statistics (records, statistics).

    The share of random swaps with at least the observed difference; the observed one counts as a swap.
    """
    total, apart = one.sum(axis=0) + other.sum(axis=0), one - other
    observed = abs(corpus.scores(metric, one.sum(axis=0)) - corpus.scores(metric, other.sum(axis=0)))
    reached, step = 0, max(1, SWAPS // len(one))
    for start in range(0, samples, step):
        swapped = rng.integers(0, 2, size=(min(step, samples - start), len(one))).astype(float)
        ours = other.sum(axis=0) + swapped @ apart
        differences = abs(corpus.scores(metric, ours) - corpus.scores(metric, total - ours))
        reached += int((differences >= observed - 1e-9).sum())
    return (reached + 1) / (samples + 1)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction; NaN stays NaN and counts for nothing."""
    p = np.asarray(p, dtype=float)
    corrected, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def significance(study: Study, found: dict[str, Evidence]) -> pd.DataFrame:
    """All pairs of compared arms (family main), PT and IPT at each length (lengths), transfers and sizes."""
    rows = []
    for evidence in found.values():
        for model in evidence.cells["model"].unique():
            of_model = evidence.cells[evidence.cells["model"] == model]
            for family, one, other in [*_main(of_model), *_lengths(of_model), *_transfers(of_model), *_sizes(of_model)]:
                row = _row(study, evidence, family, one, other)
                rows += [row] if row else []
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["p_holm"] = table.groupby("family")["p"].transform(lambda p: holm(p.to_numpy(dtype=float)))
    table["significant"] = table["p_holm"].lt(1 - study.analysis.confidence) & table["level"].eq(BOTH)
    return table


def _row(study: Study, evidence: Evidence, family: str, one: Key, other: Key) -> dict | None:
    made = compare(study, evidence, one, other)
    if made is None:
        return None
    low, high = made.estimate.interval(study.analysis.confidence)
    ours, theirs = evidence.estimates[one], evidence.estimates[other]
    return {
        "family": family,
        "model": one[0],
        "task": evidence.task,
        "metric": evidence.statistics.metric,
        "one": "/".join(one[2:]),
        "other": "/".join(other[2:]),
        "one_mean": ours.value,
        "other_mean": theirs.value,
        "one_n": ours.runs,
        "other_n": theirs.runs,
        "difference": made.estimate.value,
        "low": low,
        "high": high,
        "p": made.p,
        "p_holm": np.nan,
        "method": made.method,
        "level": made.estimate.level,
        "significant": False,
    }


def _main(cells: pd.DataFrame) -> list[tuple[str, Key, Key]]:
    names = keys(cells[is_compared(cells)])
    return [("main", one, other) for place, one in enumerate(names) for other in names[:place]]


def _lengths(cells: pd.DataFrame) -> list[tuple[str, Key, Key]]:
    """IPT against PT with the same number of tokens."""
    pairs = []
    for _, block in cells[ordinary(cells) & (cells["tokens"] > 0)].groupby("tokens", sort=False):
        plain, both = (keys(block[block["arm"] == arm]) for arm in ("pt", "ipt"))
        pairs += [("lengths", one, other) for one in both for other in plain]
    return pairs


def _transfers(cells: pd.DataFrame) -> list[tuple[str, Key, Key]]:
    """A transferred prompt with demonstrations against the same demonstrations alone."""
    alone = {row.demonstrations: key for row, key in _rows(cells[(cells["arm"] == "icl") & ordinary(cells)])}
    moved = _rows(cells[cells["arm"] == "transfer"])
    return [("transfer", key, alone[row.demonstrations]) for row, key in moved if row.demonstrations in alone]


def _sizes(cells: pd.DataFrame) -> list[tuple[str, Key, Key]]:
    """All pairs of arms that have the same number of training records."""
    pairs = []
    for _, block in cells[cells["train"].notna()].groupby("train", sort=False):
        names = keys(block)
        pairs += [("sizes", one, other) for place, one in enumerate(names) for other in names[:place]]
    return pairs


def _rows(cells: pd.DataFrame):
    """Each row beside its key."""
    return list(zip(cells.itertuples(index=False), keys(cells), strict=True))
