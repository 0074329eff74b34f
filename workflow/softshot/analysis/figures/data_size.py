"""Score against the number of training records, and where the curves cross."""

import bisect
import math
from dataclasses import replace

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.figures.base import HEIGHT, Panel, blocks, listing, plot_width, seed_values, tips, top, values
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import MUTED, Names, metric_label, task_label
from softshot.analysis.tables import with_span


def data_size_panels(names: Names, cells: Cells, sizes: pd.DataFrame, crossings: pd.DataFrame) -> list[Panel]:
    """A line per arm with the interval of its means; a tick at the top for every crossing."""
    groups, panels = blocks(sizes, "model"), []
    for block in groups:
        model, task = block[["model", "task"]].iloc[0]
        here = crossings[(crossings["model"] == model) & (crossings["task"] == task)].dropna(subset="at")
        of_task = sizes[sizes["task"] == task]
        seeds = pd.Series([value for text in of_task["values"] for value in seed_values(text)])
        axes = Axes("training records", [], 0, top(of_task["mean"], seeds), "", plot_width(len(groups)))
        panels.append(_panel(names, cells, block, here, axes))
    return panels


def _panel(names: Names, cells: Cells, block: pd.DataFrame, crossings: pd.DataFrame, axes: Axes) -> Panel:
    model, task, metric = block["model"].iloc[0], block["task"].iloc[0], metric_label(block["metric"].iloc[0])
    block = block[block["n"] > 0]
    trained = sorted(int(size) for size in block["train"].unique())
    points = [
        names.look(cells[key])
        | {"series": row.series, "place": trained.index(row.train), "y": row.mean, "low": row.low, "high": row.high}
        | {"said": with_span(row.mean, row.low, row.high), "n": row.n, "seeds": seed_values(row.values)}
        for key, row in zip(keys(block), block.itertuples(index=False), strict=True)
    ]
    axes = replace(axes, places=[str(size) for size in trained], value=metric)
    spec = lines(f"{task_label(task)}, {metric}", model, axes, points)
    ticks = [
        {"x": _place(row.at, trained), "sentence": row.sentence, "y": axes.high, "y2": axes.high * (1 - 12 / HEIGHT)}
        for row in crossings.itertuples()
        if points
    ]
    if ticks:
        where = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
        encoding = where | {"y2": {"field": "y2"}, "tooltip": tips(sentence="crossing")}
        mark = {"type": "rule", "strokeWidth": 2, "color": MUTED}
        spec["layer"].append({"data": values(ticks), "mark": mark, "encoding": encoding})
    phrases = [f"{point['series']} {point['y']:.1f} with {trained[point['place']]} records" for point in points]
    words = f"{metric} on {task_label(task)} against the number of training records, {model}: {listing(phrases)}"
    return Panel(model, task, spec, words)


def _place(size: float, sizes: list[int]) -> float:
    """Where along the evenly spaced sizes a size between them is, on a logarithmic scale."""
    after = min(max(bisect.bisect_left(sizes, size), 1), len(sizes) - 1)
    low, high = sizes[after - 1], sizes[after]
    share = (math.log(size) - math.log(low)) / (math.log(high) - math.log(low))
    return after - 1 + min(max(share, 0.0), 1.0)
