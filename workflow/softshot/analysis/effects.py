"""The numbers behind the claims, each with its uncertainty: one per model and task, from the compared arms."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from softshot.analysis.bootstrap import BOTH, Estimate, difference
from softshot.analysis.evidence import UPPER_BOUND, Evidence, Key, is_compared, keys, ordinary
from softshot.analysis.lengths import log_deviation, seed_scores


class Effect(Protocol):
    """What an estimate of any kind can say."""

    value: float
    runs: int
    single: bool  # one seed only: nothing is known of the arm

    @property
    def level(self) -> str: ...

    @property
    def p(self) -> float: ...

    def interval(self, confidence: float) -> tuple[float, float]: ...


@dataclass(frozen=True)
class Normal:
    """An estimate with a known variance."""

    value: float
    variance: float
    runs: int
    single: bool = False
    level: str = BOTH

    @property
    def p(self) -> float:
        """Two-sided, of the value being 0."""
        return float(2 * stats.norm.sf(abs(self.value) / self.variance**0.5))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Both ends."""
        half = stats.norm.ppf((1 + confidence) / 2) * self.variance**0.5
        return self.value - half, self.value + half


def pooled(effects: list[Normal]) -> Normal:
    """The plain mean of independent effects."""
    count = len(effects)
    variance = sum(one.variance for one in effects) / count**2
    return Normal(sum(one.value for one in effects) / count, variance, sum(one.runs for one in effects))


@dataclass(frozen=True)
class Arms:
    """The compared arms of one model on one task; None where the study or its finished runs have none."""

    random: Key | None
    retrieved: Key | None  # the best of them
    pt: Key | None
    ipt: Key | None

    @classmethod
    def of(cls, evidence: Evidence, model: str) -> "Arms":
        """The arms of a model. Of several of a kind the first, of retrieved demonstrations the highest score."""
        table = evidence.cells[(evidence.cells["model"] == model) & is_compared(evidence.cells)]
        of = {
            name: [key for key in keys(table[table["arm"] == name]) if key in evidence.estimates]
            for name in ("pt", "ipt")
        }
        icl = table[table["arm"] == "icl"]
        drawn, found = (
            [key for key in keys(icl[mask]) if key in evidence.estimates]
            for mask in (icl["retriever"] == "random", ~icl["retriever"].isin(["random", UPPER_BOUND]))
        )
        sign = -1 if evidence.lower else 1
        best = max(found, key=lambda key: sign * evidence.estimates[key].value, default=None)
        return cls(next(iter(drawn), None), best, next(iter(of["pt"]), None), next(iter(of["ipt"]), None))


def over(evidence: Evidence, one: Key | None, other: Key | None) -> Estimate | None:
    """How much better the first arm is; None where one is not there."""
    if one is None or other is None:
        return None
    return difference(evidence.estimates[one], evidence.estimates[other], evidence.lower)


def growth(found: dict[str, Evidence], evidence: Evidence, model: str) -> Normal | None:
    """How PT's deviation over seeds grows with the prompt's length: the slope of its logarithm on that of the tokens.

    Least squares weighted by the variances of the logarithms, which normal scores have. None with fewer than two
    lengths of three or more seeds.
    """
    table = evidence.cells
    table = table[(table["model"] == model) & (table["arm"] == "pt") & ordinary(table)]
    points = [
        (np.log(tokens), seed_scores(found, key)) for tokens, key in zip(table["tokens"], keys(table), strict=True)
    ]
    known = [(x, *made, len(scores)) for x, scores in points if (made := log_deviation(scores))]
    if len({x for x, *_ in known}) < 2:
        return None
    x, y, variance, runs = (np.array(column) for column in zip(*known, strict=True))
    weight = 1 / variance
    centred = x - (weight @ x) / weight.sum()
    below = weight @ centred**2
    return Normal(float((weight * centred) @ y / below), float(1 / below), int(runs.sum()))


def steadiness(found: dict[str, Evidence], evidence: Evidence, model: str) -> Normal | None:
    """How much less IPT's scores vary over seeds: the mean over lengths of the logarithm of PT's deviation over IPT's.

    None without a length at which both have three or more seeds.
    """
    table = evidence.cells[(evidence.cells["model"] == model) & ordinary(evidence.cells)]
    made = []
    for _, block in table[table["tokens"] > 0].groupby("tokens", sort=False):
        plain, both = (keys(block[block["arm"] == arm])[:1] for arm in ("pt", "ipt"))
        scores = [seed_scores(found, key) for key in (*plain, *both)]
        known = [log_deviation(values) for values in scores]
        if len(known) == 2 and all(known):
            (one, first), (other, second) = known
            made.append(Normal(one - other, first + second, sum(map(len, scores))))
    return pooled(made) if made else None
