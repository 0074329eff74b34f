"""Score against the number of training records, and where the curves cross."""

import bisect
import math

import pandas as pd

from softshot.analysis.figures.base import HEIGHT, MUTED, SHAPES, Panel, colour, listing, tips, values
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.tables import metric_label, plus_minus, task_label


def size_panels(sizes: pd.DataFrame, crossings: pd.DataFrame) -> list[Panel]:
    """A line with a band of one standard deviation per arm; a tick at the top for every crossing."""
    tops = (sizes["mean"] + sizes["sd"].fillna(0)).groupby(sizes["task"]).max()
    panels = []
    for (model, task), block in sizes.groupby(["model", "task"], sort=False):
        there = crossings[(crossings["model"] == model) & (crossings["task"] == task)]
        panels.append(_panel(model, task, block[block["n"] > 0], there.dropna(subset="at"), tops.get(task)))
    return panels


def _panel(model: str, task: str, block: pd.DataFrame, crossings: pd.DataFrame, top: float) -> Panel:
    metric = metric_label(block["metric"].iloc[0]) if len(block) else "score"
    trained = sorted(int(size) for size in block["train"].dropna().unique())
    points = [
        {"series": row.series, "colour": colour(row.arm, row.variant), "shape": SHAPES[row.arm]}
        | {"place": trained.index(row.train), "y": row.mean, "low": row.mean - row.sd, "high": row.mean + row.sd}
        | {"said": plus_minus(row.mean, row.sd), "n": row.n}
        for row in block.dropna(subset="train").itertuples()
    ]
    axes = Axes("training records", [str(size) for size in trained], 0, 1.08 * top if top > 0 else 1.0, metric)
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
    said = [f"{point['series']} {point['y']:.1f} with {trained[point['place']]} records" for point in points]
    words = f"{metric} on {task_label(task)} against the number of training records, {model}: {listing(said)}"
    return Panel(model, task, spec, words)


def _place(size: float, sizes: list[int]) -> float:
    """Where along the evenly spaced sizes a size between them is, on a logarithmic scale."""
    after = min(max(bisect.bisect_left(sizes, size), 1), len(sizes) - 1)
    low, high = sizes[after - 1], sizes[after]
    share = (math.log(size) - math.log(low)) / (math.log(high) - math.log(low))
    return after - 1 + min(max(share, 0.0), 1.0)
