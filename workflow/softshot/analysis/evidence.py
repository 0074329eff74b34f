"""What is known of every cell on a task: its runs' statistics per record, and estimates of its score."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from softshot.analysis.bootstrap import Replicates, replicate
from softshot.analysis.cells import Cell, compared, grouped
from softshot.analysis.collect import CELL, Results
from softshot.analysis.estimate import Estimate, share_interval
from softshot.analysis.records import Statistics, statistics
from softshot.settings import Study
from softshot.study import evaluation

Members = list[tuple[str, int]]  # folder and seed of finished runs


@dataclass(frozen=True)
class Evidence:
    """A task's finished runs, their statistics per record and their replicates."""

    task: str
    cells: list[Cell]  # of the task, in the order of the grid, with runs or not
    members: dict[Cell, Members]
    statistics: Statistics
    replicates: Replicates
    estimates: dict[Cell, Estimate]

    @property
    def lower(self) -> bool:
        """Whether a lower score is better."""
        return self.statistics.lower

    @property
    def sign(self) -> int:
        """What turns a score so that more is better."""
        return -1 if self.lower else 1

    def of_model(self, model: str) -> list[Cell]:
        """The cells of a model that have an estimate."""
        return [cell for cell in self.cells if cell.model == model and cell in self.estimates]

    def scores(self, cell: Cell) -> dict[int, float]:
        """Seed -> score of a cell's finished runs."""
        values = self.replicates.values
        return {seed: values[folder] for folder, seed in self.members.get(cell, []) if folder in values}

    def interval(self, cell: Cell, confidence: float) -> tuple[float, float]:
        """The interval of a cell's mean score; NaN where nothing is known.

        Scores are between 0 and 100, but for error rates, which are only not below 0.
        """
        return bounded(self.estimates.get(cell), confidence, self.lower)

    def statistics_of(self, *cells: Cell) -> Statistics:
        """The statistics of the runs of some cells."""
        folders = [folder for cell in cells for folder, _ in self.members.get(cell, [])]
        of = self.statistics.of
        return replace(self.statistics, of={folder: of[folder] for folder in folders if folder in of})

    @cached_property
    def scale(self) -> float:
        """What one record varies by, in points: the root mean square over the compared cells.

        The deviation of a corpus score over resamples times the root of their number: for right and wrong answers that
        of one answer. In units of it effects on tasks with different metrics can be averaged.
        """
        samples = [self.estimates[cell].terms[0][1] for cell in compared(self.cells) if cell in self.estimates]
        variances = [sample.replicates.var(ddof=1) * sample.clusters for sample in samples]
        return float(np.sqrt(np.mean(variances))) if variances else 0.0


def gather(study: Study, results: Results, folder: Path) -> dict[str, Evidence]:
    """The evidence on every task that has any, by its main metric."""
    evidence = {}
    for task, cells in grouped(results.cells, "task").items():
        members = _members(results, cells)
        for _, metric, _, _, lower in (
            results.metrics[results.metrics["task"] == task[0]].head(1).itertuples(index=False)
        ):
            if of_task := _evidence(study, folder, cells, members, metric, bool(lower)):
                evidence[task[0]] = of_task
    return evidence


def secondary(
    study: Study, results: Results, evidence: dict[str, Evidence], folder: Path
) -> dict[tuple[str, str], Evidence]:
    """The evidence by a task's other metrics, of its compared cells alone: by task and metric."""
    by_metric = {}
    for task, metric, _, listed, lower in results.metrics.itertuples(index=False):
        if task in evidence and listed and metric != evidence[task].statistics.metric:
            held = compared(evidence[task].cells)
            members = {cell: runs for cell, runs in evidence[task].members.items() if cell in held}
            if of_metric := _evidence(study, folder, held, members, metric, bool(lower)):
                by_metric[task, metric] = of_metric
    return by_metric


def _members(results: Results, cells: list[Cell]) -> dict[Cell, Members]:
    """The finished runs of each cell."""
    done = results.runs[results.runs["done"]]
    by_key = {cell.key: cell for cell in cells}
    return {
        by_key[key]: list(zip(block["folder"], block["seed"].astype(int), strict=True))
        for key, block in done.groupby(CELL, sort=False)
        if key in by_key
    }


def _evidence(
    study: Study, folder: Path, cells: list[Cell], members: dict[Cell, Members], metric: str, lower: bool
) -> Evidence | None:
    """What these runs say by one metric; None where no run has it."""
    task = cells[0].task
    places = [place for runs in members.values() for place, _ in runs]
    of_runs = statistics(folder, task, evaluation(study, task), metric, lower, places)
    if of_runs is None:
        return None
    replicates = replicate(of_runs, (study.study, task), study.analysis.bootstrap)
    return Evidence(task, cells, members, of_runs, replicates, estimates(replicates, members))


def estimates(replicates: Replicates, members: dict[Cell, Members]) -> dict[Cell, Estimate]:
    """The estimate of every cell that has a scored run."""
    named = {cell: replicates.estimate(cell, runs, cell.units) for cell, runs in members.items()}
    return {cell: estimate for cell, estimate in named.items() if estimate}


def bounded(estimate: Estimate | None, confidence: float, lower: bool) -> tuple[float, float]:
    """The interval of a score, which it does not leave."""
    if estimate is None:
        return float("nan"), float("nan")
    if not lower:
        return share_interval(estimate, confidence)
    low, high = estimate.interval(confidence)
    return max(low, 0.0) if np.isfinite(low) else low, high


def deviation(scores: dict[int, float]) -> float:
    """Sample standard deviation over seeds; NaN of fewer than two."""
    return float(np.std(list(scores.values()), ddof=1)) if len(scores) > 1 else float("nan")
