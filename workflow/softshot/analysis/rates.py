"""The learning rates that adapters were tuned at: given, or chosen among some by the validation loss of the first seed.

Trials are no results: only what a finished run says of its own choice is read.
"""

from typing import Any

import pandas as pd

from softshot.analysis.collect import CELL, Results
from softshot.analysis.names import Names

COLUMNS = [*CELL, "learning_rate", "chosen", "edge", "validation_loss", "diverged", "best_step", "steps", "seconds"]
EDGES = {"low": "lowest", "high": "highest"}


def rates(results: Results) -> pd.DataFrame:
    """A row per tuned cell and rate: COLUMNS. Of a rate that was given and not chosen there is one, without a loss.

    `edge` is `low` or `high` where the chosen rate is the lowest or highest that was tried, so that one beyond may be
    better. The cell of an adapter that is used on another task is that of the run which tuned it.
    """
    rows: dict[tuple, list[dict]] = {}
    for folder, note in zip(results.runs.loc[results.runs["done"], "folder"], results.notes, strict=True):
        tuning = note.get("tuning")
        if tuning:
            place = tuning.get("run") or folder.removeprefix("runs/")
            rows.setdefault(tuple(place.split("/")[:4]), _rows(note, tuning.get("rate")))
    table = [dict(zip(CELL, key, strict=True)) | row for key, of_cell in rows.items() for row in of_cell]
    return pd.DataFrame(table, columns=COLUMNS).astype({"chosen": bool, "diverged": bool})


def _rows(note: dict, choice: dict | None) -> list[dict[str, Any]]:
    """The rates of one adapter, from the run.json of a run that uses it."""
    if choice is None:
        rate = note.get("settings", {}).get("method", {}).get("settings", {}).get("learning_rate")
        return [{"learning_rate": rate, "chosen": True, "edge": "", "diverged": False}]
    return [
        {
            **{column: trial.get(column) for column in COLUMNS if column in trial},
            "chosen": trial["learning_rate"] == choice["learning_rate"],
            "edge": (choice["edge"] or "") if trial["learning_rate"] == choice["learning_rate"] else "",
            "diverged": bool(trial.get("diverged")),
        }
        for trial in choice["trials"]
    ]


def edges(rates: pd.DataFrame, names: Names) -> list[tuple[str, str, str]]:
    """Model, task and a sentence for each, of the cells whose rate is at an edge of what was tried."""
    rows = []
    for (model, task, edge), block in rates[rates["edge"] != ""].groupby(["model", "task", "edge"], sort=False):
        cells = "; ".join(f"{names.label(row.arm, row.variant)} ({row.learning_rate:g})" for row in block.itertuples())
        text = f"The chosen learning rate is the {EDGES[edge]} that was tried, so that one beyond may be better"
        rows.append((model, task, f"{text}: {cells}."))
    return rows
