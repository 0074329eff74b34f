"""What is known of every arm on a task: estimates, and the arms that are held against each other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from softshot.analysis.bootstrap import Estimate, Replicates, replicate
from softshot.analysis.collect import CELL, Results
from softshot.analysis.records import Statistics, statistics
from softshot.settings import Study

PUBLISHED_LENGTH = 25  # of the published main table
UPPER_BOUND = "oracle"  # a retriever that no real system has

Key = tuple[str, str, str, str]  # CELL


@dataclass(frozen=True)
class Evidence:
    """A task's finished runs, their statistics per record and their replicates."""

    task: str
    cells: pd.DataFrame  # the task's rows of `cells`
    members: dict[Key, list[tuple[str, int]]]  # (folder, seed) of the finished runs of each cell
    statistics: Statistics
    replicates: Replicates
    estimates: dict[Key, Estimate]

    @property
    def lower(self) -> bool:
        """Whether a lower score is better."""
        return self.statistics.lower

    def scores(self, key: Key) -> np.ndarray:
        """The scores of a cell's finished runs."""
        values = self.replicates.values
        return np.array([values[folder] for folder, _ in self.members.get(key, []) if folder in values])

    def folders(self, *cells: Key) -> frozenset[str]:
        """The runs behind some cells."""
        return frozenset().union(*(self.estimates[key].folders for key in cells))


def cells(results: Results) -> pd.DataFrame:
    """One row per CELL in the order of the grid: tokens, retriever, shots, source, train, demonstrations.

    `demonstrations` is `retrieved-1`, "" where an arm shows none.
    """
    rows = results.runs.drop_duplicates(CELL)
    shown = [
        f"{retriever}-{shots}" if shots else "" for retriever, shots in zip(rows.retriever, rows.shots, strict=True)
    ]
    columns = [*CELL, "tokens", "retriever", "shots", "source", "train"]
    return rows[columns].assign(demonstrations=shown).reset_index(drop=True)


def main_length(cells: pd.DataFrame) -> int | None:
    """The prompt length at which arms are compared: that of the published table, or the nearest there is.

    Of the lengths that PT and IPT share, if they share any; None without tuned arms.
    """
    plain = cells[cells["source"].isna() & cells["train"].isna()]
    pt, ipt = (set(plain.loc[plain["arm"] == arm, "tokens"]) for arm in ("pt", "ipt"))
    return min(pt & ipt or pt | ipt, key=lambda tokens: (abs(tokens - PUBLISHED_LENGTH), tokens), default=None)


def is_compared(cells: pd.DataFrame) -> pd.Series:
    """Which cells are held against each other: one prompt length, all training records, no upper bound."""
    of_length = cells["tokens"].isin([0, main_length(cells)])
    return of_length & ordinary(cells) & (cells["retriever"] != UPPER_BOUND)


def ordinary(cells: pd.DataFrame) -> pd.Series:
    """Which cells are of the study's main grid: a task's own prompt and all its training records."""
    return cells["source"].isna() & cells["train"].isna()


def gather(study: Study, results: Results, folder: Path) -> dict[str, Evidence]:
    """The evidence on every task that has any."""
    table, found = cells(results), {}
    done = results.runs[results.runs["done"]]
    for task in study.data.tasks:
        known = statistics(results, folder, task)
        if known is None:
            continue
        replicates = replicate(known, (study.study, task), study.analysis.bootstrap)
        of_task = done[done["task"] == task]
        members = {
            key: list(zip(block["folder"], block["seed"].astype(int), strict=True))
            for key, block in of_task.groupby(CELL, sort=False)
        }
        estimates = {key: estimate for key, runs in members.items() if (estimate := replicates.arm(runs))}
        found[task] = Evidence(task, table[table["task"] == task], members, known, replicates, estimates)
    return found


def keys(cells: pd.DataFrame) -> list[Key]:
    """The cells' names."""
    return list(cells[CELL].itertuples(index=False, name=None))
