"""Does a demonstration help more where it is similar? Scores without and with it, on records binned by how near it is.

Near is said twice: by the retriever's own score, and by what no system knows beforehand, the overlap of the
demonstration's output with the record's references. What shows none is binned by the demonstration that the other
shows. Bins are many and made after the fact: each interval is for one bin by itself.
"""

import numpy as np
import pandas as pd

from softshot.analysis import published
from softshot.analysis.bootstrap import Replicates, replicate
from softshot.analysis.cells import Cell, compared, with_and_without
from softshot.analysis.collect import Results
from softshot.analysis.estimate import Estimate, difference
from softshot.analysis.evidence import Evidence, bounded
from softshot.analysis.near import Near
from softshot.settings import Study

SCORES = ["without", "without_low", "without_high", "with", "with_low", "with_high", "gain", "gain_low", "gain_high"]
COLUMNS = ["model", "task", "metric", "without_arm", "without_variant", "with_arm", "with_variant"]
COLUMNS += ["demonstrations", "by", "binning", "bin", "low_edge", "high_edge", "n", *SCORES]
WHAT = ("similarity", "overlap")


def pairs(evidence: Evidence) -> list[tuple[Cell, Cell]]:
    """The compared cells of a tuned method without and with demonstrations that have finished runs."""
    held = [cell for cell in compared(evidence.cells) if cell.tuned and cell in evidence.estimates]
    return with_and_without(held)


def similarity(study: Study, results: Results, evidence: dict[str, Evidence], near: Near) -> pd.DataFrame:
    """Scores without and with demonstrations, and their gain, per bin of records; bin 1 holds the most similar."""
    rows = []
    for task, of_task in evidence.items():
        for plain, both in pairs(of_task):
            about = (both.model, task, of_task.statistics.metric)
            about += (plain.arm, plain.variant, both.arm, both.variant, both.shown)
            for what in WHAT:
                for binning, (bins, edges) in binned(near(both, what), study.analysis.bins).items():
                    for number, (low, high) in enumerate(edges, 1):
                        inside = bins == number
                        scores = _scores(study, of_task, plain, both, inside, (what, binning, str(number)))
                        rows.append((*about, what, binning, number, low, high, int(inside.sum()), *scores))
    table = pd.DataFrame(rows, columns=COLUMNS)
    theirs = published.similarity(study, results, evidence, pairs)
    return table.merge(theirs, on=["model", "task", "demonstrations", "bin", "by", "binning"], how="left")


def binned(values: np.ndarray, count: int) -> dict[str, tuple[np.ndarray, list[tuple[float, float]]]]:
    """Each record's bin, from 1 the nearest, 0 of none, and the bins' (low, high) edges; by width and by count.

    Bins of equal count never part equal values, so there can be fewer of them. No known values: no bins.
    """
    finite = values[~np.isnan(values)]
    if not len(finite):
        return {}
    even = np.linspace(finite.min(), finite.max(), count + 1)
    ranked = np.unique(np.quantile(finite, np.linspace(0, 1, count + 1)))
    return {name: _assign(values, edges) for name, edges in (("width", even), ("count", ranked))}


def _assign(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """A bin holds what is above its low edge, the lowest one its edge too."""
    if len(edges) < 2 or edges[0] == edges[-1]:
        edges = np.array([edges[0], edges[0]])
    last = len(edges) - 1
    places = np.clip(np.searchsorted(edges, values, side="left"), 1, last)
    bins = np.where(np.isnan(values), 0, last + 1 - places)
    return bins, [(float(edges[place - 1]), float(edges[place])) for place in range(last, 0, -1)]


def _scores(
    study: Study, evidence: Evidence, plain: Cell, both: Cell, inside: np.ndarray, names: tuple[str, ...]
) -> list[float]:
    """SCORES on some of the records, all NaN of none; models with the same ones there share their resamples."""
    if not inside.any():
        return [float("nan")] * len(SCORES)
    names = (study.study, evidence.task, *names)
    replicates = replicate(evidence.statistics_of(plain, both), names, study.analysis.bootstrap, inside)
    scores = [replicates.estimate(cell, evidence.members[cell], cell.units) for cell in (plain, both)]
    confidence, values = study.analysis.confidence, []
    for estimate in scores:
        values += [estimate.value, *bounded(estimate, confidence, evidence.lower)]
    gain = difference(scores[1], scores[0], evidence.lower)
    return [*values, gain.value, *gain.interval(confidence)]


def more_similar(values: np.ndarray) -> np.ndarray | None:
    """Which records are in the half with the more similar demonstrations; None where there are no halves."""
    finite = values[~np.isnan(values)]
    if not len(finite) or finite.min() == finite.max():
        return None
    middle = np.median(finite)
    return values > middle if (values > middle).any() else values >= middle


def nearer_gain(study: Study, evidence: Evidence, plain: Cell, both: Cell, values: np.ndarray) -> Estimate | None:
    """What demonstrations add on the half of the records with the more similar ones; None where there is none."""
    upper = more_similar(values)
    if upper is None:
        return None
    names = (study.study, evidence.task, "half", "upper")
    replicates = replicate(evidence.statistics_of(plain, both), names, study.analysis.bootstrap, upper)
    shown, alone = (replicates.estimate(cell, evidence.members[cell], cell.units) for cell in (both, plain))
    return difference(shown, alone, evidence.lower)


def halves(study: Study, evidence: Evidence, plain: Cell, both: Cell, values: np.ndarray) -> Estimate | None:
    """The gain on the more similar half of the records less that on the other; None where they have no halves.

    A run's score on one half less that on the other is what seeds vary in: a good seed is good on both.
    """
    upper = more_similar(values)
    if upper is None:
        return None
    lower = ~upper & ~np.isnan(values)
    statistics, names = evidence.statistics_of(plain, both), (study.study, evidence.task, "half")
    nearer, farther = (
        replicate(statistics, (*names, name), study.analysis.bootstrap, inside)
        for name, inside in (("upper", upper), ("lower", lower))
    )
    apart = Replicates(
        name="/".join(names),
        values={run: nearer.values[run] - farther.values[run] for run in nearer.values},
        resampled={run: nearer.resampled[run] - farther.resampled[run] for run in nearer.values},
        records=min(nearer.records, farther.records),
        clusters=min(nearer.clusters, farther.clusters),
    )
    shown, alone = (apart.estimate(cell, evidence.members[cell], cell.units) for cell in (both, plain))
    return difference(shown, alone, evidence.lower)
