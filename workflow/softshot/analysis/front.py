"""Any two columns of the costs against each other: what the page draws when its reader chooses them."""

from typing import Any, NamedTuple

import pandas as pd

from softshot.analysis.cells import UPPER_BOUND, keys, only
from softshot.analysis.figures.base import CONFIG
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import Names, metric_label, task_label


class Column(NamedTuple):
    """A column of pareto.tsv that can be an axis."""

    name: str
    title: str
    better: int  # 1 where higher is, -1 where lower is


COLUMNS = [
    Column("mean", "score", 1),  # turned round where a lower score is better
    Column("forgotten", "forgotten (nats per token)", -1),
    Column("trainable_parameters", "trained parameters", -1),
    Column("adapter_bytes", "adapter (bytes)", -1),
    Column("positions_added", "positions before every row", -1),
    Column("tuning_seconds", "seconds of tuning", -1),
    Column("tuning_operations", "operations of tuning", -1),
    Column("target_tokens_per_second", "target tokens a second while tuning", 1),
    Column("tuning_peak_memory_mb", "peak memory of tuning (MB)", -1),
    Column("tokens_per_prediction", "tokens per prediction", -1),
    Column("operations_per_prediction", "operations per prediction", -1),
    Column("ms_per_prediction", "ms per prediction", -1),
    Column("generation_peak_memory_mb", "peak memory of prediction (MB)", -1),
]


def choices(names: Names, cells: Cells, pareto: pd.DataFrame, lower: set[str]) -> dict[str, Any]:
    """The columns that have values, a point per cell with a score, at any size, and the look of the page's figures.

    `lower`: tasks whose main score is better where it is lower.
    """
    usable = {cell.key for cell in cells.values() if cell.ordinary and cell.retriever != UPPER_BOUND}
    table = only(pareto, usable)
    table = table[table["mean"].notna()]
    columns = [column for column in COLUMNS if table[column.name].notna().any()]
    return {
        "columns": [column._asdict() for column in columns],
        "config": CONFIG,
        "points": [
            {
                "model": row["model"],
                "task": row["task"],
                "panel": f"{task_label(row['task'])}, {metric_label(row['metric'])}, {row['model']}",
                "turned": row["task"] in lower,
                "arm": names.cell(cells[key]),
                "short": names.arm(row["arm"]),
                "colour": names.colour(row["arm"]),
                "shape": names.mark(row["arm"]),
                "values": [None if pd.isna(row[column.name]) else float(row[column.name]) for column in columns],
            }
            for key, row in zip(keys(table), table.to_dict("records"), strict=True)
        ],
    }
