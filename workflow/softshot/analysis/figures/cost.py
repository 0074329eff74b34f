"""Score against what it costs, with the Pareto front: the arms that no other beats at the same cost or less."""

import math

import pandas as pd

from softshot.analysis.figures.base import (
    HEIGHT,
    MUTED,
    PAPER,
    SHAPES,
    WIDTH,
    Panel,
    colour,
    listing,
    plot,
    tips,
    values,
)
from softshot.analysis.figures.lines import INKED, SHAPED
from softshot.analysis.tables import ARMS, metric_label, run_label, task_label

HEADROOM = 1.12  # times the best score: where the y axis ends
LABEL = (46, 13)  # pixels that a name takes
COSTS = {  # column of the cost: that of its front, the axis, and the scale (nothing is tuned for ICL: zero is there)
    "ms_per_prediction": ("front_ms", "milliseconds per prediction", {"type": "log"}),
    "tuning_seconds": ("front_tuning", "seconds of tuning", {"type": "symlog", "constant": 10}),
    "input_tokens_per_prediction": ("front_tokens", "input tokens per prediction", {"type": "log"}),
}


def cost_panels(pareto: pd.DataFrame, cost: str) -> list[Panel]:
    """A point per variant, the front as a stepped line; a task's panels share one scale."""
    tops = pareto.groupby("task")["mean"].max()
    return [
        _panel(model, task, cost, block, tops[task])
        for (model, task), block in pareto.groupby(["model", "task"], sort=False)
    ]


def _panel(model: str, task: str, cost: str, block: pd.DataFrame, top: float) -> Panel:
    front, x_title, scale = COSTS[cost]
    metric = metric_label(block["metric"].iloc[0])
    least = -1 if scale["type"] == "symlog" else 0  # a logarithmic scale has no zero
    costs = pd.to_numeric(block[cost]).fillna(0 if cost == "tuning_seconds" else float("nan"))
    block = block.assign(cost=costs)[(costs > least) & block["mean"].notna()]
    points = [
        {
            "x": row["cost"],
            "y": row["mean"],
            "front": bool(row[front]),
            "name": run_label(row["arm"], row["variant"]),
            "short": f"{ARMS[row['arm']]} {int(row['tokens'])}" if row["tokens"] else ARMS[row["arm"]],
            "colour": colour(row["arm"], row["variant"]),
            "shape": SHAPES[row["arm"]],
            "cost": f"{row['cost']:,.4g}",
            "said": f"{row['mean']:.1f}",
            "opacity": 1 if row[front] else 0.45,
        }
        for row in block.sort_values("cost").to_dict("records")
    ]
    _label(points, scale, top)
    said = [f"{point['name']} {point['said']} at {point['cost']}" for point in points if point["front"]]
    title = f"{task_label(task)}, {metric}"
    words = f"{metric} on {task_label(task)} against {x_title}, {model}; on the Pareto front: {listing(said)}"
    layers = _layers(points, x_title, metric, scale, top) if points else []
    return Panel(model, task, plot(title, model, layers, values(points)), words)


def _ends(costs: list[float], scale: dict) -> tuple[float, float]:
    """The ends of the cost axis."""
    return (0, max(1.3 * max(costs), 10)) if scale["type"] == "symlog" else (min(costs) / 1.3, max(costs) * 1.3)


def _label(points: list[dict], scale: dict, top: float) -> None:
    """Name the points of the front, from the best on, where their names have room (`short` is emptied elsewhere)."""
    if not points:
        return
    offset = scale.get("constant", 0)
    low, high = (math.log(end + offset) for end in _ends([point["x"] for point in points], scale))
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: -point["y"]):
        x = WIDTH * (math.log(point["x"] + offset) - low) / (high - low)
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
    return [
        {"transform": only, "mark": step, "encoding": {"x": x, "y": y}},
        {"mark": point, "encoding": seen | {"shape": SHAPED, "fillOpacity": opacity, "tooltip": tooltip}},
        {"transform": only, "mark": label, "encoding": seen | {"text": {"field": "short", "type": "nominal"}}},
    ]
