"""The main result in one look: every compared cell's score with its interval, and each seed."""

from collections.abc import Sequence

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.figures.base import Panel, Spec, listing, plot, seed_values, text, tips, top, values
from softshot.analysis.figures.lines import INKED, SHAPED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.marks import BEST
from softshot.analysis.names import INK, MUTED, PAPER, Names, metric_label, task_label
from softshot.analysis.tables import main_scores, span

ROW = 30  # pixels of a cell
LETTER = 6.6  # pixels of a letter, about
WIDTHS = {1: 520, 2: 300}  # pixels of the plot where a figure has few panels
WIDTH = 190  # of the plot where it has more
SEED = 7  # pixels that the seeds stand below the mean


def score_panels(names: Names, cells: Cells, summary: pd.DataFrame) -> list[Panel]:
    """A row per compared cell of a model and task, in the order of the study; a task's panels are beside one another and
    share one scale."""
    rows = main_scores(summary)
    rows = rows[rows["compared"] & rows["n"].gt(0)]
    groups = [
        ((model, task), block)
        for task, of_task in rows.groupby("task", sort=False)
        for model, block in of_task.groupby("model", sort=False)
    ]
    width = WIDTHS.get(len(groups), WIDTH)
    labels = max((len(names.label(row.arm, row.variant)) for row in rows.itertuples()), default=0)
    panels = []
    for (model, task), block in groups:
        of_task = rows[rows["task"] == task]
        seeds = pd.Series([value for said in of_task["values"] for value in seed_values(said)])
        # An interval may be far wider than all scores are apart: it is seen as far as half of that.
        reach = of_task["high"].clip(upper=1.5 * seeds.max())
        panels.append(_panel(names, cells, model, task, block, top(seeds, reach), (width, labels)))
    return panels


def _panel(
    names: Names, cells: Cells, model: str, task: str, block: pd.DataFrame, end: float, size: tuple[int, int]
) -> Panel:
    metric = metric_label(block["metric"].iloc[0])
    points = []
    for place, (key, row) in enumerate(zip(keys(block), block.itertuples(index=False), strict=True)):
        score = f"{row.mean:.1f}"
        points.append(
            names.look(cells[key])
            | {"place": place, "name": names.cell(cells[key]), "score": score, "weight": 700 if row.mark == BEST else 400}
            | {"y": row.mean, "low": row.low, "high": row.high, "n": row.n, "seeds": seed_values(row.values)}
            | {"said": f"{score} ({span(row.low, row.high)})" if row.low == row.low else score}
            | {"ghost": row.published, "ghost_said": "" if pd.isna(row.published) else f"{row.published:.1f}"}
        )
    said = [f"{point['name']} {point['said']}" for point in points]
    words = f"{metric} on {task_label(task)}, {model}: {listing(said)}"
    width, letters = size
    shape, left = (width, ROW * len(points)), -(LETTER * letters + 14)
    spec = plot(f"{task_label(task)}, {metric}", model, _layers(points, end, left, shape, metric), values(points), shape, left)
    return Panel(model, task, spec, words)


def _layers(points: Sequence[dict], end: float, left: float, size: tuple[int, int], metric: str) -> list[Spec]:
    width, height = size
    x = {"field": "y", "type": "quantitative", "scale": {"domain": [0, end], "nice": False}}
    x |= {"axis": {"title": None, "tickCount": 5, "domain": False, "ticks": False}}
    y = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.5, len(points) - 0.5], "reverse": True}}
    y |= {"axis": None}
    seen = {"x": x, "y": y, "color": INKED}
    bar = seen | {"x": {**x, "field": "low"}, "x2": {"field": "high"}}
    tooltip = tips(name="arm", said=metric, n="runs", ghost_said="published")
    mean = {"type": "point", "filled": True, "opacity": 1, "size": 90, "stroke": PAPER, "strokeWidth": 1}
    dot = {"type": "point", "filled": True, "size": 14, "opacity": 0.8, "yOffset": SEED}
    ghost = {"type": "point", "filled": False, "size": 50, "strokeWidth": 1.2}
    known = [{"filter": "isValid(datum.low)"}]
    layers = [
        {"transform": known, "mark": {"type": "rule", "strokeWidth": 7, "strokeOpacity": 0.28, "clip": True}}
        | {"encoding": bar},
        {"transform": [{"flatten": ["seeds"], "as": ["seed"]}], "mark": dot}
        | {"encoding": seen | {"x": {**x, "field": "seed"}}},
        {"transform": [{"filter": "isValid(datum.ghost)"}], "mark": ghost}
        | {"encoding": seen | {"x": {**x, "field": "ghost"}, "shape": SHAPED}},
        {"mark": mean, "encoding": seen | {"shape": SHAPED, "tooltip": tooltip}},
    ]
    for point in points:
        middle = height * (point["place"] + 0.5) / len(points)
        weight = {"fontWeight": point["weight"], "baseline": "middle"}
        layers.append(text(point["name"], left, middle, 13, INK, **weight))
        layers.append(text(point["score"], width + 8, middle, 13, INK if point["weight"] > 400 else MUTED, **weight))
    return layers
