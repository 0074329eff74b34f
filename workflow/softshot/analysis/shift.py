"""Domain shift: what an arm's score on some groups of records loses when it has seen none of them.

The records that are scored have two sides: those of the groups that are held out, and those of the others. A run of an
arm is there twice, from all training records and from those of no held-out group: tuned, chosen and shown without
them. Its loss under shift is the first one's score on the held-out side less the second's. Where the training file
holds the groups out by itself (ToTTo's overlap) there is no such pair, and the loss is the one run's score on the other
side less that on the held-out side.

Losses of two arms are compared by their difference: what both lose since the held-out records are harder, or fewer
records are left, is in both. Both sides, all runs and all arms are scored on the same resamples of a side's records.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from softshot import catalogue
from softshot.analysis.bootstrap import Replicates, replicate
from softshot.analysis.cells import PROMPT_TUNING, Cell, grouped, main
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import SHIFT, Contrasts, tested
from softshot.analysis.estimate import Estimate, difference
from softshot.analysis.evidence import Evidence, bounded
from softshot.analysis.records import each
from softshot.data.registry import Grouping, groupings
from softshot.files import read_json
from softshot.grid import asks
from softshot.methods.registry import METHODS
from softshot.settings import Study
from softshot.study import evaluation

IN, OUT = "in_domain", "held_out"  # the sides
SIDES = (IN, OUT)
ENDS = ("", "_low", "_high")
COUNTS = ["n", "n_in_domain", "n_held_out", "left_out"]
COLUMNS = [*CELL, "by", "groups", "metric", *COUNTS]
COLUMNS += [f"{trained}{side}{end}" for trained in ("", "all_") for side in SIDES for end in ENDS]
COLUMNS += ["loss_from", "loss", "loss_low", "loss_high", "loss_level", "other", "difference", "low", "high"]
COLUMNS += ["p", "p_holm", "level", "verdict"]
TEXTS = [*CELL, "by", "groups", "metric", "loss_from", "loss_level", "other", "level", "verdict"]
ALL, SELF = "all training records", "the in-domain side"  # what a loss is measured from


@dataclass(frozen=True)
class Shifted:
    """An arm's cell under a shift. Scores are by side; what has no finished run has none."""

    cell: Cell  # from all training records
    without: Cell  # without the held-out groups; the same cell where the training file has none of them
    scores: dict[str, Estimate | None]  # of `without`
    control: dict[str, Estimate | None]  # of `cell`, where that is another
    loss: Estimate | None  # positive where score is lost
    runs: int  # finished, of `without`


@dataclass(frozen=True)
class Shift:
    """A domain shift of one model and task."""

    model: str
    task: str
    records: dict[str, int]  # side -> records that are scored
    left_out: int  # training records
    cells: list[Shifted]
    comparisons: Contrasts  # of the cells' losses with that of `reference`: positive where less is lost
    reference: Shifted | None

    def claimed(self) -> tuple[Cell | None, Cell | None]:
        """The cells, at the size of the main table, that are prompt tuning and full tuning without demonstrations."""
        plain = [cell for cell in main([one.cell for one in self.cells if one.loss]) if not cell.shots]
        prompt = next((cell for cell in plain if cell.method == PROMPT_TUNING), None)
        return prompt, next((cell for cell in plain if METHODS[cell.method].every_weight), None)


def shifts(study: Study, results: Results, evidence: dict[str, Evidence], folder: Path) -> list[Shift]:
    """Every domain shift that the study asks for, per model and task."""
    listed = []
    for (task, model), cells in grouped(results.cells, "task", "model").items():
        if task in study.shift:
            listed.append(_shift(study, evidence.get(task), model, task, _pairs(study, task, cells), folder))
    return listed


def _pairs(study: Study, task: str, cells: list[Cell]) -> list[tuple[Cell, Cell]]:
    """Each asked cell, and the same without the held-out groups; itself where the training file has none of them."""
    if _grouping(study, task).trained:
        plain = {cell.but("without"): cell for cell in cells if cell.ordinary}
        return [(plain[cell.but("without")], cell) for cell in cells if cell.without]
    return [(cell, cell) for cell in cells if cell.ordinary and asks(study.shift[task], cell)]


def _grouping(study: Study, task: str) -> Grouping:
    return groupings(task, catalogue.task_entry(task, study.data.own).table)[study.shift[task].by]


