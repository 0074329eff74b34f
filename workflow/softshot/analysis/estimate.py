"""An estimate that knows its random parts by name, and what follows from them: error, interval and p-value.

A score varies with whatever was drawn for it: the records of the split, the prompt that a seed tuned, the
demonstrations that it drew, its part of the training records. These are units with names. A `Sample` holds what was
drawn of one quantity and names its units; an `Estimate` is a weighted sum of samples. A sum of estimates adds the
weights of a sample that occurs twice, and draws of one unit that stand in several samples are added seed by seed,
before anything is squared: what is shared is counted once, and what cancels cancels.

The half-width at level 1 - a is that of Banerjee (1961), the root of sum_i t(a, f_i)^2 v_i over the parts, v_i the
variance that part i adds and f_i its degrees of freedom. Whatever the true variances are, it is too narrow in at most a
share a of the cases, for normal draws. Welch's and Satterthwaite's degrees of freedom do not keep that promise where a
part with two seeds stands beside one with hundreds of records: where the two agree by luck, they call the sum nearly
certain (tests/studies/error_rates.py). The p-value is the a at which the interval ends at 0.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

FEWEST_RECORDS = 10  # or clusters of them: below, resampling says nothing
SMALLEST_P = 1e-15
MOST_SEEDS = 50  # that a study may be told to have
BOTH, ONLY_RECORDS = "seeds and records", "records"

Unit = tuple[str, ...]  # what is drawn anew by each seed, such as (prompt, model, task, arm, variant)


@dataclass(frozen=True, eq=False)
class Sample:
    """Draws of one quantity, such as the scores of an arm's runs on a task's records.

    The draws are independent of one another; two samples that have a unit in common have it draw by draw.
    """

    name: Hashable  # equal names, equal samples
    values: dict[Hashable, float]  # a draw, such as a seed -> its value
    units: frozenset[Unit] = frozenset()  # what each draw drew; none: nothing in it is random but the records
    grain: float = 0.0  # the least difference that two values can have: what one record is worth
    records: str = ""  # the name of the records, "" where none are resampled
    replicates: np.ndarray | None = field(default=None, repr=False)  # [S] the mean value on every resample of them
    clusters: int = 0  # the records, or groups of them, that are resampled
    folders: frozenset[str] = frozenset()  # of the runs behind it

    @cached_property
    def mean(self) -> float:
        """The plain mean of its values."""
        return float(np.mean(list(self.values.values())))

    @property
    def spread_is_unknown(self) -> bool:
        """Whether something random was drawn once only."""
        return bool(self.units) and len(self.values) == 1


class Part(NamedTuple):
    """What one random unit adds to an estimate."""

    name: str
    variance: float
    freedom: float


@dataclass(frozen=True, eq=False)
class Estimate:
    """A weighted sum of samples: a score, a difference of scores, a mean of differences."""

    terms: tuple[tuple[float, Sample], ...]  # every sample once

    @classmethod
    def of(cls, sample: Sample) -> "Estimate":
        """The mean of one sample."""
        return cls(((1.0, sample),))

    @cached_property
    def value(self) -> float:
        """The sum."""
        return sum(weight * sample.mean for weight, sample in self.terms)

    @cached_property
    def folders(self) -> frozenset[str]:
        """The runs behind it."""
        return frozenset().union(*(sample.folders for _, sample in self.terms))

    @property
    def runs(self) -> int:
        """How many runs are behind it."""
        return len(self.folders)

    @property
    def single(self) -> bool:
        """Whether something random was drawn once only: then nothing is known of how far it spreads."""
        return any(sample.spread_is_unknown for _, sample in self.terms)

    @property
    def level(self) -> str:
        """What the interval covers."""
        return ONLY_RECORDS if self.single else BOTH

    @property
    def parts(self) -> tuple[Part, ...]:
        """The variances of its random parts: one per set of records, one per set of units that hang together."""
        return self.of_records + self.of_seeds

    @cached_property
    def of_records(self) -> tuple[Part, ...]:
        """What the choice of records adds."""
        present = [(weight, sample) for weight, sample in self.terms if weight]
        names = dict.fromkeys(sample.records for _, sample in present if sample.records)
        return tuple(_records_part(name, [term for term in present if term[1].records == name]) for name in names)

    @cached_property
    def of_seeds(self) -> tuple[Part, ...]:
        """What seeds add."""
        return tuple(map(_seeds_part, _sharing([(weight, sample) for weight, sample in self.terms if weight])))

    @property
    def error(self) -> float:
        """Standard error; NaN where it cannot be known."""
        return sum(part.variance for part in self.parts) ** 0.5

    def half_width(self, confidence: float) -> float:
        """Of the interval at this level; NaN where it cannot be known."""
        return _reach(self.parts, np.log(1 - confidence))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Both ends; NaN where they cannot be known."""
        half = self.half_width(confidence)
        return self.value - half, self.value + half

    @cached_property
    def p(self) -> float:
        """Two-sided, of the value being 0; NaN where it cannot be known, and never below SMALLEST_P."""
        return self.p_of(0.0)

    def p_of(self, value: float) -> float:
        """The same of another value."""
        apart = abs(self.value - value)
        if np.isnan(self.error):
            return float("nan")
        if apart == 0:
            return 1.0
        ends = np.log(SMALLEST_P), np.log1p(-1e-12)
        beyond = [_reach(self.parts, end) - apart for end in ends]
        if beyond[0] <= 0:
            return SMALLEST_P
        if beyond[1] >= 0:
            return 1.0
        return float(np.exp(optimize.brentq(lambda log: _reach(self.parts, log) - apart, *ends, xtol=1e-6)))

    def seeds_to_tell(self, p: float) -> int | None:
        """The fewest seeds with which the value would differ from 0 this surely, if it and its spread stay as they are.

        None where something was drawn once only, or where no more than MOST_SEEDS are enough: then it takes records.
        """
        if self.single:
            return None
        for seeds in range(2, MOST_SEEDS + 1):
            parts = [Part(name, size * (freedom + 1) / seeds, seeds - 1) for name, size, freedom in self.of_seeds]
            if _reach((*self.of_records, *parts), np.log(p)) < abs(self.value):
                return seeds
        return None


