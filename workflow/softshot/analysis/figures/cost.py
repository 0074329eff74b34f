"""Score against what it costs, with the front: the cells that are better, beyond chance, than all that cost less."""

import math

import pandas as pd

from softshot.analysis.cells import compared, keys, only
from softshot.analysis.figures.base import HEIGHT, Panel, listing, plot, plot_width, tips, values
from softshot.analysis.figures.lines import INKED, SHAPED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import MUTED, PAPER, Names, metric_label, task_label
from softshot.analysis.tables import with_span

HEADROOM = 1.12  # times the best score: where the y axis ends
LABEL = (46, 13)  # pixels that a name takes
COSTS = {  # name of the front: column of the cost, the axis, the scale (what tunes nothing is at zero)
    "prediction": ("tokens_per_prediction", "tokens per prediction", {"type": "log"}),
    "tuning": ("tuning_operations", "operations of tuning", {"type": "symlog", "constant": 1e12}),
}


def cost_panels(names: Names, cells: Cells, pareto: pd.DataFrame, front: str) -> list[Panel]:
    """A point per compared cell, the front as a stepped line; a task's panels share one scale."""
    pareto = only(pareto, {cell.key for cell in compared(cells.values())})
    tops = pareto.groupby("task")["mean"].max()
    groups = pareto.groupby(["model", "task"], sort=False)
    shape = [(block, tops[task], plot_width(len(groups))) for (_, task), block in groups]
    return [_panel(names, cells, front, block, top, width) for block, top, width in shape]


def _panel(names: Names, cells: Cells, front: str, block: pd.DataFrame, top: float, width: int) -> Panel:
    cost, x_title, scale = COSTS[front]
    model, task, metric = block["model"].iloc[0], block["task"].iloc[0], metric_label(block["metric"].iloc[0])
    least = -1 if scale["type"] == "symlog" else 0  # a logarithmic scale has no zero
    block = block[(block[cost] > least) & block["mean"].notna()].sort_values(cost)
    points = [
        {
            "x": getattr(row, cost),
            "y": row.mean,
            "low": row.low,
            "high": min(row.high, HEADROOM * top) if top > 0 else row.high,
            "front": bool(getattr(row, f"front_{front}")),
            "name": names.cell(cells[key]),
            "short": names.arm(row.arm),
            "colour": names.colour(row.arm),
            "shape": names.mark(row.arm),
            "cost": f"{getattr(row, cost):,.4g}",
            "said": with_span(row.mean, row.low, row.high),
            "opacity": 1 if getattr(row, f"front_{front}") else 0.45,
        }
        for key, row in zip(keys(block), block.itertuples(index=False), strict=True)
    ]
    _label(points, scale, top, width)
    phrases = [f"{point['name']} {point['said']} at {point['cost']}" for point in points if point["front"]]
    title = f"{task_label(task)}, {metric}"
    words = f"{metric} on {task_label(task)} against {x_title}, {model}; on the front: {listing(phrases)}"
    layers = _layers(points, x_title, metric, scale, top) if points else []
    return Panel(model, task, plot(title, model, layers, values(points), (width, HEIGHT)), words)


def _ends(costs: list[float], scale: dict) -> tuple[float, float]:
    """The ends of the cost axis."""
    return (
        (0, max(1.3 * max(costs), 2 * scale["constant"]))
        if scale["type"] == "symlog"
        else (min(costs) / 1.3, max(costs) * 1.3)
    )


def _label(points: list[dict], scale: dict, top: float, width: int) -> None:
    """Name the points of the front, from the best on, where their names have room (`short` is emptied elsewhere)."""
    if not points:
        return
    offset = scale.get("constant", 0)
    low, high = (math.log(end + offset) for end in _ends([point["x"] for point in points], scale))
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: -point["y"]):
        x = width * (math.log(point["x"] + offset) - low) / (high - low)
        y = HEIGHT * point["y"] / (HEADROOM * top if top > 0 else 1.0)
        free = all(abs(x - a) > LABEL[0] or abs(y - b) > LABEL[1] for a, b in taken)
        if point["front"] and free:
            taken.append((x, y))
        else:
            point["short"] = ""


def _layers(points: list[dict], x_title: str, metric: str, scale: dict, top: float) -> list[dict]:
    ends = list(_ends([point["x"] for point in points], scale))
    axis = {"title": x_title, "grid": False, "tickCount": 3, "format": "~s", "labelOverlap": True}
    x = {"field": "x", "type": "quantitative", "axis": axis, "scale": scale | {"domain": ends, "nice": False}}
    y = {"field": "y", "type": "quantitative", "axis": {"title": None, "tickCount": 5}}
    y |= {"scale": {"domain": [0, HEADROOM * top if top > 0 else 1.0], "nice": False}}
    only = [{"filter": "datum.front"}]
    tooltip = tips(name="arm", said=metric, cost=x_title)
    point = {"type": "point", "filled": True, "opacity": 1, "size": 60, "stroke": PAPER, "strokeWidth": 1}
    step = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.2, "color": MUTED, "strokeDash": [2, 2]}
    label = {"type": "text", "align": "left", "dx": 6, "dy": -7, "fontSize": 11, "fontWeight": 600}
    opacity = {"field": "opacity", "type": "quantitative", "scale": None}
    seen = {"x": x, "y": y, "color": INKED}
    bar = seen | {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "strokeOpacity": opacity}
    return [
        {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": bar},
        {"transform": only, "mark": step, "encoding": {"x": x, "y": y}},
        {"mark": point, "encoding": seen | {"shape": SHAPED, "fillOpacity": opacity, "tooltip": tooltip}},
        {"transform": only, "mark": label, "encoding": seen | {"text": {"field": "short", "type": "nominal"}}},
    ]
