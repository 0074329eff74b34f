"""What is best beyond chance: the mark of every compared cell."""

import pandas as pd

from softshot.analysis.cells import Cell, compared, grouped, keys
from softshot.analysis.contrasts import EQUAL, OPEN, WORSE, Contrasts
from softshot.analysis.evidence import Evidence
from softshot.analysis.tables import main_scores

BEST = "best"


def marked(
    summary: pd.DataFrame, cells: list[Cell], evidence: dict[str, Evidence], contrasts: Contrasts
) -> pd.DataFrame:
    """The summary with `compared` and `mark`, in the rows of the main metric.

    `best`: better than every other compared cell of its model and task. Where none is, the cell with the highest mean
    and those that are not shown to be worse have the mark `equal` where the interval of their difference from it is
    inside the margin, else `open`. A single compared cell, and a highest score of 0, have no mark.
    """
    held = set(compared(cells))
    marks: dict[tuple, str] = {}
    for of_task in evidence.values():
        for of_model in grouped(of_task.estimates, "model").values():
            marks |= _marks(of_task, [cell for cell in of_model if cell in held], contrasts)
    main, names = set(main_scores(summary).index), keys(summary)
    held_keys = {cell.key for cell in held}
    rows = [place in main and key in held_keys for place, key in zip(summary.index, names, strict=True)]
    column = [marks.get(key, "") if row else "" for key, row in zip(names, rows, strict=True)]
    return summary.assign(compared=rows, mark=column)


def _marks(evidence: Evidence, cells: list[Cell], contrasts: Contrasts) -> dict[tuple, str]:
    """The marks of one model and task, by the cells' keys."""
    best = max(cells, key=lambda cell: evidence.sign * evidence.estimates[cell].value, default=None)
    if len(cells) < 2 or (evidence.estimates[best].value == 0 and not evidence.lower):
        return {}
    verdicts = {cell: contrasts.of(cell, best).verdict for cell in cells if cell != best}
    rivals = {cell: EQUAL if verdict == EQUAL else OPEN for cell, verdict in verdicts.items() if verdict != WORSE}
    own = BEST if not rivals else OPEN if OPEN in rivals.values() else EQUAL
    return {cell.key: mark for cell, mark in {best: own, **rivals}.items()}
