"""Ensembles of seeds beside their mean and best members."""

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.ensembles import MEAN, RISK, VOTE
from softshot.analysis.figures.base import Panel, blocks, listing, plot_width, tips
from softshot.analysis.figures.effects import effects
from softshot.analysis.figures.lines import SHAPED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.tables import signed_span

ROW = 26  # pixels
SHORT = {VOTE: "vote", MEAN: "mean", RISK: "risk"}
NARROWER = 40  # pixels that names take of a panel's plot


def ensemble_panels(names: Names, cells: Cells, ensembles: pd.DataFrame) -> list[Panel]:
    """A panel per model and task: what each way to combine an arm's seeds has over their mean member."""
    groups = blocks(ensembles, "model")
    return [_panel(names, cells, block, plot_width(len(groups)) - NARROWER) for block in groups]


def _panel(names: Names, cells: Cells, block: pd.DataFrame, width: int) -> Panel:
    model, task, metric = block[["model", "task", "metric"]].iloc[0]
    points = []
    for place, (key, row) in enumerate(zip(keys(block), block.itertuples(index=False), strict=True)):
        name = f"{names.series(cells[key])}: {SHORT[row.ensemble]}"
        point = names.look(cells[key]) | {"name": name, "place": place, "y": row.over_mean, "n": row.members}
        point |= {"low": row.over_mean_low, "high": row.over_mean_high, "best": row.over_mean - row.over_best}
        points.append(point | {"said": signed_span(row.over_mean, row.over_mean_low, row.over_mean_high)})
    title, axis = (
        f"{task_label(task)}, {metric_label(metric)}",
        {"title": "points over the mean member", "tickCount": 4},
    )
    marked = {"shape": SHAPED, "tooltip": tips(name="ensemble", said="over it", n="members")}
    spec = effects(title, model, points, (width, ROW), axis, marked, ticked="best")
    phrases = [f"{point['name']} {point['said']}" for point in points]
    return Panel(model, task, spec, f"Ensembles less their mean member on {title}, {model}: {listing(phrases)}")
