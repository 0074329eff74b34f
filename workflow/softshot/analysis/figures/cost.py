"""Score against what it costs, with the front: the cells that are better, beyond chance, than all that cost less."""

import math

import pandas as pd

from softshot.analysis.cells import compared, keys, only
from softshot.analysis.figures.base import HEIGHT, Panel, Spec, blocks, listing, plot, plot_width, text, tips, values
from softshot.analysis.figures.lines import INKED, SHAPED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import MUTED, PAPER, Names, metric_label, task_label
from softshot.analysis.tables import with_span

HEADROOM = 1.12  # times the best score: where the y axis ends
LETTER, LINE, GAP = 6.4, 11, 7  # pixels of a name: of a letter, of its height, and from its mark
ROOM = 18  # pixels at the right of the plot that a name may take
ROOMIER = 70  # pixels that the plot is wider than others, which have names at their right
COSTS = {  # name of the front: column of the cost, the axis, the scale (what tunes nothing is at zero)
    "prediction": ("tokens_per_prediction", "tokens per prediction", {"type": "log"}),
    "tuning": ("tuning_operations", "operations of tuning", {"type": "symlog", "constant": 1e12}),
}


def cost_panels(names: Names, cells: Cells, pareto: pd.DataFrame, front: str) -> list[Panel]:
    """A point per compared cell, the front as a stepped line; a task's panels share one scale."""
    pareto = only(pareto, {cell.key for cell in compared(cells.values())})
    tops = pareto.groupby("task")["mean"].max()
    groups = blocks(pareto, "model")
    width = plot_width(len(groups)) + ROOMIER
    return [_panel(names, cells, front, block, tops[block["task"].iloc[0]], width) for block in groups]


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
            "short": names.series(cells[key]),
            "colour": names.colour(row.arm),
            "shape": names.mark(row.arm),
            "cost": f"{getattr(row, cost):,.4g}",
            "said": with_span(row.mean, row.low, row.high),
            "opacity": 1 if getattr(row, f"front_{front}") else 0.45,
        }
        for key, row in zip(keys(block), block.itertuples(index=False), strict=True)
    ]
    phrases = [f"{point['name']} {point['said']} at {point['cost']}" for point in points if point["front"]]
    title = f"{task_label(task)}, {metric}"
    words = f"{metric} on {task_label(task)} against {x_title}, {model}; on the front: {listing(phrases)}"
    layers = _layers(points, x_title, metric, scale, top) if points else []
    layers += labels(points, scale, top, width)
    return Panel(model, task, plot(title, model, layers, values(points), (width, HEIGHT)), words)


def _ends(costs: list[float], scale: dict) -> tuple[float, float]:
    """The ends of the cost axis."""
    return (
        (0, max(1.3 * max(costs), 2 * scale["constant"]))
        if scale["type"] == "symlog"
        else (min(costs) / 1.3, max(costs) * 1.3)
    )


def labels(points: list[dict], scale: dict, top: float, width: int) -> list[Spec]:
    """The names of the points, in pixels, of the front (bold) and the best first; where there is no room, none.

    A name stands at the right of its mark or at the left, above its middle or below.
    """
    if not points:
        return []
    offset = scale.get("constant", 0)
    low, high = (math.log(end + offset) for end in _ends([point["x"] for point in points], scale))
    taken: list[tuple[float, float, float]] = []  # from, to, and the middle of a mark or name
    places = []
    for point in sorted(points, key=lambda point: (not point["front"], -point["y"])):
        x = width * (math.log(point["x"] + offset) - low) / (high - low)
        y = HEIGHT * (1 - point["y"] / (HEADROOM * top if top > 0 else 1.0))
        places.append((point, x, y))
        taken.append((x - GAP / 2, x + GAP / 2, y))
    names = []
    for point, x, y in places:
        length = LETTER * len(point["short"])
        for right, down in ((True, -GAP), (False, -GAP), (True, GAP), (False, GAP)):
            start, middle = x + GAP if right else x - GAP - length, y + down
            inside = start + length < width + ROOM and start > 0 and middle < HEIGHT
            if inside and all(start > b or start + length < a or abs(middle - at) >= LINE for a, b, at in taken):
                taken.append((start, start + length, middle))
                look = {"align": "left" if right else "right", "baseline": "middle"}
                look |= {"fontWeight": 600 if point["front"] else 400}
                names.append(text(point["short"], x + (GAP if right else -GAP), middle, 11, point["colour"], **look))
                break
    return names


def _layers(points: list[dict], x_title: str, metric: str, scale: dict, top: float) -> list[Spec]:
    ends = list(_ends([point["x"] for point in points], scale))
    axis = {"title": x_title, "grid": False, "tickCount": 3, "format": "~s", "labelOverlap": True}
    x = {"field": "x", "type": "quantitative", "axis": axis, "scale": scale | {"domain": ends, "nice": False}}
    y = {"field": "y", "type": "quantitative", "axis": {"title": None, "tickCount": 5}}
    y |= {"scale": {"domain": [0, HEADROOM * top if top > 0 else 1.0], "nice": False}}
    only = [{"filter": "datum.front"}]
    tooltip = tips(name="arm", said=metric, cost=x_title)
    point = {"type": "point", "filled": True, "opacity": 1, "size": 60, "stroke": PAPER, "strokeWidth": 1}
    step = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.2, "color": MUTED, "strokeDash": [2, 2]}
    opacity = {"field": "opacity", "type": "quantitative", "scale": None}
    seen = {"x": x, "y": y, "color": INKED}
    bar = seen | {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "strokeOpacity": opacity}
    return [
        {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": bar},
        {"transform": only, "mark": step, "encoding": {"x": x, "y": y}},
        {"mark": point, "encoding": seen | {"shape": SHAPED, "fillOpacity": opacity, "tooltip": tooltip}},
    ]
