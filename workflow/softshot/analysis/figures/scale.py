"""Score, and distance to full tuning, against the parameters of the model."""

import math

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.figures.base import Panel, blocks, listing, plot_width, seed_values, top
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import Names, count, metric_label, task_label
from softshot.analysis.tables import signed_span, with_span


def scale_panels(names: Names, cells: Cells, scale: pd.DataFrame) -> list[Panel]:
    """A panel per task, a line per arm over the study's models, with the interval of its means."""
    return [_panel(names, cells, block, len(scale["task"].unique()), False) for block in blocks(scale, "task")]


def distance_panels(names: Names, cells: Cells, scale: pd.DataFrame) -> list[Panel]:
    """The same of the score less full tuning's with the same model; tasks without full tuning have none."""
    apart = scale[scale["over_full"].notna()]
    return [_panel(names, cells, block, len(apart["task"].unique()), True) for block in blocks(apart, "task")]


def _panel(names: Names, cells: Cells, block: pd.DataFrame, panels: int, distance: bool) -> Panel:
    task, metric = block["task"].iloc[0], metric_label(block["metric"].iloc[0])
    done = block[block["n"] > 0]
    models = done.drop_duplicates("model").sort_values("parameters", kind="stable")
    places = list(models["model"])
    what = "over_full" if distance else "mean"
    ends = ("over_full_low", "over_full_high") if distance else ("low", "high")
    points = [
        names.look(cells[key])
        | {"place": places.index(row["model"]), "y": row[what], "low": row[ends[0]], "high": row[ends[1]]}
        | {"said": (signed_span if distance else with_span)(row[what], row[ends[0]], row[ends[1]]), "n": row["n"]}
        | {"seeds": [] if distance else seed_values(row["values"])}
        for key, row in zip(keys(done), done.to_dict("records"), strict=True)
    ]
    low, high = _ends(done, ends) if distance else (0, top(done["mean"], _seeds(points)))
    labels = [count(size) for size in models["parameters"]]
    axes = Axes("parameters", labels, low, high, metric, plot_width(panels), _logarithmic(models["parameters"]))
    title = "less full tuning's" if distance else "against the model's parameters"
    spec = lines(f"{task_label(task)}, {metric}", title, axes, points)
    phrases = [f"{point['series']} {point['said']} with {places[point['place']]}" for point in points]
    return Panel("", task, spec, f"{metric} on {task_label(task)}, {title}: {listing(phrases)}")


def _seeds(points: list[dict]) -> pd.Series:
    return pd.Series([value for point in points for value in point["seeds"]], dtype=float)


def _ends(done: pd.DataFrame, ends: tuple[str, str]) -> tuple[float, float]:
    """Where the axis of distances ends: a little beyond all intervals, and nothing."""
    numbers = pd.concat([done[name] for name in (*ends, "over_full")])
    low, high = min(0.0, numbers.min()), max(0.0, numbers.max())
    room = 0.08 * max(high - low, 1.0)
    return low - room, high + room


def _logarithmic(parameters: pd.Series) -> list[float]:
    """Where the models are on an axis as long as evenly spaced ones would take."""
    logs = [math.log(size) for size in parameters] or [0.0]
    reach = (logs[-1] - logs[0]) or 1.0
    return [(log - logs[0]) / reach * (len(logs) - 1) for log in logs]
