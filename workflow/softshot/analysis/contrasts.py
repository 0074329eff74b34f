"""Every comparison of two cells, made once: which pairs are compared, in which family, and the verdict of each.

Whatever the page says of a pair, in tables, claims, advice, marks or figures, is read from here. A family is what is
asked of one model on one task:

- main       every two of the compared cells
- size       with demonstrations against without, at the same size of the same method
- transfer   an adapter of another task before demonstrations, against these alone
- data size  every two of the arms that are run on parts of the training records, on as many of them
- shift      losses under domain shift, each against full tuning's (shift.py)
- chosen     for advice: arms at the size that had the lowest validation loss, where that is another than the compared

A pair is in the first of these families that has it. Within a family p is corrected after Holm (1979), so that the
chance of calling any pair of it different that is not is at most 1 - confidence, whichever of them one looks at.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from softshot.analysis.cells import Cell, baseline, compared, grouped, with_and_without
from softshot.analysis.estimate import Estimate, difference
from softshot.analysis.evidence import Evidence
from softshot.settings import Study

BETTER, WORSE, EQUAL, OPEN = "better", "worse", "equal", "open"
MAIN, SIZE, TRANSFER, DATA_SIZE, SHIFT, CHOSEN = "main", "size", "transfer", "data size", "shift", "chosen"
REVERSED = {BETTER: WORSE, WORSE: BETTER, EQUAL: EQUAL, OPEN: OPEN}


@dataclass(frozen=True)
class Contrast:
    """One cell less another, positive where the first is better.

    Verdict: `better` or `worse` where p after Holm is below 1 - confidence; else `equal` where the interval is inside
    the margin; else `open`. What rests on a single seed is open. `seeds`: how many would decide an open one by the
    strictest step of Holm's correction, if difference and spread stay as they are.
    """

    family: str
    one: Cell
    other: Cell
    estimate: Estimate
    low: float
    high: float
    p: float
    p_holm: float
    verdict: str
    seeds: int | None = None

    @property
    def turned(self) -> "Contrast":
        """The other cell less this one."""
        turned = Estimate(tuple((-weight, sample) for weight, sample in self.estimate.terms))
        ends, verdict = (-self.high, -self.low), REVERSED[self.verdict]
        return Contrast(self.family, self.other, self.one, turned, *ends, self.p, self.p_holm, verdict, self.seeds)


@dataclass
class Contrasts:
    """All comparisons of a study, by pair."""

    pairs: dict[tuple[Cell, Cell], Contrast] = field(default_factory=dict)

    def of(self, one: Cell | None, other: Cell | None) -> Contrast | None:
        """One cell less the other; None where they are not compared, or one has no run."""
        if (one, other) in self.pairs:
            return self.pairs[one, other]
        return self.pairs[other, one].turned if (other, one) in self.pairs else None

    def family(self, *names: str) -> list[Contrast]:
        """All comparisons of some families."""
        return [contrast for contrast in self.pairs.values() if contrast.family in names]


def contrasts(study: Study, evidence: dict[str, Evidence], leaders: dict[Cell, int]) -> Contrasts:
    """All comparisons that finished runs allow. `leaders`: the cells that advice chooses among, and of how many sizes
    each was chosen by its validation loss, with which its p is multiplied where no other family has the pair."""
    comparisons = Contrasts()
    for of_task in evidence.values():
        for cells in grouped(of_task.cells, "model").values():
            chosen = [cell for cell in cells if cell in leaders]
            for family, pairs in _families(cells, chosen):
                finished = [pair for pair in dict.fromkeys(pairs) if of_task.estimates.keys() >= set(pair)]
                asked = [pair for pair in finished if comparisons.of(*pair) is None]
                estimates = [
                    difference(of_task.estimates[one], of_task.estimates[other], of_task.lower) for one, other in asked
                ]
                choices = [leaders[one] * leaders[other] if family == CHOSEN else 1 for one, other in asked]
                for contrast in tested(study, family, asked, estimates, choices):
                    comparisons.pairs[contrast.one, contrast.other] = contrast
    return comparisons


def tested(
    study: Study,
    family: str,
    pairs: list[tuple[Cell, Cell]],
    differences: list[Estimate],
    choices: list[int] | None = None,
) -> list[Contrast]:
    """The pairs of one family by their differences, corrected and judged; p is first multiplied by `choices`."""
    counts = choices or [1] * len(pairs)
    corrected = holm([min(count * estimate.p, 1.0) for count, estimate in zip(counts, differences, strict=True)])
    comparisons = []
    strictest = (1 - study.analysis.confidence) / max(len(pairs), 1)
    for (one, other), estimate, p, count in zip(pairs, differences, corrected, counts, strict=True):
        low, high = estimate.interval(study.analysis.confidence)
        verdict = judged(estimate, float(p), study)
        seeds = estimate.seeds_to_tell(strictest / count) if verdict == OPEN else None
        comparisons.append(Contrast(family, one, other, estimate, low, high, estimate.p, float(p), verdict, seeds))
    return comparisons


def judged(estimate: Estimate, p_holm: float, study: Study, bound: float = 0.0) -> str:
    """The verdict on a difference: better than a bound that p is of, or worse; of a bound of -1, not 1 worse."""
    if estimate.single or not np.isfinite(p_holm):
        return OPEN
    if p_holm < 1 - study.analysis.confidence:
        return BETTER if estimate.value > bound else WORSE
    low, high = estimate.interval(study.analysis.confidence)
    return EQUAL if max(-low, high) <= study.analysis.margin else OPEN


def holm(p: Iterable[float]) -> np.ndarray:
    """Holm's step-down correction; NaN stays NaN and counts for nothing."""
    p = np.asarray(list(p), dtype=float)
    corrected, finite = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = finite[np.argsort(p[finite], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def _families(cells: list[Cell], leaders: list[Cell]) -> Iterator[tuple[str, list[tuple[Cell, Cell]]]]:
    """The pairs of each family of a model and task; the later cell of the study first."""
    yield MAIN, _every_two(compared(cells))
    yield SIZE, [(shown, plain) for plain, shown in with_and_without(cells)]
    moved = [cell for cell in cells if cell.source]
    yield TRANSFER, [(cell, alone) for cell in moved if (alone := baseline(cells, cell))]
    limited = {cell.but("train") for cell in cells if cell.train}
    curves = [cell for cell in cells if not cell.source and cell.but("train") in limited]
    yield DATA_SIZE, [pair for of_size in grouped(curves, "train").values() for pair in _every_two(of_size)]
    yield CHOSEN, _every_two(leaders)


def _every_two(cells: list[Cell]) -> list[tuple[Cell, Cell]]:
    return [(one, other) for other, one in itertools.combinations(cells, 2)]