def _shift(
    study: Study, evidence: Evidence | None, model: str, task: str, pairs: list[tuple[Cell, Cell]], folder: Path
) -> Shift:
    masks = _masks(study, evidence, folder) if evidence else {}
    records = {side: int(masks[side].sum()) if masks else 0 for side in SIDES}
    of_sides = {}
    if evidence and all(records.values()):
        statistics, names = evidence.statistics_of(*itertools.chain(*pairs)), (study.study, task, "shift")
        for side, mask in masks.items() if statistics.of else ():
            of_sides[side] = replicate(statistics, (*names, side), study.analysis.bootstrap, mask)
    cells = [_shifted(evidence, of_sides, *pair) for pair in pairs]
    reference = _reference(cells)
    compared = [one for one in cells if reference and one.loss and one is not reference]
    differences = [difference(reference.loss, one.loss) for one in compared]
    comparisons = Contrasts()
    for contrast in tested(study, SHIFT, [(one.cell, reference.cell) for one in compared], differences):
        comparisons.pairs[contrast.one, contrast.other] = contrast
    return Shift(model, task, records, _left_out(folder, task, pairs), cells, comparisons, reference)


def _left_out(folder: Path, task: str, pairs: list[tuple[Cell, Cell]]) -> int:
    """Training records of the held-out groups."""
    name = next((without.without for _, without in pairs if without.without), "")
    path = folder / "data" / task / "subsets" / f"train_without-{name}.json"
    return read_json(path)["left_out"] if path.is_file() else 0


def _masks(study: Study, evidence: Evidence, folder: Path) -> dict[str, np.ndarray]:
    """Side -> which of the scored records are on it; a record that names no group is on neither."""
    task, field = evidence.task, _grouping(study, evidence.task).field
    path = folder / "data" / task / f"{evaluation(study, task)}.jsonl"
    group_of = {record["id"]: record["meta"].get(field) for record in each(path)} if path.is_file() else {}
    groups = [group_of.get(id) or "" for id in evidence.statistics.ids]
    held_out = np.isin(groups, study.shift[task].held_out)
    return {IN: ~held_out & (np.array(groups) != ""), OUT: held_out}


def _shifted(evidence: Evidence | None, of_sides: dict[str, Replicates], cell: Cell, without: Cell) -> Shifted:
    """A cell's scores on both sides, and its loss."""

    def score(side: str, of: Cell) -> Estimate | None:
        if side not in of_sides or of not in evidence.members:
            return None
        return of_sides[side].estimate(of, evidence.members[of], of.units)

    scores = {side: score(side, without) for side in SIDES}
    control = {side: score(side, cell) for side in SIDES} if cell != without else {}
    before, after = (control or {OUT: scores[IN]})[OUT], scores[OUT]
    loss = difference(before, after, evidence.lower) if before and after else None
    return Shifted(cell, without, scores, control, loss, len(evidence.members.get(without, [])) if evidence else 0)


def _reference(cells: list[Shifted]) -> Shifted | None:
    """What the others' losses are held against: full tuning where there is some, else the first cell with a loss."""
    finished = [one for one in cells if one.loss]
    every = [one for one in finished if METHODS[one.cell.method].every_weight and not one.cell.shots]
    return next(iter(every + finished), None)


def shift(study: Study, evidence: dict[str, Evidence], listed: list[Shift]) -> pd.DataFrame:
    """A row per asked cell: COLUMNS."""
    rows = []
    for one in listed:
        asked = study.shift[one.task]
        about = {"by": asked.by, "groups": ", ".join(asked.held_out), "left_out": one.left_out}
        about |= {f"n_{side}": count for side, count in one.records.items()}
        for cell in one.cells:
            rows.append(dict(zip(CELL, cell.cell.key, strict=True)) | about | {"n": cell.runs})
            if of_task := evidence.get(one.task):
                rows[-1] |= {"metric": of_task.statistics.metric}
                rows[-1] |= _numbers(study, of_task, one, cell)
    table = pd.DataFrame(rows, columns=COLUMNS)
    numbers = [name for name in COLUMNS if name not in (*TEXTS, *COUNTS)]
    kinds = dict.fromkeys(numbers, float) | dict.fromkeys(TEXTS, object)
    return table.astype(kinds).fillna(dict.fromkeys(TEXTS, ""))


def _numbers(study: Study, evidence: Evidence, shift: Shift, shifted: Shifted) -> dict[str, object]:
    """A cell's scores, loss, and comparison with the reference."""
    confidence, row = study.analysis.confidence, {"loss_from": ALL if shifted.control else SELF}
    for trained, scores in (("", shifted.scores), ("all_", shifted.control)):
        for side, score in scores.items():
            if score:
                ends = (score.value, *bounded(score, confidence, evidence.lower))
                row |= {f"{trained}{side}{end}": value for end, value in zip(ENDS, ends, strict=True)}
    if shifted.loss:
        low, high = shifted.loss.interval(confidence)
        row |= {"loss": shifted.loss.value, "loss_low": low, "loss_high": high, "loss_level": shifted.loss.level}
    if shift.reference and (contrast := shift.comparisons.of(shifted.cell, shift.reference.cell)):
        row |= {"other": "/".join(contrast.other.key[2:]), "difference": contrast.estimate.value}
        row |= {"low": contrast.low, "high": contrast.high, "p": contrast.p, "p_holm": contrast.p_holm}
        row |= {"level": contrast.estimate.level, "verdict": contrast.verdict}
    return row
