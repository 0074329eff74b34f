"""The main result in one look: every compared cell's score with its interval, and each seed; below them what needs no
model."""

from typing import NamedTuple

import pandas as pd

from softshot.analysis import baselines as trivial
from softshot.analysis.cells import keys
from softshot.analysis.figures.base import (
    Panel,
    Spec,
    blocks,
    listing,
    plot,
    plot_width,
    seed_values,
    text,
    tips,
    top,
    values,
)
from softshot.analysis.figures.lines import INKED, SHAPED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.marks import BEST
from softshot.analysis.names import INK, MUTED, PAPER, Names, metric_label, task_label
from softshot.analysis.tables import main_scores, with_span

ROW = 30  # pixels of a cell
LETTER = 7.0  # pixels of a letter, about
NARROWER = 60  # pixels that the plot is narrower than others, for the names at its left
SEED = 7  # pixels that the seeds stand below the mean
BASELINE = "stroke"  # the mark of what needs no model


class Shape(NamedTuple):
    """The width of a panel's plot, the letters of its longest name, and where its axis ends."""

    width: int
    letters: int
    end: float


def score_panels(names: Names, cells: Cells, summary: pd.DataFrame, baselines: pd.DataFrame) -> list[Panel]:
    """A row per compared cell of a model and task, in the order of the study; a task's panels are beside one another
    and share one scale."""
    rows = main_scores(summary)
    rows = rows[rows["compared"] & rows["n"].gt(0)]
    groups, panels = blocks(rows, "model"), []
    drawn = [
        [*_points(names, cells, block), *_baselines(baselines[baselines["task"] == block["task"].iloc[0]], len(block))]
        for block in groups
    ]
    letters = max((len(point["name"]) for points in drawn for point in points), default=0)  # all plots begin alike
    for block, points in zip(groups, drawn, strict=True):
        task = block["task"].iloc[0]
        of_task = rows[rows["task"] == task]
        seeds = pd.Series([value for text in of_task["values"] for value in seed_values(text)])
        # An interval may be far wider than all scores are apart: it is seen as far as half of that.
        trivial_scores = pd.Series([point["y"] for point in points if point["shape"] == BASELINE], dtype=float)
        end = top(seeds, of_task["high"].clip(upper=1.5 * seeds.max()), trivial_scores)
        for point in points:
            point["high"] = min(point["high"], end)
        shape = Shape(plot_width(len(groups)) - NARROWER, letters, end)
        panels.append(_panel(block["model"].iloc[0], task, metric_label(block["metric"].iloc[0]), points, shape))
    return panels


def _points(names: Names, cells: Cells, block: pd.DataFrame) -> list[dict]:
    """The rows of what was run."""
    points = []
    for place, (key, row) in enumerate(zip(keys(block), block.itertuples(index=False), strict=True)):
        point = {"place": place, "name": names.cell(cells[key]), "score": f"{row.mean:.1f}", "ink": INK}
        point |= {"y": row.mean, "low": row.low, "high": row.high, "n": row.n, "seeds": seed_values(row.values)}
        point |= {"said": with_span(row.mean, row.low, row.high)}
        point |= {"ghost": row.published, "ghost_said": "" if pd.isna(row.published) else f"{row.published:.1f}"}
        points.append(names.look(cells[key]) | point | {"weight": 700 if row.mark == BEST else 400})
    return points


def _baselines(rows: pd.DataFrame, after: int) -> list[dict]:
    """The rows of what needs no model, but for the target itself, which is no rival."""
    points = []
    for row in rows[rows["baseline"] != trivial.TARGET].itertuples(index=False):
        name = trivial.title(row.baseline, row.retriever)
        point = {"series": name, "colour": MUTED, "shape": BASELINE, "place": after + len(points), "name": name}
        point |= {"score": f"{row.score:.1f}", "ink": MUTED, "y": row.score, "low": row.low, "high": row.high, "n": ""}
        point |= {"seeds": [], "said": f"{row.score:.1f}", "ghost": float("nan"), "ghost_said": "", "weight": 400}
        points.append(point)
    return points


def _panel(model: str, task: str, metric: str, points: list[dict], shape: Shape) -> Panel:
    phrases = [f"{point['name']} {point['said']}" for point in points]
    words = f"{metric} on {task_label(task)}, {model}: {listing(phrases)}"
    size, left = (shape.width, ROW * len(points)), -(LETTER * shape.letters + 14)
    layers = [*_marks(points, shape.end, metric), *_texts(points, size, left)]
    spec = plot(f"{task_label(task)}, {metric}", model, layers, values(points), size, left)
    return Panel(model, task, spec, words)


def _marks(points: list[dict], end: float, metric: str) -> list[Spec]:
    x = {"field": "y", "type": "quantitative", "scale": {"domain": [0, end], "nice": False}}
    x |= {"axis": {"title": None, "tickCount": 4, "domain": False, "ticks": False, "labelOverlap": True}}
    y = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.5, len(points) - 0.5], "reverse": True}}
    y |= {"axis": None}
    seen = {"x": x, "y": y, "color": INKED}
    bar = {"type": "rule", "strokeWidth": 7, "strokeOpacity": 0.28}
    mean = {"type": "point", "filled": True, "opacity": 1, "size": 90, "stroke": PAPER, "strokeWidth": 1}
    dot = {"type": "point", "filled": True, "size": 14, "opacity": 0.8, "yOffset": SEED}
    ghost = {"type": "point", "filled": False, "size": 50, "strokeWidth": 1.2}
    rival = {"type": "tick", "thickness": 2, "size": 12}
    tooltip = tips(name="arm", said=metric, n="runs", ghost_said="published")

    def layer(mark: Spec, encoding: Spec, condition: str) -> Spec:
        return {"transform": [{"filter": condition}], "mark": mark, "encoding": seen | encoding}

    seeds = layer(dot, {"x": {**x, "field": "seed"}}, "isValid(datum.seed)")
    seeds["transform"].insert(0, {"flatten": ["seeds"], "as": ["seed"]})
    run = f"datum.shape != '{BASELINE}'"
    return [
        layer(bar, {"x": {**x, "field": "low"}, "x2": {"field": "high"}}, "isValid(datum.low)"),
        seeds,
        layer(ghost, {"x": {**x, "field": "ghost"}, "shape": SHAPED}, "isValid(datum.ghost)"),
        layer(mean, {"shape": SHAPED, "tooltip": tooltip}, run),
        layer(rival, {"tooltip": tooltip}, f"!({run})"),
    ]


def _texts(points: list[dict], size: tuple[int, int], left: float) -> list[Spec]:
    """Each row's name at the left and its score at the right."""
    width, height = size
    layers = []
    for point in points:
        middle, look = height * (point["place"] + 0.5) / len(points), {"baseline": "middle"}
        look |= {"fontWeight": point["weight"]}
        layers.append(text(point["name"], left, middle, 13, point["ink"], **look))
        layers.append(text(point["score"], width + 8, middle, 13, INK if point["weight"] > 400 else MUTED, **look))
    return layers
