"""Ensembles of seeds beside their mean and best members."""

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.ensembles import MEAN, RISK, VOTE
from softshot.analysis.figures.base import Panel, Spec, blocks, listing, plot, plot_width, text, tips, values
from softshot.analysis.figures.lines import INKED, SHAPED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import INK, MUTED, PAPER, Names, metric_label, task_label
from softshot.analysis.tables import signed_span

ROW, LETTER = 26, 6.6  # pixels of a row, and of a letter of its name
SHORT = {VOTE: "vote", MEAN: "mean", RISK: "risk"}
NARROWER = 40  # pixels that names take of a panel's plot


def ensemble_panels(names: Names, cells: Cells, ensembles: pd.DataFrame) -> list[Panel]:
    """A panel per model and task: what each way to combine an arm's seeds has over their mean member."""
    groups = blocks(ensembles, "model")
    return [_panel(names, cells, block, plot_width(len(groups)) - NARROWER) for block in groups]


def _panel(names: Names, cells: Cells, block: pd.DataFrame, width: int) -> Panel:
    model, task, metric = block[["model", "task", "metric"]].iloc[0]
    points = [
        names.look(cells[key])
        | {
            "name": f"{names.series(cells[key])}: {SHORT[row.ensemble]}",
            "place": place,
            "y": row.over_mean,
            "n": row.members,
        }
        | {"low": row.over_mean_low, "high": row.over_mean_high, "best": row.over_mean - row.over_best}
        | {"said": signed_span(row.over_mean, row.over_mean_low, row.over_mean_high)}
        for place, (key, row) in enumerate(zip(keys(block), block.itertuples(index=False), strict=True))
    ]
    size, left = (width, ROW * len(points)), -(LETTER * max(len(point["name"]) for point in points) + 14)
    spec = plot(
        f"{task_label(task)}, {metric_label(metric)}", model, _layers(points, size, left), values(points), size, left
    )
    phrases = [f"{point['name']} {point['said']}" for point in points]
    words = (
        f"Ensembles less their mean member on {task_label(task)}, {metric_label(metric)}, {model}: {listing(phrases)}"
    )
    return Panel(model, task, spec, words)


def _layers(points: list[dict], size: tuple[int, int], left: float) -> list[Spec]:
    x = {"field": "y", "type": "quantitative", "scale": {"zero": True, "nice": True}}
    x |= {
        "axis": {
            "title": "points over the mean member",
            "tickCount": 4,
            "domain": False,
            "ticks": False,
            "labelOverlap": True,
        }
    }
    y = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.5, len(points) - 0.5], "reverse": True}}
    seen = {"x": x, "y": y | {"axis": None}, "color": INKED}
    known = {"transform": [{"filter": "isValid(datum.low)"}]}
    bar = {"type": "rule", "strokeWidth": 7, "strokeOpacity": 0.28}
    mark = {"type": "point", "filled": True, "opacity": 1, "size": 90, "stroke": PAPER, "strokeWidth": 1}
    best = {"type": "tick", "thickness": 2, "size": 12}
    nothing = {"data": {"values": [{"y": 0}]}, "mark": {"type": "rule", "color": MUTED, "strokeDash": [3, 3]}}
    layers = [
        nothing | {"encoding": {"x": {"field": "y", "type": "quantitative"}}},
        known | {"mark": bar, "encoding": seen | {"x": x | {"field": "low"}, "x2": {"field": "high"}}},
        {"mark": best, "encoding": seen | {"x": x | {"field": "best"}}},
        {
            "mark": mark,
            "encoding": seen | {"shape": SHAPED, "tooltip": tips(name="ensemble", said="over it", n="members")},
        },
    ]
    middles = [size[1] * (point["place"] + 0.5) / len(points) for point in points]
    return layers + [
        text(point["name"], left, middle, 13, INK, baseline="middle")
        for point, middle in zip(points, middles, strict=True)
    ]
