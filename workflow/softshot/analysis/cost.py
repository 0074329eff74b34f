"""Score against cost: which arms nothing else beats on both."""

import numpy as np
import pandas as pd

from softshot.analysis.collect import CELL, Results
from softshot.analysis.evidence import UPPER_BOUND, cells, ordinary
from softshot.analysis.tables import main_scores

COSTS = {"ms": "ms_per_prediction", "tuning": "tuning_seconds", "tokens": "input_tokens_per_prediction"}
NUMBERS = ["trainable_parameters", "tuning_seconds", "peak_memory_mb", "ms_per_prediction"]
NUMBERS += ["input_tokens_per_prediction"]
COLUMNS = [*CELL, "tokens", "metric", "mean", "n", *NUMBERS, *(f"front_{name}" for name in COSTS)]


def pareto(results: Results, summary: pd.DataFrame) -> pd.DataFrame:
    """Mean score and mean costs of every cell, and the front: no other of its model and task is as good and as cheap.

    An arm that tunes nothing has 0 parameters and seconds of tuning. Input tokens include the soft prompt. Upper
    bounds are on no front, since no system can use them.
    """
    table = cells(results)
    table = table[ordinary(table)][[*CELL, "retriever"]]
    costs = _per_cell(results)
    table = table.merge(main_scores(summary), on=CELL).merge(costs, on=CELL, how="left")
    table["input_tokens_per_prediction"] += table["tokens"]
    plain = table["tokens"].eq(0) & table["n"].gt(0)
    table.loc[plain, ["trainable_parameters", "tuning_seconds"]] = 0
    for name, cost in COSTS.items():
        table[f"front_{name}"] = False
        for _, block in table[table["retriever"] != UPPER_BOUND].groupby(["model", "task"], sort=False):
            scores = np.where(block["lower"], -block["mean"], block["mean"])
            table.loc[block.index, f"front_{name}"] = front(scores, block[cost].to_numpy(dtype=float))
    return table[COLUMNS]


def front(scores: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Which points no other point equals or beats in score and cost and beats in one; unknown ones are not."""
    known = ~(np.isnan(scores) | np.isnan(costs))
    better = (scores[None] >= scores[:, None]) & (costs[None] <= costs[:, None]) & known[None]
    better &= (scores[None] > scores[:, None]) | (costs[None] < costs[:, None])
    return known & ~better.any(axis=1)


def _per_cell(results: Results) -> pd.DataFrame:
    """Means over the finished runs of each cell: CELL and NUMBERS."""
    costs = results.costs.copy()
    names = ["trainable_parameters", "tuning_seconds", "tuning_peak_memory_mb", "generation_peak_memory_mb"]
    names += ["ms_per_record", "input_tokens", "records"]
    costs[names] = costs[names].apply(pd.to_numeric)
    costs["peak_memory_mb"] = costs[["tuning_peak_memory_mb", "generation_peak_memory_mb"]].max(axis=1)
    costs["ms_per_prediction"] = costs["ms_per_record"]
    costs["input_tokens_per_prediction"] = costs["input_tokens"] / costs["records"]
    return costs.groupby(CELL, sort=False)[NUMBERS].mean().reset_index()
