"""How far seeds spread: with demonstrations and without, at each size."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from softshot.analysis.cells import Cell, with_and_without
from softshot.analysis.collect import Results
from softshot.analysis.evidence import Evidence, deviation
from softshot.settings import Study

FEWEST_SEEDS = 3  # for a word on how far they spread
FEWEST_FOR_A_TEST = 5  # three seeds cannot reject: the largest statistic there is has p = 0.116; four err too often
ANSWERS = 20  # right ones, or wrong ones, below which a score is at its floor or ceiling and cannot spread
COLUMNS = ["model", "task", "method", "unit", "size", "demonstrations", "without_sd", "without_n", "without_worst"]
COLUMNS += ["with_sd", "with_n", "with_worst", "ratio", "low", "high", "p", "verdict"]
UNDECIDED = "undecided"


class Variance(NamedTuple):
    """The variance of a cell's scores over seeds, on the scale of logits, and the part of it that is the records'.

    `noise` is what the seeds' scores would vary by if a seed changed each record's outcome by itself.
    """

    total: float
    noise: float


def spread(study: Study, results: Results, evidence: dict[str, Evidence]) -> pd.DataFrame:
    """Deviation over seeds without demonstrations and with, their ratio, and whether they differ.

    p is of equal variances by Brown and Forsythe (1974), Levene's test about medians: scores need not be normal. The
    ratio's interval is F's, for normal scores. Cells with fewer than FEWEST_FOR_A_TEST seeds have no p and no verdict.
    """
    rows = []
    for plain, shown in with_and_without(results.cells):
        if not plain.tuned:
            continue
        of_task = evidence.get(plain.task)
        values = [of_task.scores(cell) if of_task else {} for cell in (plain, shown)]
        worst = [_worst(scores, of_task.lower if of_task else False) for scores in values]
        compared = _compared(*values, study.analysis.confidence)
        about = (plain.model, plain.task, plain.method, plain.unit, plain.size, shown.shown)
        sides = [(deviation(scores), len(scores), least) for scores, least in zip(values, worst, strict=True)]
        rows.append((*about, *sides[0], *sides[1], *compared))
    return pd.DataFrame(rows, columns=COLUMNS)


def _worst(scores: dict[int, float], lower: bool) -> float:
    return (max if lower else min)(scores.values(), default=float("nan"))


def _compared(without: dict[int, float], shown: dict[int, float], confidence: float) -> tuple:
    """ratio, low, high, p, verdict."""
    one, other = (np.array(list(scores.values())) for scores in (without, shown))
    sds, counts = (deviation(without), deviation(shown)), (len(one), len(other))
    ratio = sds[0] / sds[1] if sds[1] > 0 else float("nan")
    low = high = p = float("nan")
    if min(counts) >= FEWEST_SEEDS and min(sds) > 0:
        freedom = counts[0] - 1, counts[1] - 1
        low = ratio / stats.f.ppf((1 + confidence) / 2, *freedom) ** 0.5
        high = ratio / stats.f.ppf((1 - confidence) / 2, *freedom) ** 0.5
    if min(counts) >= FEWEST_FOR_A_TEST and min(sds) > 0:
        p = float(stats.levene(one, other, center="median").pvalue)
    more = "more without demonstrations" if ratio > 1 else "more with demonstrations"
    return ratio, low, high, p, more if p < 1 - confidence else UNDECIDED


def variance(evidence: Evidence, cell: Cell) -> Variance | None:
    """How far a cell's seeds spread; None of too few seeds, and of scores at their floor or ceiling.

    Equal deviations of seeds on the scale of logits are unequal ones in points: a score near 0 cannot spread. Of error
    rates, which have no ceiling, the logarithm is taken.
    """
    scores, replicates = evidence.scores(cell), evidence.replicates
    if len(scores) < FEWEST_SEEDS:
        return None
    records, values = replicates.records, np.array(list(scores.values())) / 100
    mean = float(values.mean())
    ends = (mean,) if evidence.lower else (mean, 1 - mean)
    if min(ends) * records < ANSWERS:
        return None
    kept = (values * records + 0.5) / (records + 1)
    scaled = np.log(kept) if evidence.lower else np.log(kept / (1 - kept))
    slope = 1 / kept.mean() if evidence.lower else 1 / (kept.mean() * (1 - kept.mean()))
    folders = [folder for folder, _ in evidence.members[cell] if folder in replicates.values]
    resampled = np.array([replicates.resampled[folder] for folder in folders]) / 100
    apart = resampled - resampled.mean(axis=0)
    noise = float(apart.var(axis=1, ddof=1).sum() / (len(folders) - 1)) * slope**2
    return Variance(float(scaled.var(ddof=1)), noise)
