"""The numbers behind the claims, each with its uncertainty: one per model and task, from the compared arms."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from softshot.analysis.bootstrap import BOTH, Estimate, difference
from softshot.analysis.evidence import Evidence, Key, is_compared, keys, ordinary
from softshot.analysis.lengths import log_deviation


class Effect(Protocol):
    """What an estimate of any kind can say."""

    value: float
    single: bool  # one seed only: nothing is known of the arm

    @property
    def runs(self) -> int: ...

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
    folders: frozenset[str]
    single: bool = False
    level: str = BOTH

    @property
    def runs(self) -> int:
        """How many runs are behind it."""
        return len(self.folders)

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
    folders = frozenset().union(*(one.folders for one in effects))
    return Normal(sum(one.value for one in effects) / count, variance, folders)


@dataclass(frozen=True)
class Arms:
    """The compared arms of one model on one task; None where the study or its finished runs have none."""

    random: Key | None
    retrieved: Key | None  # the best of them
    choices: int  # of retrieved ones
    pt: Key | None
    ipt: Key | None

    @classmethod
    def of(cls, evidence: Evidence, model: str) -> "Arms":
        """The arms of a model. Of several of a kind the first, of retrieved demonstrations the highest score."""
        table = evidence.cells[(evidence.cells["model"] == model) & is_compared(evidence.cells)]
        drawn, icl = table["retriever"] == "random", table["arm"] == "icl"
        found, retrieved, pt, ipt = (
            [key for key in keys(table[mask]) if key in evidence.estimates]
            for mask in (icl & drawn, icl & ~drawn, table["arm"] == "pt", table["arm"] == "ipt")
        )
        sign = -1 if evidence.lower else 1
        best = max(retrieved, key=lambda key: sign * evidence.estimates[key].value, default=None)
        return cls(next(iter(found), None), best, len(retrieved), next(iter(pt), None), next(iter(ipt), None))


def over(evidence: Evidence, one: Key | None, other: Key | None) -> Estimate | None:
    """How much better the first arm is; None where one is not there."""
    if one is None or other is None:
        return None
    return difference(evidence.estimates[one], evidence.estimates[other], evidence.lower)


def growth(evidence: Evidence, model: str) -> Normal | None:
    """How PT's deviation over seeds grows with the prompt's length: the slope of its logarithm on that of the tokens.

    Least squares weighted by the variances of the logarithms, which normal scores have. None with fewer than two
    lengths of three or more seeds.
    """
    table = evidence.cells
    table = table[(table["model"] == model) & (table["arm"] == "pt") & ordinary(table)]
    known = [
        (np.log(tokens), *made, key)
        for tokens, key in zip(table["tokens"], keys(table), strict=True)
        if (made := log_deviation(evidence.scores(key)))
    ]
    if len(known) < 2:
        return None
    *columns, behind = zip(*known, strict=True)
    x, y, variance = map(np.array, columns)
    weight = 1 / variance
    centred = x - (weight @ x) / weight.sum()
    below = weight @ centred**2
    return Normal(float((weight * centred) @ y / below), float(1 / below), evidence.folders(*behind))


def steadiness(evidence: Evidence, model: str) -> Normal | None:
    """How much less IPT's scores vary over seeds: the mean over lengths of the logarithm of PT's deviation over IPT's.

    None without a length at which both have three or more seeds.
    """
    table = evidence.cells[(evidence.cells["model"] == model) & ordinary(evidence.cells)]
    made = []
    for _, block in table[table["tokens"] > 0].groupby("tokens", sort=False):
        pair = [key for arm in ("pt", "ipt") for key in keys(block[block["arm"] == arm])[:1]]
        known = [log_deviation(evidence.scores(key)) for key in pair]
        if len(known) == 2 and all(known):
            (one, first), (other, second) = known
            made.append(Normal(one - other, first + second, evidence.folders(*pair)))
    return pooled(made) if made else None
