"""Scale: the score against the model's parameters, and how far each arm is from full tuning as models grow.

Lester et al. (2021): prompt tuning lags far behind full tuning with small models and comes up to it with large ones.
The parameters are all of a model's. Models of one family differ in little else; those of several differ in more.
"""

import itertools

import numpy as np
import pandas as pd

from softshot.analysis.cells import Cell, compared, grouped
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import Contrasts
from softshot.analysis.cost import known_size
from softshot.analysis.crossing import Axis, Pair, crossing
from softshot.analysis.estimate import Estimate, linear
from softshot.analysis.evidence import Evidence
from softshot.analysis.method_size import NUMBERS, scores
from softshot.analysis.names import Names, count
from softshot.methods.registry import METHODS
from softshot.settings import Study

OVER = ["over_full", "over_full_low", "over_full_high", "over_full_p_holm", "over_full_verdict"]
COLUMNS = [*CELL, "series", "parameters", *NUMBERS, *OVER, "values"]
CROSSINGS = ["task", "one", "other", "with_full", "at", "low", "high", "sentence"]
PARAMETERS = Axis("models of known size", "with any model", "parameters", count)

Curve = dict[str, Cell]  # model, the smaller first -> cell


def sizes(study: Study) -> dict[str, int]:
    """The parameters of the study's models, the smallest first; empty where no two are known to differ in size."""
    known = {name: size.parameters for name in study.models.use if (size := known_size(study, name))}
    return dict(sorted(known.items(), key=lambda item: item[1])) if len(set(known.values())) > 1 else {}


def full_tuning(evidence: Evidence | None, model: str) -> Cell | None:
    """The finished compared cell of a model in which every weight is tuned, without demonstrations."""
    held = [cell for cell in compared(evidence.cells) if cell.model == model] if evidence else []
    tuned = (cell for cell in held if METHODS[cell.method].every_weight and not cell.shots and not cell.given)
    return next((cell for cell in tuned if cell in evidence.estimates), None)


def scale(
    study: Study, results: Results, evidence: dict[str, Evidence], contrasts: Contrasts, names: Names
) -> pd.DataFrame:
    """A row per compared cell and model of known size: its score, and that less full tuning's of the same model."""
    known = sizes(study)
    cells = [cell for curves in _curves(results, known).values() for curve in curves for cell in curve.values()]
    rows = []
    for cell, row in zip(cells, scores(study, results, evidence, cells), strict=True):
        row |= {"series": names.series(cell), "parameters": known[cell.model]} | dict.fromkeys(OVER, float("nan"))
        row["over_full_verdict"] = ""
        if over := contrasts.of(cell, full_tuning(evidence.get(cell.task), cell.model)):
            ends = over.low, over.high
            row |= dict(zip(OVER, (over.estimate.value, *ends, over.p_holm, over.verdict), strict=True))
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def crossings(
    study: Study, results: Results, evidence: dict[str, Evidence], contrasts: Contrasts, names: Names
) -> pd.DataFrame:
    """Where each two arms change places as models grow; `with_full`: one of them is full tuning."""
    known, rows = sizes(study), []
    for task, curves in _curves(results, known).items():
        full = {full_tuning(evidence.get(task), model) for model in known}
        for one, other in itertools.combinations(curves, 2):
            titles = [names.series(next(iter(curve.values()))) for curve in (one, other)]
            pairs = [Pair(known[model], one[model], other[model]) for model in one if model in other]
            with_full = any(cell in full for curve in (one, other) for cell in curve.values())
            rows.append((task, *titles, with_full, *crossing(study, contrasts, pairs, titles, PARAMETERS)))
    return pd.DataFrame(rows, columns=CROSSINGS)


def approach(contrasts: Contrasts, known: dict[str, int], pairs: dict[str, tuple[Cell, Cell]]) -> Estimate | None:
    """How the lead of one cell over another grows with the model: points for ten times the parameters.

    `pairs`: the two cells of each model. The slope of a straight line by least squares on the logarithm of the
    parameters, a weighted sum of leads: what is random in it is what is random in these. None where fewer than two
    sizes have both cells.
    """
    leads = {model: contrast.estimate for model, pair in pairs.items() if (contrast := contrasts.of(*pair))}
    if len({known[model] for model in leads}) < 2:
        return None
    x = np.log10([known[model] for model in leads])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    return linear(list(zip(weights.tolist(), leads.values(), strict=True)))


def _curves(results: Results, known: dict[str, int]) -> dict[str, list[Curve]]:
    """Per task the cells of each arm over the models of known size; what stands with one model alone is no curve."""
    held = [cell for cell in compared(results.cells) if cell.model in known]
    curves: dict[str, list[Curve]] = {}
    for (task,), of_task in grouped(held, "task").items():
        blocks: dict[Cell, Curve] = {}
        for cell in sorted(of_task, key=lambda cell: known[cell.model]):
            blocks.setdefault(cell._replace(model=""), {})[cell.model] = cell
        order = dict.fromkeys(cell._replace(model="") for cell in of_task)
        curves[task] = [blocks[name] for name in order if len(blocks[name]) > 1]
    return curves
