"""Data size: the score against the number of training records, and where one arm overtakes another."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from softshot.analysis.cells import Cell, grouped
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import BETTER, WORSE, Contrasts
from softshot.analysis.estimate import Estimate, difference, linear
from softshot.analysis.evidence import Evidence
from softshot.analysis.method_size import NUMBERS, scores
from softshot.analysis.names import Names
from softshot.analysis.records import counts
from softshot.settings import Study

COLUMNS = [*CELL, "series", "train", "labelled", *NUMBERS, "values"]
CROSSINGS = ["model", "task", "one", "other", "at", "low", "high", "sentence"]
STEPS = 60  # at which the interval of a crossing is sought between two sizes

Curve = dict[int, Cell]  # training records -> cell


def data_size(
    study: Study, results: Results, evidence: dict[str, Evidence], names: Names, folder: Path
) -> pd.DataFrame:
    """The main score of each arm by the number of its training records, all of them last.

    `labelled` are all records whose output an arm has used: the training records and, where something is tuned, the
    validation records by whose loss its step is chosen.
    """
    cells, sizes, series = [], [], []
    for curves in _places(results, folder).values():
        for title, curve in zip(_titles(curves, names), curves, strict=True):
            cells += curve.values()
            sizes += curve
            series += [title] * len(curve)
    rows = scores(study, results, evidence, cells)
    chosen_by = results.costs.assign(rows=pd.to_numeric(results.costs["validation_rows"])).groupby(CELL)["rows"].max()
    validation = [chosen_by.get(cell.key, float("nan")) if cell.tuned else 0 for cell in cells]
    columns = {
        "series": series,
        "train": sizes,
        "labelled": [train + more for train, more in zip(sizes, validation, strict=True)],
    }
    return pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in columns]).assign(**columns)[COLUMNS]


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


def crossings(
    study: Study,
    results: Results,
    evidence: dict[str, Evidence],
    contrasts: Contrasts,
    names: Names,
    folder: Path,
) -> pd.DataFrame:
    """Where each pair of arms changes places, or that no order is certain.

    A crossing is told only where one arm is significantly worse at some size and significantly better at a larger one:
    curves of equal arms cross at random as well.
    """
    rows = []
    for (model, task), curves in _places(results, folder).items():
        titled = zip(_titles(curves, names), curves, strict=True)
        for (one, curve), (other, other_curve) in itertools.combinations(titled, 2):
            crossing = _crossing(study, evidence.get(task), contrasts, (curve, other_curve), [one, other])
            rows.append((model, task, one, other, *crossing))
    return pd.DataFrame(rows, columns=CROSSINGS)


def _crossing(
    study: Study, evidence: Evidence | None, contrasts: Contrasts, curves: tuple[Curve, Curve], titles: list[str]
) -> tuple[float, float, float, str]:
    """at, low, high and a sentence."""
    nothing = (float("nan"),) * 3
    estimates = evidence.estimates if evidence else {}
    common = [size for size in curves[0] if size in curves[1] and estimates.keys() >= {c[size] for c in curves}]
    if len(common) < 2:
        return *nothing, f"{titles[0]} and {titles[1]} have fewer than two sizes in common: nothing can be said."
    of_size = {size: contrasts.of(curves[0][size], curves[1][size]) for size in common}
    verdicts = {size: contrast.verdict if contrast else "" for size, contrast in of_size.items()}
    ahead = [size for size in common if verdicts[size] == BETTER]
    behind = [size for size in common if verdicts[size] == WORSE]
    if not ahead and not behind:
        return *nothing, f"{titles[0]} and {titles[1]}: no order is certain at any number of training records."
    if not ahead or not behind:
        better, worse = titles if ahead else titles[::-1]
        at = ", ".join(f"{size:,}" for size in ahead or behind)
        rest = "" if common == (ahead or behind) else "; at others no order is certain"
        return *nothing, f"{better} scores better than {worse} at {at} training records{rest}."
    if min(behind) > min(ahead):
        leader, before, after = titles[1], min(ahead), min(behind)
    else:
        leader, before, after = titles[0], min(behind), min(ahead)
    loser = titles[0] if leader == titles[1] else titles[1]
    between = [size for size in common if before <= size <= after]
    leads = [
        difference(estimates[curves[0][size]], estimates[curves[1][size]], evidence.lower if evidence else False)
        for size in between
    ]
    at, low, high = _place(between, leads, study.analysis.confidence)
    text = f"{leader} overtakes {loser} at about {round(at):,} training records ({round(low):,} to {round(high):,})."
    return at, low, high, f"{text} {loser} is significantly better at {before:,}, {leader} at {after:,}."


def _place(sizes: list[int], leads: list[Estimate], confidence: float) -> tuple[float, float, float]:
    """Where the lead is 0, on the logarithm of the size between neighbours, and all places where its interval has 0."""
    points = [(x, estimate) for x, estimate in _between(np.log(sizes), leads)]
    at = next(
        left + (right - left) * one.value / (one.value - other.value)
        for (left, one), (right, other) in itertools.pairwise(points)
        if one.value == 0 or (one.value * other.value <= 0 and one.value != other.value)
    )
    inside = [x for x, estimate in points if abs(estimate.value) <= estimate.half_width(confidence)]
    ends = (min([at, *inside]), max([at, *inside]))
    return float(np.exp(at)), float(np.exp(ends[0])), float(np.exp(ends[1]))


def _between(x: np.ndarray, leads: list[Estimate]) -> Iterator[tuple[float, Estimate]]:
    """The leads, and those between neighbours that lie on the line from one to the other."""
    for place in range(len(x) - 1):
        for share in np.arange(STEPS) / STEPS:
            weighted = linear([(1 - share, leads[place]), (share, leads[place + 1])])
            yield x[place] + share * (x[place + 1] - x[place]), weighted
    yield x[-1], leads[-1]