def linear(terms: list[tuple[float, Estimate]]) -> Estimate:
    """The sum of weighted estimates; a sample that stands in several of them is there once, with its weights added."""
    weights: dict[Hashable, float] = {}
    samples: dict[Hashable, Sample] = {}
    for outer, estimate in terms:
        for inner, sample in estimate.terms:
            weights[sample.name] = weights.get(sample.name, 0.0) + outer * inner
            samples[sample.name] = sample
    return Estimate(tuple((weights[name], sample) for name, sample in samples.items()))


def difference(one: Estimate, other: Estimate, lower: bool = False) -> Estimate:
    """One less the other, turned round where lower is better: positive is better."""
    sign = -1 if lower else 1
    return linear([(sign, one), (-sign, other)])


def mean(estimates: list[Estimate]) -> Estimate:
    """The plain mean."""
    return linear([(1 / len(estimates), estimate) for estimate in estimates])


def share_interval(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """The interval of a score that lies between 0 and 100, which it does not leave: Wilson's (1927).

    Wilson's ends are the shares from which the observed one is one half-width away, where a plain share of as many
    records as give this half-width would have its own; at 0 and 100 these are the records that there are.
    """
    share, half = min(max(estimate.value / 100, 0.0), 1.0), estimate.half_width(confidence) / 100
    if np.isnan(half):
        return half, half
    if 0 < share < 1 and half > 0:
        ratio = half**2 / (share * (1 - share))
    else:
        records = max(sample.clusters for _, sample in estimate.terms)
        ratio = special.stdtrit(records - 1, (1 - confidence) / 2) ** 2 / records
    centre = (share + ratio / 2) / (1 + ratio)
    around = np.sqrt(half**2 + ratio**2 / 4) / (1 + ratio)
    return 100 * max(centre - around, 0.0), 100 * min(centre + around, 1.0)


def _reach(parts: tuple[Part, ...], log_alpha: float) -> float:
    """The half-width of the interval that is too narrow in a share exp(log_alpha) of the cases."""
    _, variance, freedom = zip(*parts, strict=True) if parts else ((), (), ())
    t = special.stdtrit(np.array(freedom, dtype=float), np.exp(log_alpha) / 2)
    return float(np.sqrt(np.sum(t**2 * np.array(variance))))


def _records_part(name: str, terms: list[tuple[float, Sample]]) -> Part:
    """What the choice of one set of records adds; a variance of NaN where they are too few to resample.

    A value that is the same on all resamples is known to no more than one record of them.
    """
    clusters = min(sample.clusters for _, sample in terms)
    replicates = sum(weight * sample.replicates for weight, sample in terms)
    if clusters < FEWEST_RECORDS or not np.isfinite(replicates).all():
        return Part(name, float("nan"), max(clusters - 1, 1))
    variance = float(replicates.var(ddof=1)) * clusters / (clusters - 1)
    value = sum(weight * sample.mean for weight, sample in terms)
    freedom = 1 / (1 / (clusters - 1) + 1 / (len(replicates) - 1))  # the variance is known from so many resamples only
    return Part(name, variance if variance > 1e-18 else (value / clusters) ** 2, freedom)


def _sharing(terms: list[tuple[float, Sample]]) -> list[list[tuple[float, Sample]]]:
    """The samples of several draws in groups: those that share a unit, directly or through others, are in one."""
    groups: list[list[tuple[float, Sample]]] = []
    for term in terms:
        if not term[1].units or term[1].spread_is_unknown:
            continue
        related = [group for group in groups if any(term[1].units & sample.units for _, sample in group)]
        groups = [group for group in groups if group not in related]
        groups.append([*(other for group in related for other in group), term])
    return groups


def _seeds_part(terms: list[tuple[float, Sample]]) -> Part:
    """What units that hang together add: the variance of the weighted sum, draw by draw.

    Values that agree to the last record are known to one record only: rounding by g has the variance g^2 / 12.
    """
    sums: dict[Hashable, float] = {}
    rounding = 0.0
    for weight, sample in terms:
        count = len(sample.values)
        scale = weight / (count * (count - 1)) ** 0.5
        for draw, value in sample.values.items():
            sums[draw] = sums.get(draw, 0.0) + scale * (value - sample.mean)
        rounding += weight**2 * sample.grain**2 / 12 / count
    variance = sum(value**2 for value in sums.values())
    names = sorted({"/".join(unit) for _, sample in terms for unit in sample.units})
    return Part(", ".join(names), max(variance, rounding), min(len(sample.values) for _, sample in terms) - 1)
