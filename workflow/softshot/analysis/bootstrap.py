"""Estimates with their uncertainty, by a bootstrap over seeds and records.

Records are resampled once per task, and every run of the task is scored on the same resamples: any two runs are paired
on records. An arm's seeds are resampled on top (a hierarchical bootstrap: Efron & Tibshirani 1993, ch. 8; Koehn 2004
for records). With the three seeds that a study has, the plain recipe is wrong twice, and both are mended:

- n resampled seeds vary by (n-1)/n too little, so their deviations are scaled by the root of n/(n-1);
- percentiles of so few are far too narrow, so the interval is the estimate +- t standard errors of the bootstrap, t
  with the degrees of freedom of Welch and Satterthwaite (Hesterberg 2015 on small samples).

tests/unit/test_significance.py holds this against simulated data: without a difference p < 0.05 comes in at most about
one case in twenty.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy import stats

from softshot.analysis import corpus
from softshot.analysis.records import Statistics

FEWEST_RECORDS = 10  # below, resampled records say nothing
CHUNK = 4_000_000  # weights at once: memory
BOTH, ONLY_RECORDS = "seeds and records", "records"


@dataclass(frozen=True)
class Estimate:
    """A score, a difference of scores or a mean of such, with its bootstrap replicates.

    `parts` are the variances that seeds add, with their degrees of freedom. An arm with a single seed adds none: what
    it varies by is unknown, and the estimate is one of these runs only.
    """

    value: float
    replicates: np.ndarray
    parts: tuple[tuple[float, int], ...]
    records: int
    folders: frozenset[str]  # of the runs behind it
    single: bool  # a seed's spread is unknown

    @property
    def runs(self) -> int:
        """How many runs are behind it."""
        return len(self.folders)

    @property
    def level(self) -> str:
        """What the interval covers."""
        return ONLY_RECORDS if self.single else BOTH

    @property
    def error(self) -> float:
        """Standard error; NaN where it cannot be known."""
        if self.records < FEWEST_RECORDS or not np.isfinite(self.replicates).all():
            return float("nan")
        return float(self.replicates.std(ddof=1))

    @property
    def freedom(self) -> float:
        """Degrees of freedom (Welch and Satterthwaite)."""
        variance = self.error**2
        rest = max(variance - sum(part for part, _ in self.parts), 0.0)
        below = rest**2 / max(self.records - 1, 1) + sum(part**2 / freedom for part, freedom in self.parts)
        return variance**2 / below if below > 0 else float("inf")

    def interval(self, confidence: float) -> tuple[float, float]:
        """Both ends; NaN where they cannot be known."""
        half = stats.t.ppf((1 + confidence) / 2, self.freedom) * self.error if self.error > 0 else float("nan")
        return self.value - half, self.value + half

    @property
    def p(self) -> float:
        """Two-sided, of the value being 0; NaN where it cannot be known."""
        if self.error > 0:
            return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom))
        return 1.0 if self.value == 0 and self.error == 0 else float("nan")


def linear(terms: list[tuple[float, Estimate]]) -> Estimate:
    """The sum of weighted estimates, which share the resamples of the records they share."""
    return Estimate(
        value=float(sum(weight * one.value for weight, one in terms)),
        replicates=sum(weight * one.replicates for weight, one in terms),
        parts=tuple((weight**2 * part, freedom) for weight, one in terms for part, freedom in one.parts),
        records=min(one.records for _, one in terms),
        folders=frozenset().union(*(one.folders for _, one in terms)),
        single=any(one.single for _, one in terms),
    )


def difference(one: Estimate, other: Estimate, lower: bool = False) -> Estimate:
    """One less the other, turned round where lower is better: positive is better."""
    sign = -1 if lower else 1
    return linear([(sign, one), (-sign, other)])


def mean(estimates: list[Estimate]) -> Estimate:
    """The plain mean."""
    return linear([(1 / len(estimates), one) for one in estimates])


def generator(*names: object) -> np.random.Generator:
    """A generator seeded by what it is used for, so that a table is the same in every analysis."""
    text = "/".join(map(str, names))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def resampled(rng: np.random.Generator, statistics: list[np.ndarray], samples: int) -> list[np.ndarray]:
    """Sums of each run's statistics over `samples` resamples of the records: arrays (samples, statistics)."""
    count = len(statistics[0])
    sums: list[list[np.ndarray]] = [[] for _ in statistics]
    step = max(1, CHUNK // max(count, 1))
    for start in range(0, samples, step):
        drawn = rng.integers(0, count, size=(min(step, samples - start), count))
        drawn += np.arange(len(drawn))[:, None] * count
        weights = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)
        for place, rows in enumerate(statistics):
            sums[place].append(weights @ rows)
    return [np.concatenate(parts) for parts in sums]


@dataclass(frozen=True)
class Replicates:
    """Scores of runs on some of their task's records, and on resamples of these."""

    values: dict[str, float]  # a run's folder -> its score
    replicates: dict[str, np.ndarray]  # a run's folder -> its score on every resample
    records: int
    names: tuple[str, ...]  # of the study and the task, for the seeds' draws

    def arm(self, runs: list[tuple[str, int]]) -> Estimate | None:
        """The mean score of an arm's runs, (folder, seed) each; seed 0 says that nothing in it is random.

        Runs without a score are left out; None where none has one.
        """
        found = [run for run in runs if run[0] in self.values]
        if not found:
            return None
        folders = [folder for folder, _ in found]
        values = np.array([self.values[folder] for folder in folders])
        scores = np.stack([self.replicates[folder] for folder in folders])
        replicates, parts, count = scores.mean(axis=0), (), len(folders)
        if count > 1:
            deviations = np.sqrt(count / (count - 1)) * (values - values.mean())
            draws = generator(*self.names, *folders).integers(0, count, size=(scores.shape[1], count))
            replicates = replicates + deviations[draws].mean(axis=1)
            parts = ((float(values.var(ddof=1)) / count, count - 1),)
        single = count == 1 and found[0][1] != 0
        return Estimate(float(values.mean()), replicates, parts, self.records, frozenset(folders), single)


def replicate(
    statistics: Statistics, names: tuple[str, ...], samples: int, chosen: np.ndarray | None = None
) -> Replicates:
    """Score every run on the records `chosen` (a mask; all where None) and on `samples` resamples of them.

    The same `names` give the same resamples.
    """
    rows = {place: found if chosen is None else found[chosen] for place, found in statistics.of.items()}
    sums = resampled(generator(*names, "records"), list(rows.values()), samples)
    return Replicates(
        values={place: float(corpus.scores(statistics.metric, found.sum(axis=0))) for place, found in rows.items()},
        replicates={place: corpus.scores(statistics.metric, total) for place, total in zip(rows, sums, strict=True)},
        records=len(next(iter(rows.values()))),
        names=names,
    )
