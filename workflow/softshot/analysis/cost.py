"""What runs cost, once for every table: means per cell, and the front of score against cost.

Tokens and operations are counted, and the same wherever and whenever a run is repeated; milliseconds are not, so they
stand with their range over the runs and the device, and decide nothing.
"""

import pandas as pd

from softshot import catalogue
from softshot.analysis.cells import Cell, compared, grouped
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import BETTER, Contrast, Contrasts
from softshot.analysis.tables import main_scores
from softshot.methods.registry import METHODS
from softshot.settings import Study

FORWARD = 2  # operations per parameter and token (Kaplan et al. 2020)
MEANS = ["trainable_parameters", "tuning_seconds", "steps", "tuning_tokens_per_second", "first_validation_loss"]
MEANS += ["best_validation_loss", "generation_seconds", "ms_per_prediction", "peak_memory_mb"]
MEANS += ["input_tokens_per_prediction", "output_tokens_per_prediction", "tokens_per_prediction"]
MEANS += ["operations_per_prediction", "tuning_operations"]
SUMS = [f"{stage}truncated_{part}" for stage in ("", "tuning_") for part in ("demonstrations", "inputs")]
PARETO = ["metric", "mean", "low", "high", "n", "trainable_parameters", "tuning_operations", "tuning_seconds"]
PARETO += ["input_tokens_per_prediction", "output_tokens_per_prediction", "tokens_per_prediction"]
PARETO += ["operations_per_prediction", "ms_per_prediction", "ms_least", "ms_most", "devices", "peak_memory_mb"]
COSTS = {"prediction": "tokens_per_prediction", "tuning": "tuning_operations"}  # front -> what it is against


def per_cell(study: Study, results: Results) -> pd.DataFrame:
    """A row per cell with finished runs: CELL, means over them, sums of what was cut, how many stopped early, devices.

    Input tokens are the positions before the output: texts, and what the method puts before them, which runs once for
    all rows and so is no operation of a prediction. Operations are 2 per parameter and token forward, and in tuning as
    many as the method's backward pass takes; attention is left out. What tunes nothing has 0 parameters, seconds and
    operations of tuning.
    """
    by_key = {cell.key: cell for cell in results.cells}
    costs = results.costs.copy()
    numbers = [name for name in costs if name not in (*CELL, "seed", "stopped_early", "device", "threads")]
    costs[numbers] = costs[numbers].apply(pd.to_numeric)
    own = [by_key[key] for key in costs[CELL].itertuples(index=False, name=None)]
    sizes = {name: catalogue.parameters(name, study.models.folders) or float("nan") for name in study.models.use}
    parameters = costs["model"].map(sizes)
    costs["ms_per_prediction"] = costs["ms_per_record"]
    costs["peak_memory_mb"] = costs[["tuning_peak_memory_mb", "generation_peak_memory_mb"]].max(axis=1)
    before = pd.Series([cell.size if cell.unit == "tokens" else 0 for cell in own], index=costs.index)
    costs["input_tokens_per_prediction"] = costs["input_tokens"] / costs["records"] + before
    costs["output_tokens_per_prediction"] = costs["output_tokens"] / costs["records"]
    tokens = costs["input_tokens_per_prediction"] + costs["output_tokens_per_prediction"]
    costs["tokens_per_prediction"] = tokens
    costs["operations_per_prediction"] = FORWARD * parameters * (tokens - before)
    each = pd.Series([FORWARD + (4 if METHODS[cell.method].every_weight else 2) for cell in own], index=costs.index)
    costs["tuning_operations"] = each * parameters * costs["tuning_tokens_per_second"] * costs["tuning_seconds"]
    plain = [not cell.tuned for cell in own]
    costs.loc[plain, ["trainable_parameters", "tuning_seconds", "tuning_operations"]] = 0
    costs["stopped_early"] = costs["stopped_early"].eq(True)  # None where nothing is tuned
    groups = costs.groupby(CELL, sort=False)
    table = groups[MEANS].mean()
    table["ms_least"], table["ms_most"] = groups["ms_per_prediction"].min(), groups["ms_per_prediction"].max()
    table["devices"] = groups["device"].agg(lambda names: "; ".join(map(str, names.dropna().unique())))
    table[SUMS], table["stopped_early"], table["runs"] = (
        groups[SUMS].sum(),
        groups["stopped_early"].sum(),
        groups.size(),
    )
    return table.reset_index()


def pareto(results: Results, summary: pd.DataFrame, costs: pd.DataFrame, contrasts: Contrasts) -> pd.DataFrame:
    """Mean score and costs of the cells that answer no further question, and the fronts among those that are compared.

    A cell is on a front where it is better, beyond chance, than every other that costs less.
    """
    ordinary = {cell.key: cell for cell in results.cells if cell.ordinary}
    table = main_scores(summary).drop(columns="n").merge(costs, on=CELL, how="left")
    table["n"] = table["runs"].fillna(0).astype(int)
    table = table[[*CELL, *PARETO]]
    for name, cost in COSTS.items():
        spent = dict(zip(table[CELL].itertuples(index=False, name=None), table[cost], strict=True))
        on = {cell.key for cell in front([ordinary[key] for key in spent], spent, contrasts)}
        table = table.assign(**{f"front_{name}": [key in on for key in spent]})
    return table


def front(cells: list[Cell], spent: dict[tuple, float], contrasts: Contrasts) -> list[Cell]:
    """The compared cells that are better than every other compared cell of their model and task which costs less.

    Of those that cost the same the one with the highest mean is on it.
    """
    on = []
    for block in grouped(compared(cells), "model", "task").values():
        priced = [cell for cell in block if pd.notna(spent[cell.key])]
        for cell in priced:
            rivals = [other for other in priced if other != cell and spent[other.key] <= spent[cell.key]]
            if all(_leads(contrasts.of(cell, rival), spent[rival.key] < spent[cell.key]) for rival in rivals):
                on.append(cell)
    return on


def _leads(contrast: Contrast | None, rival_is_cheaper: bool) -> bool:
    if contrast is None:
        return False
    return contrast.verdict == BETTER if rival_is_cheaper else contrast.estimate.value >= 0
