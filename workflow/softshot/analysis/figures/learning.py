"""Validation loss against optimiser step while a soft prompt is tuned."""

import pandas as pd

from softshot.analysis.cells import Cell, grouped, only
from softshot.analysis.figures.base import (
    HEIGHT,
    POINTER,
    Panel,
    end_labels,
    listing,
    plot,
    plot_width,
    tips,
    values,
)
from softshot.analysis.figures.lines import INKED
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import Names, task_label

POINTS = 24  # of a curve at most: a reader sees no more
PANEL = 1500  # points of a panel, about: with many curves each has fewer


def learning_panels(names: Names, cells: Cells, curves: pd.DataFrame) -> list[Panel]:
    """One thin line per tuning run on all training records; smaller sizes are fainter."""
    curves = curves[curves["validation_loss"].notna()]
    curves = only(curves, {key for key, cell in cells.items() if cell.ordinary})
    blocks = dict(list(curves.groupby(["model", "task"], sort=False)))
    tuned = [cell for cell in cells.values() if cell.tuned and not cell.source and not cell.without]
    of_tasks = grouped(tuned, "task").values()
    places = [(own[0].model, own[0].task) for of_task in of_tasks for own in grouped(of_task, "model").values()]
    size = plot_width(len(places)), HEIGHT
    return [_panel(names, cells, place, blocks.get(place, curves.head(0)), size) for place in places]


def thinned(curve: pd.DataFrame, curves: int) -> pd.DataFrame:
    """Some points of one of so many curves, at even distances, the first and the last among them."""
    count = min(len(curve), POINTS, max(PANEL // curves, 4))
    places = [round(place * (len(curve) - 1) / max(count - 1, 1)) for place in range(count)]
    return curve.iloc[places]


def _panel(names: Names, cells: Cells, place: tuple[str, str], curves: pd.DataFrame, size: tuple[int, int]) -> Panel:
    model, task = place
    title = f"{task_label(task)}, validation loss"
    words = f"Validation loss against optimiser step on {task_label(task)}, {model}: "
    if curves.empty:
        return Panel(model, task, plot(title, model, size=size), words + listing([]))
    low, high = curves["validation_loss"].min(), curves["validation_loss"].max()
    margin = 0.05 * (high - low) or 0.5
    low, high = max(low - margin, 0.0), high + margin
    by_run = curves.groupby(["model", "task", "arm", "variant", "seed"], sort=False)
    fading = _fading([cells[key[:4]] for key in by_run.groups])
    rows, finals = [], []
    for (*key, seed), curve in by_run:
        cell = cells[tuple(key)]
        look = {"series": names.series(cell), "colour": names.colour(cell.arm)}
        some = thinned(curve.sort_values("step"), by_run.ngroups)
        finals.append(look | {"end": float(some["validation_loss"].iloc[-1])})
        about = {
            "run": f"{names.cell(cell)}, seed {seed}",
            "colour": look["colour"],
            "fade": fading[cell.arm, cell.size],
        }
        rows.append(about | {"step": some["step"].tolist(), "y": some["validation_loss"].round(5).tolist()})
    means = pd.DataFrame(finals).groupby(["series", "colour"], sort=False, as_index=False).agg(end=("end", "mean"))
    ends = means.to_dict("records")
    phrases = [f"{row['series']} ends at {row['end']:.2f} on average" for row in ends]
    layers = [*_layers(low, high, int(curves["step"].max())), *end_labels(ends, low, high, size)]
    letters = max(len(row["series"]) for row in ends)
    spec = plot(title, model, layers, values(rows), size, letters=letters)
    return Panel(model, task, spec, words + listing(phrases))


def _fading(cells: list[Cell]) -> dict[tuple[str, int], float]:
    """The opacity of a line by arm and size."""
    sizes: dict[str, set[int]] = {}
    for cell in cells:
        sizes.setdefault(cell.arm, set()).add(cell.size)
    return {
        (arm, size): 0.9 - 0.6 * (len(own) - 1 - place) / max(len(own) - 1, 1)
        for arm, own in sizes.items()
        for place, size in enumerate(sorted(own))
    }


def _layers(low: float, high: float, steps: int) -> list[dict]:
    x_axis = {"title": "optimiser step", "tickCount": 4, "grid": False, "labelFlush": False}
    scale = {"domain": [0, max(steps, 1)], "nice": False}
    x = {"field": "step", "type": "quantitative", "scale": scale, "axis": x_axis}
    scale = {"domain": [low, high], "nice": False, "zero": False}
    y = {"field": "y", "type": "quantitative", "scale": scale, "axis": {"title": None, "tickCount": 5}}
    fade = {"field": "fade", "type": "quantitative", "scale": None}
    seen = {"x": x, "y": y, "color": INKED}
    line = seen | {"detail": {"field": "run", "type": "nominal"}, "strokeOpacity": fade}
    loss = {"field": "y", "type": "quantitative", "format": ".4f", "title": "loss"}
    pointed = seen | {"tooltip": [*tips(run="run", step="step"), loss]}
    flat = {"transform": [{"flatten": ["step", "y"]}]}
    return [
        flat | {"mark": {"type": "line", "strokeWidth": 1.4}, "encoding": line},
        flat | {"name": POINTER, "mark": {"type": "point", "size": 40, "opacity": 0}, "encoding": pointed},
    ]
