"""Does a demonstration help more where it is similar? Scores of PT and IPT on records binned by how near it is.

Near is said twice: by the retriever's own score, and by what no system knows beforehand, the overlap of the
demonstration's output with the record's references. PT, which shows none, is binned by the demonstration that IPT
shows.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from softshot.analysis import published
from softshot.analysis.bootstrap import Estimate, Replicates, difference, replicate
from softshot.analysis.evidence import Evidence, Key, is_compared, keys
from softshot.analysis.records import Nearness, Statistics, Texts, nearness, shown, texts
from softshot.settings import Study
from softshot.study import evaluation

SCORES = ["pt", "pt_low", "pt_high", "ipt", "ipt_low", "ipt_high", "gain", "gain_low", "gain_high"]
COLUMNS = ["model", "task", "metric", "tokens", "demonstrations", "by", "binning", "bin", "low_edge", "high_edge", "n"]
COLUMNS += SCORES
WHAT = ("similarity", "overlap")


def pairs(found: dict[str, Evidence]) -> list[tuple[str, Key, Key, int, str]]:
    """task, PT, IPT, tokens, demonstrations of every pair at the compared length that has finished runs."""
    made = []
    for task, evidence in found.items():
        table = evidence.cells[is_compared(evidence.cells)]
        for (_, length), block in table.groupby(["model", "tokens"], sort=False):
            ipt = block[block["arm"] == "ipt"]
            made += [
                (task, plain, both, int(length), shown)
                for plain in keys(block[block["arm"] == "pt"])
                for both, shown in zip(keys(ipt), ipt["demonstrations"], strict=True)
                if {plain, both} <= evidence.estimates.keys()
            ]
    return made


class Near:
    """How near the demonstrations of each pair are; each task's records are read once."""

    def __init__(self, study: Study, folder: Path, found: dict[str, Evidence]):
        self.study, self.folder, self.found = study, folder, found
        self.known: dict[Key, Nearness] = {}
        self.texts: dict[str, Texts] = {}

    def __call__(self, ipt: Key, what: str) -> np.ndarray:
        """Per record of the task: similarity or overlap of the first demonstration that this IPT cell shows."""
        task = ipt[1]
        if ipt not in self.known:
            if task not in self.texts:
                self.texts[task] = texts(self.folder / "data" / task, evaluation(self.study, task))
            evidence = self.found[task]
            place = self.folder / evidence.members[ipt][0][0]
            self.known[ipt] = nearness(shown(place), evidence.statistics.ids, self.texts[task])
        return getattr(self.known[ipt], what)


def similarity(study: Study, found: dict[str, Evidence], near: Near) -> pd.DataFrame:
    """Scores of PT and IPT, and IPT's gain, per bin of records; bin 1 holds the most similar."""
    rows = []
    for task, pt, ipt, length, demonstrations in pairs(found):
        for what in WHAT:
            values = near(ipt, what)
            for binning, (bins, edges) in binned(values, study.analysis.bins).items():
                for number, (low, high) in enumerate(edges, 1):
                    inside = bins == number
                    about = (ipt[0], task, found[task].statistics.metric, length, demonstrations, what, binning, number)
                    made = _scores(study, found[task], pt, ipt, inside, (task, what, binning, str(number)))
                    rows.append((*about, low, high, int(inside.sum()), *made))
    table = pd.DataFrame(rows, columns=COLUMNS)
    theirs = published.similarity().assign(by="similarity", binning="width")
    theirs = theirs if study.analysis.bins == theirs["bin"].max() else theirs.head(0)
    return table.merge(theirs, on=["task", "bin", "by", "binning"], how="left")


def binned(values: np.ndarray, count: int) -> dict[str, tuple[np.ndarray, list[tuple[float, float]]]]:
    """Each record's bin, from 1 the nearest, 0 of none, and the bins' (low, high) edges; by width and by count.

    Bins of equal count never part equal values, so there can be fewer of them. No known values: no bins.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return {}
    even = np.linspace(known.min(), known.max(), count + 1)
    ranked = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)))
    return {name: _assign(values, edges) for name, edges in (("width", even), ("count", ranked))}


def _assign(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """A bin holds what is above its low edge, the lowest one its edge too."""
    if len(edges) < 2 or edges[0] == edges[-1]:
        edges = np.array([edges[0], edges[0]])
    last = len(edges) - 1
    places = np.clip(np.searchsorted(edges, values, side="left"), 1, last)
    bins = np.where(np.isnan(values), 0, last + 1 - places)
    return bins, [(float(edges[place - 1]), float(edges[place])) for place in range(last, 0, -1)]


def _of_pair(evidence: Evidence, pt: Key, ipt: Key) -> Statistics:
    """The statistics of the runs of two cells."""
    folders = [folder for key in (pt, ipt) for folder, _ in evidence.members[key]]
    known = evidence.statistics
    of = {folder: known.of[folder] for folder in folders if folder in known.of}
    return Statistics(known.task, known.metric, known.lower, known.ids, of)


def restricted(
    study: Study, evidence: Evidence, pt: Key, ipt: Key, inside: np.ndarray, names: tuple
) -> tuple[Estimate, Estimate, Estimate]:
    """PT, IPT and IPT's gain on some of the records; models that have the same ones there share their resamples."""
    made = replicate(_of_pair(evidence, pt, ipt), (study.study, *names), study.analysis.bootstrap, inside)
    one, other = made.arm(evidence.members[pt]), made.arm(evidence.members[ipt])
    return one, other, difference(other, one, evidence.lower)


def _scores(study: Study, evidence: Evidence, pt: Key, ipt: Key, inside: np.ndarray, names: tuple) -> list[float]:
    """SCORES, all NaN of no records."""
    if not inside.any():
        return [float("nan")] * len(SCORES)
    *scores, gain = restricted(study, evidence, pt, ipt, inside, names)
    values = []
    for estimate in scores:
        low, high = estimate.interval(study.analysis.confidence)
        values += [estimate.value, max(low, 0.0) if low == low else low, high]
    return [*values, gain.value, *gain.interval(study.analysis.confidence)]


def halves(study: Study, evidence: Evidence, pt: Key, ipt: Key, values: np.ndarray) -> Estimate | None:
    """IPT's gain on the more similar half of the records less that on the other; None where they have no halves.

    A run's score on one half less that on the other is what seeds are resampled of: a good seed is good on both.
    """
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max():
        return None
    middle = np.median(known)
    upper = values > middle if (values > middle).any() else values >= middle
    statistics = _of_pair(evidence, pt, ipt)
    names = (study.study, evidence.task, "half")
    nearer, farther = (
        replicate(statistics, (*names, name), study.analysis.bootstrap, inside)
        for name, inside in (("upper", upper), ("lower", ~upper & ~np.isnan(values)))
    )
    apart = Replicates(
        values={run: nearer.values[run] - farther.values[run] for run in nearer.values},
        replicates={run: nearer.replicates[run] - farther.replicates[run] for run in nearer.values},
        records=min(nearer.records, farther.records),
        names=names,
    )
    return difference(apart.arm(evidence.members[ipt]), apart.arm(evidence.members[pt]), evidence.lower)
