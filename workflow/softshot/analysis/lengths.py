"""Prompt length: the score at each, and how far seeds spread there."""

import numpy as np
import pandas as pd
from scipy import special, stats

from softshot.analysis.collect import CELL, Results
from softshot.analysis.evidence import Evidence, cells, keys, ordinary
from softshot.analysis.published import beside
from softshot.analysis.tables import main_scores
from softshot.settings import Study

FEWEST_SEEDS = 3  # for a word on how far they spread
SPREAD = ["model", "task", "tokens", "demonstrations", "pt_sd", "pt_n", "ipt_sd", "ipt_n", "ratio", "low", "high", "p"]
SPREAD += ["verdict"]


def tokens(study: Study, results: Results, summary: pd.DataFrame, found: dict[str, Evidence]) -> pd.DataFrame:
    """The main score of each tuned arm by prompt length, with the interval of its mean and the published number."""
    table = _with_interval(study, results, summary, found)
    table = beside(table[table["tokens"] > 0], ["published", "published_status"])
    columns = [*CELL, "series", "tokens", "metric", "mean", "sd", "n", "low", "high", "published", "published_status"]
    return table.rename(columns={"demonstrations": "series"})[columns]


def levels(study: Study, results: Results, summary: pd.DataFrame, found: dict[str, Evidence]) -> pd.DataFrame:
    """The main score of ICL, which no prompt length changes."""
    table = _with_interval(study, results, summary, found)
    table = table[table["tokens"] == 0]
    return table[["model", "task", "variant", "metric", "mean", "sd", "n", "low", "high"]].reset_index(drop=True)


def _with_interval(study: Study, results: Results, summary: pd.DataFrame, found: dict[str, Evidence]) -> pd.DataFrame:
    shown = cells(results)[[*CELL, "demonstrations"]]
    table = main_scores(summary).merge(shown, on=CELL)
    ends = [score_interval(study, found, key) for key in keys(table)]
    return table.assign(low=[low for low, _ in ends], high=[high for _, high in ends])


def score_interval(study: Study, found: dict[str, Evidence], key: tuple) -> tuple[float, float]:
    """The interval of a cell's mean score, which is nowhere below 0."""
    estimate = found[key[1]].estimates.get(key) if key[1] in found else None
    if estimate is None:
        return float("nan"), float("nan")
    low, high = estimate.interval(study.analysis.confidence)
    return max(low, 0.0) if low == low else low, high


def spread(study: Study, results: Results, found: dict[str, Evidence]) -> pd.DataFrame:
    """Deviation over seeds of PT and of IPT with as many tokens, their ratio, and whether they differ.

    p is of equal variances by Brown and Forsythe (1974), Levene's test about medians: scores need not be normal. The
    ratio's interval is F's, for normal scores. Fewer than three seeds: undecided.
    """
    table = cells(results)
    table = table[ordinary(table) & (table["tokens"] > 0)]
    rows = []
    for (model, task, length), block in table.groupby(["model", "task", "tokens"], sort=False):
        for plain in keys(block[block["arm"] == "pt"]):
            ipt = block[block["arm"] == "ipt"]
            for both, shown in zip(keys(ipt), ipt["demonstrations"], strict=True):
                ours, theirs = (seed_scores(found, key) for key in (plain, both))
                rows.append((model, task, length, shown, *_spread(ours, theirs, study.analysis.confidence)))
    return pd.DataFrame(rows, columns=SPREAD)


def seed_scores(found: dict[str, Evidence], key: tuple) -> np.ndarray:
    """The scores of a cell's finished runs; none where its task has none."""
    return found[key[1]].scores(key) if key[1] in found else np.array([])


def deviation(scores: np.ndarray) -> float:
    """Sample standard deviation; NaN of fewer than two."""
    return float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")


def _spread(pt: np.ndarray, ipt: np.ndarray, confidence: float) -> tuple:
    """pt_sd, pt_n, ipt_sd, ipt_n, ratio, low, high, p, verdict."""
    sds, counts = (deviation(pt), deviation(ipt)), (len(pt), len(ipt))
    ratio = sds[0] / sds[1] if sds[1] > 0 else float("nan")
    low = high = p = float("nan")
    if min(counts) >= FEWEST_SEEDS and min(sds) > 0:
        freedom = counts[0] - 1, counts[1] - 1
        low = ratio / stats.f.ppf((1 + confidence) / 2, *freedom) ** 0.5
        high = ratio / stats.f.ppf((1 - confidence) / 2, *freedom) ** 0.5
        p = float(stats.levene(pt, ipt, center="median").pvalue)
    more = "PT spreads more" if ratio > 1 else "IPT spreads more"
    verdict = more if p < 1 - confidence else "undecided"
    return sds[0], counts[0], sds[1], counts[1], ratio, low, high, p, verdict


def log_deviation(scores: np.ndarray) -> tuple[float, float] | None:
    """Logarithm of the deviation of normal scores, without bias, and its variance; None of too few or equal ones.

    (n-1) s^2 / sigma^2 is chi-squared, of whose logarithm digamma and trigamma are mean and variance.
    """
    if len(scores) < FEWEST_SEEDS or not deviation(scores) > 0:
        return None
    half = (len(scores) - 1) / 2
    bias = (special.digamma(half) - np.log(half)) / 2
    return float(np.log(deviation(scores)) - bias), float(special.polygamma(1, half) / 4)
