"""Data size: the score against the number of training records, and where one arm overtakes another."""

import itertools
from pathlib import Path

import pandas as pd

from softshot import overrides
from softshot.analysis.cells import Cell, Key, grouped
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import Contrasts
from softshot.analysis.crossing import Axis, Pair, crossing
from softshot.analysis.evidence import Evidence
from softshot.analysis.method_size import NUMBERS, scores
from softshot.analysis.names import Names
from softshot.analysis.records import counts
from softshot.grid import runs
from softshot.rates import trials
from softshot.settings import Study

COLUMNS = [*CELL, "series", "train", "labelled", *NUMBERS, "values"]
CROSSINGS = ["model", "task", "one", "other", "at", "low", "high", "sentence"]
RECORDS = Axis("sizes", "at any number of training records", "training records", lambda size: f"{round(size):,}")

Curve = dict[int, Cell]  # training records -> cell


def data_size(
    study: Study, results: Results, evidence: dict[str, Evidence], names: Names, folder: Path
) -> pd.DataFrame:
    """The main score of each arm by the number of its training records, all of them last.

    `labelled` are all records whose output an arm has used: the training records and, where something is tuned, the
    validation records by whose loss its step or its learning rate is chosen.
    """
    cells, sizes, series = [], [], []
    for curves in _places(results, folder).values():
        for title, curve in zip(_titles(curves, names), curves, strict=True):
            cells += curve.values()
            sizes += curve
            series += [title] * len(curve)
    rows = scores(study, results, evidence, cells)
    chosen_by = results.costs.assign(rows=pd.to_numeric(results.costs["validation_rows"])).groupby(CELL)["rows"].max()
    choosing = _choosing(study)
    validation = [chosen_by.get(cell.key, float("nan")) if cell.key in choosing else 0 for cell in cells]
    columns = {
        "series": series,
        "train": sizes,
        "labelled": [train + more for train, more in zip(sizes, validation, strict=True)],
    }
    return pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in columns]).assign(**columns)[COLUMNS]


def _choosing(study: Study) -> set[Key]:
    """The cells in whose tuning validation records choose something: the step that is kept, or a learning rate."""
    return {
        Cell.of(run).key
        for run in runs(study)
        if run.tuner and (overrides.tuning(study, run.tuner)["keep"] == "best" or trials(study, run.tuner))
    }


def _curves(results: Results, folder: Path) -> list[Curve]:
    """The cells of each arm that is run on parts of the training records, by how many; with all where known."""
    limited = grouped((cell for cell in results.cells if cell.train), "model", "task")
    curves = []
    for (_, task), cells in limited.items():
        whole = {row["split"]: row["records"] for row in counts(folder, task)}.get("train")
        for name in dict.fromkeys(cell.but("train") for cell in cells):
            own = [cell for cell in results.cells if not cell.source and cell.but("train") == name]
            curve = {cell.train or whole: cell for cell in own if cell.train or whole}
            curves.append(dict(sorted(curve.items())))
    return curves


def _places(results: Results, folder: Path) -> dict[tuple[str, str], list[Curve]]:
    """The curves of each model and task."""
    places: dict[tuple[str, str], list[Curve]] = {}
    for curve in _curves(results, folder):
        first = next(iter(curve.values()))
        places.setdefault((first.model, first.task), []).append(curve)
    return places


def _titles(curves: list[Curve], names: Names) -> list[str]:
    """What curves are called: their arm and demonstrations, and their size where that tells two apart."""
    cells = [next(iter(curve.values())) for curve in curves]
    titles = [names.series(cell) for cell in cells]
    return [
        f"{title}, {cell.size} {cell.unit}" if titles.count(title) > 1 and cell.unit else title
        for title, cell in zip(titles, cells, strict=True)
    ]


def crossings(study: Study, results: Results, contrasts: Contrasts, names: Names, folder: Path) -> pd.DataFrame:
    """Where each pair of arms changes places, or that no order is certain."""
    rows = []
    for (model, task), curves in _places(results, folder).items():
        titled = zip(_titles(curves, names), curves, strict=True)
        for (one, curve), (other, other_curve) in itertools.combinations(titled, 2):
            pairs = [Pair(size, curve[size], other_curve[size]) for size in curve if size in other_curve]
            rows.append((model, task, one, other, *crossing(study, contrasts, pairs, [one, other], RECORDS)))
    return pd.DataFrame(rows, columns=CROSSINGS)
