"""The first demonstration that a run showed with each record: how near it is, and what its output says."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from softshot.analysis.cells import Cell
from softshot.analysis.evidence import Evidence
from softshot.analysis.records import each
from softshot.files import PREDICTIONS, read_jsonl
from softshot.scoring.token_f1 import TokenF1
from softshot.settings import Study
from softshot.study import evaluation


@dataclass(frozen=True)
class Nearness:
    """How near each record's first demonstration is; NaN where there is none, or it was drawn at random."""

    similarity: np.ndarray  # in the retriever's own unit
    overlap: np.ndarray  # token F1 of the demonstration's target with the record's references, 0 to 100


@dataclass(frozen=True)
class Texts:
    """What a task's outputs should be: targets of its training records, references of those that are scored."""

    targets: dict[str, str]
    references: dict[str, list[str]]


class Near:
    """What the cells of a study showed; each task's records, and each cell's first run, are read once."""

    def __init__(self, study: Study, folder: Path, evidence: dict[str, Evidence]):
        self.study, self.folder, self.evidence = study, folder, evidence
        self.known: dict[Cell, Nearness] = {}
        self.texts: dict[str, Texts] = {}
        self.first: dict[Cell, dict[str, dict]] = {}

    def __call__(self, cell: Cell, what: str) -> np.ndarray:
        """Per record of the task [N]: `similarity` or `overlap` of the first demonstration that this cell shows."""
        if cell not in self.known:
            ids = self.evidence[cell.task].statistics.ids
            self.known[cell] = nearness(self._first(cell), ids, self._texts(cell.task))
        return getattr(self.known[cell], what)

    def outputs(self, cell: Cell) -> dict[str, str]:
        """Per record that was shown one: the output of its first demonstration."""
        targets = self._texts(cell.task).targets
        return {id: targets.get(row["id"], "") for id, row in self._first(cell).items()}

    def _texts(self, task: str) -> Texts:
        if task not in self.texts:
            self.texts[task] = texts(self.folder / "data" / task, evaluation(self.study, task))
        return self.texts[task]

    def _first(self, cell: Cell) -> dict[str, dict]:
        """Record id -> {"id", "score"} of the demonstration that the cell's first run put first."""
        if cell not in self.first:
            folder, _ = self.evidence[cell.task].members[cell][0]
            demonstrations = shown(self.folder / folder)
            self.first[cell] = {id: rows[0] for id, rows in demonstrations.items() if rows}
        return self.first[cell]


def shown(folder: Path) -> dict[str, list[dict]]:
    """Per record id the demonstrations that a run showed, nearest first: [{"id", "score"}]."""
    return {row["id"]: row["demonstrations"] for row in read_jsonl(folder / PREDICTIONS)}


def texts(folder: Path, split: str) -> Texts:
    """A task's texts; none where its records are not there."""
    train, records = folder / "train.jsonl", folder / f"{split}.jsonl"
    if not (train.is_file() and records.is_file()):
        return Texts({}, {})
    return Texts(
        targets={row["id"]: row["target"] for row in each(train)},
        references={row["id"]: row["references"] for row in each(records)},
    )


def nearness(first: dict[str, dict], ids: list[str], texts: Texts) -> Nearness:
    """How near the `first` demonstration of each of the records `ids` is."""
    similarity = [first[id]["score"] if id in first else None for id in ids]
    overlap, metric = np.full(len(ids), np.nan), TokenF1()
    for number, id in enumerate(ids):
        target = texts.targets.get(first[id]["id"]) if id in first else None
        if target is not None and id in texts.references:
            f1, *_ = metric.statistics(target, {"references": texts.references[id]})
            overlap[number] = 100 * f1
    return Nearness(np.array(similarity, dtype=float), overlap)
