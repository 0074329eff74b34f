"""What the choice of the records adds to a score: the runs of a task scored on the same resamples of its records.

Any two runs are so paired on records (Koehn 2004; Efron & Tibshirani 1993). Records that belong together, such as the
questions on one database, are drawn together: the cluster is what is resampled (Field & Welsh 2007). What seeds add is
not resampled, since so few say nothing by their percentiles (Hesterberg 2015): estimate.py adds it by its variance.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from softshot.analysis import corpus
from softshot.analysis.estimate import Estimate, Sample, Unit
from softshot.analysis.records import Statistics

CHUNK = 4_000_000  # weights at once: memory


def generator(*names: object) -> np.random.Generator:
    """A generator seeded by what it is used for, so that a table is the same in every analysis."""
    text = "/".join(map(str, names))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


@dataclass(frozen=True)
class Replicates:
    """Scores of runs on some of their task's records, and on resamples of these."""

    name: str  # of the records
    values: dict[str, float]  # a run's folder -> its score
    resampled: dict[str, np.ndarray]  # a run's folder -> [S] its score on every resample
    records: int
    clusters: int  # that were resampled: the records, or groups of them

    def estimate(self, cell: tuple, runs: list[tuple[str, int]], units: frozenset[Unit]) -> Estimate | None:
        """The mean score of a cell's runs, (folder, seed) each, in which each seed drew these units anew.

        Runs without a score are left out; None where none has one.
        """
        scored = [(folder, seed) for folder, seed in runs if folder in self.values]
        if not scored:
            return None
        sample = Sample(
            name=(self.name, cell),
            values={seed: self.values[folder] for folder, seed in scored},
            units=units,
            grain=100 / self.records,
            records=self.name,
            replicates=np.mean([self.resampled[folder] for folder, _ in scored], axis=0),
            clusters=self.clusters,
            folders=frozenset(folder for folder, _ in scored),
        )
        return Estimate.of(sample)


def replicate(
    statistics: Statistics, names: tuple[str, ...], samples: int, chosen: np.ndarray | None = None
) -> Replicates:
    """Score every run on the records `chosen` (a mask [N]; all where None) and on `samples` resamples of them.

    The same `names` give the same resamples.
    """
    chosen = np.ones(len(statistics.ids), dtype=bool) if chosen is None else chosen
    _, clusters = np.unique(statistics.clusters[chosen], return_inverse=True)
    count = int(clusters.max()) + 1
    rows = {folder: _summed(of_run[chosen], clusters, count) for folder, of_run in statistics.of.items()}
    sums = _resampled(generator(*names, "records"), list(rows.values()), samples)
    return Replicates(
        name="/".join(names),
        values={folder: float(corpus.scores(statistics.metric, row.sum(axis=0))) for folder, row in rows.items()},
        resampled={folder: corpus.scores(statistics.metric, total) for folder, total in zip(rows, sums, strict=True)},
        records=int(chosen.sum()),
        clusters=count,
    )


def _summed(rows: np.ndarray, clusters: np.ndarray, count: int) -> np.ndarray:
    """Statistics per record [N, K] added up per cluster [C, K]."""
    if count == len(rows):
        return rows[np.argsort(clusters)]
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, clusters, rows)
    return sums


def _resampled(rng: np.random.Generator, rows: list[np.ndarray], samples: int) -> list[np.ndarray]:
    """Sums [S, K] of each run's statistics [C, K] over S resamples of the clusters."""
    count = len(rows[0])
    sums: list[list[np.ndarray]] = [[] for _ in rows]
    step = max(1, CHUNK // max(count, 1))
    for start in range(0, samples, step):
        drawn = rng.integers(0, count, size=(min(step, samples - start), count))
        drawn += np.arange(len(drawn))[:, None] * count
        weights = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)
        for place, of_run in enumerate(rows):
            sums[place].append(weights @ of_run)
    return [np.concatenate(parts) for parts in sums]
