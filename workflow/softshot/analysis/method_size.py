"""The score against the size of what is tuned: tokens of a soft prompt, the rank of an adapter."""

import pandas as pd

from softshot.analysis import published
from softshot.analysis.cells import Cell
from softshot.analysis.collect import CELL, Results
from softshot.analysis.evidence import Evidence, deviation
from softshot.settings import Study

NUMBERS = ["metric", "mean", "sd", "n", "low", "high"]
SIZE = [*CELL, "demonstrations", "unit", "size", *NUMBERS, "values"]
LEVELS = [*CELL, *NUMBERS, "values"]


def size(study: Study, results: Results, evidence: dict[str, Evidence]) -> pd.DataFrame:
    """The main score of each cell with a size, the interval of its mean, and the published number of the same cell."""
    cells = [cell for cell in results.cells if cell.ordinary and cell.unit]
    rows = [
        {**row, "demonstrations": cell.shown, "unit": cell.unit, "size": cell.size}
        for cell, row in zip(cells, scores(study, results, evidence, cells), strict=True)
    ]
    table = pd.DataFrame(rows, columns=SIZE)
    return published.beside(table, published.scores(study, results), ["published", "published_status"])


def levels(study: Study, results: Results, evidence: dict[str, Evidence]) -> pd.DataFrame:
    """The main score of what has no size, such as in-context learning."""
    cells = [cell for cell in results.cells if cell.ordinary and not cell.unit]
    return pd.DataFrame(scores(study, results, evidence, cells), columns=LEVELS)


def scores(study: Study, results: Results, evidence: dict[str, Evidence], cells: list[Cell]) -> list[dict]:
    """Per cell what names it, its metric, mean, deviation, n, interval, and each seed's score (`1=40.2,2=41.0`)."""
    metrics = dict(results.metrics.drop_duplicates("task")[["task", "metric"]].itertuples(index=False, name=None))
    rows = []
    for cell in cells:
        values, of_task = results.values.get(cell.key, {}), evidence.get(cell.task)
        low, high = of_task.interval(cell, study.analysis.confidence) if of_task else (float("nan"),) * 2
        row = dict(zip(CELL, cell.key, strict=True)) | {"metric": metrics.get(cell.task, "")}
        row |= {"mean": sum(values.values()) / len(values) if values else float("nan"), "sd": deviation(values)}
        text = ",".join(f"{seed}={value:.4f}" for seed, value in values.items())
        rows.append(row | {"n": len(values), "low": low, "high": high, "values": text})
    return rows
