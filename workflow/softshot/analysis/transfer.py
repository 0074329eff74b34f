"""Cross-task transfer: what an adapter tuned on one task adds to demonstrations of another."""

import pandas as pd

from softshot.analysis.cells import Cell, baseline
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import TRANSFER, Contrasts
from softshot.analysis.evidence import Evidence, deviation

COLUMNS = [*CELL, "source", "size", "demonstrations", "metric", "score", "sd", "n", "alone", "gain", "low", "high"]
COLUMNS += ["p", "p_holm", "level", "verdict"]


def transfer(results: Results, evidence: dict[str, Evidence], contrasts: Contrasts) -> pd.DataFrame:
    """A row per adapter and target task, its own among them where asked for: score, and gain over demonstrations alone.

    Runs that are not there leave their numbers empty.
    """
    rows = []
    for cell in results.cells:
        if not cell.source:
            continue
        of_task, alone = evidence.get(cell.task), baseline(results.cells, cell)
        scores = of_task.scores(cell) if of_task else {}
        row = dict(zip(CELL, cell.key, strict=True))
        row |= {"source": cell.source, "size": cell.size, "demonstrations": cell.shown, "metric": ""}
        row |= {"sd": deviation(scores), "n": len(scores), "level": "", "verdict": ""}
        row["score"] = sum(scores.values()) / len(scores) if scores else None
        if of_task:
            row["metric"] = of_task.statistics.metric
            row["alone"] = of_task.estimates[alone].value if alone in of_task.estimates else None
        if gain := contrasts.of(cell, alone):
            row |= {"gain": gain.estimate.value, "low": gain.low, "high": gain.high, "p": gain.p}
            row |= {"p_holm": gain.p_holm, "level": gain.estimate.level, "verdict": gain.verdict}
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    numbers = ["score", "sd", "alone", "gain", "low", "high", "p", "p_holm"]
    return table.astype(dict.fromkeys(numbers, float))


def gains(contrasts: Contrasts) -> dict[tuple[str, str], list]:
    """Per model and target task the gains before demonstrations of all sources but the task itself."""
    by_place: dict[tuple[str, str], list] = {}
    for contrast in contrasts.family(TRANSFER):
        moved: Cell = contrast.one
        if moved.source != moved.task and moved.shots:
            by_place.setdefault((moved.model, moved.task), []).append(contrast.estimate)
    return by_place
