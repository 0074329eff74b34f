"""What runs cost, once for every table: means per cell, and the front of score against cost.

Tokens and operations are counted, and the same wherever and whenever a run is repeated; milliseconds are not, so they
stand with their range over the runs and the device, and decide nothing.
"""

import pandas as pd

from softshot.analysis.cells import Cell, compared, grouped, keys
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import BETTER, Contrast, Contrasts
from softshot.analysis.tables import main_scores
from softshot.errors import UserError
from softshot.methods.registry import METHODS
from softshot.plan.work import Size, model_size
from softshot.settings import Study

TEXTS = ("merged", "stopped_early", "memory", "device", "threads")  # of `Results.costs`, no numbers to be averaged
MEANS = ["trainable_parameters", "adapter_bytes", "positions_added", "tuning_seconds", "step_seconds"]
MEANS += ["validation_seconds", "steps", "tuning_tokens_per_second", "target_tokens_per_second"]
MEANS += ["first_validation_loss", "best_validation_loss", "generation_seconds", "ms_per_prediction"]
MEANS += ["peak_memory_mb", "tuning_peak_memory_mb", "generation_peak_memory_mb"]
MEANS += ["input_tokens_per_prediction", "output_tokens_per_prediction", "tokens_per_prediction"]
MEANS += ["operations_per_prediction", "tuning_operations"]
DRIFT = ["neutral_loss_before", "neutral_loss_after", "forgotten"]
MEANS += [*DRIFT, "records"]
SUMS = [f"{stage}truncated_{part}" for stage in ("", "tuning_") for part in ("demonstrations", "inputs")]
SUMS += ["tuning_truncated_records"]
PARETO = ["metric", "mean", "low", "high", "n", "trainable_parameters", "adapter_bytes", "positions_added"]
PARETO += ["tuning_operations", "tuning_seconds", "target_tokens_per_second"]
PARETO += ["input_tokens_per_prediction", "output_tokens_per_prediction", "tokens_per_prediction"]
PARETO += ["operations_per_prediction", "ms_per_prediction", "ms_least", "ms_most", "devices", "peak_memory_mb"]
PARETO += ["tuning_peak_memory_mb", "generation_peak_memory_mb", "forgotten"]
COSTS = {"prediction": "tokens_per_prediction", "tuning": "tuning_operations"}  # front -> what it is against
UNTUNED = ["trainable_parameters", "adapter_bytes", "tuning_seconds", "step_seconds", "validation_seconds"]
UNTUNED += ["tuning_operations", "forgotten"]  # of a run that tunes nothing: 0


def per_run(study: Study, results: Results) -> pd.DataFrame:
    """A row per finished run: RUN, and what it took, as recorded and as it follows from that.

    Input tokens are the positions before the output: texts, and what the method puts before them. Operations are those
    of the passes that were made (plan/work.py), of which a prefix's is one for all rows.
    """
    own = {cell.key: cell for cell in results.cells}
    costs = results.costs.rename(columns={"ms_per_record": "ms_per_prediction"})
    numbers = [name for name in costs if name not in (*CELL, "seed", *TEXTS)]
    costs[numbers] = costs[numbers].apply(pd.to_numeric)
    cells = [own[key] for key in keys(costs)]
    costs["peak_memory_mb"] = costs[["tuning_peak_memory_mb", "generation_peak_memory_mb"]].max(axis=1)
    before = costs["positions_added"].fillna(0)
    costs["input_tokens_per_prediction"] = costs["input_tokens"] / costs["records"] + before
    costs["output_tokens_per_prediction"] = costs["output_tokens"] / costs["records"]
    costs["tokens_per_prediction"] = costs["input_tokens_per_prediction"] + costs["output_tokens_per_prediction"]
    sizes = [known_size(study, name) for name in costs["model"]]
    costs["operations_per_prediction"] = operations(sizes, costs, "predicted") / costs["records"]
    passes = [2 + METHODS[cell.method].every_weight for cell in cells]  # one back, or two where all weights are trained
    costs["tuning_operations"] = passes * operations(sizes, costs, "trained") + operations(sizes, costs, "validated")
    costs.loc[[not cell.tuned for cell in cells], UNTUNED] = 0
    costs["stopped_early"] = costs["stopped_early"].eq(True)  # None where nothing is tuned
    return costs


def known_size(study: Study, model: str) -> Size | None:
    """A model's size; None where nothing says it."""
    try:
        return model_size(study, model)
    except UserError:
        return None


def operations(sizes: list[Size | None], costs: pd.DataFrame, passes: str) -> pd.Series:
    """Operations of the forward passes that a run's counts are of."""
    counts = costs[[f"{passes}_{part}" for part in ("read", "attended", "predicted")]]
    numbers = [
        size.forward(read, attended / read, predicted) if size and read > 0 else float("nan")
        for size, (read, attended, predicted) in zip(sizes, counts.itertuples(index=False, name=None), strict=True)
    ]
    return pd.Series(numbers, index=costs.index, dtype=float)


def per_cell(costs: pd.DataFrame) -> pd.DataFrame:
    """A row per cell with finished runs: CELL, means over them, sums of what was cut, how many stopped early, devices.

    `costs`: a row per run.
    """
    groups = costs.groupby(CELL, sort=False)
    table = groups[MEANS].mean()
    table["merged"] = groups["merged"].agg(lambda merged: merged.eq(True).all())
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
    table = main_scores(summary).drop(columns=["n", *DRIFT]).merge(costs, on=CELL, how="left")
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
