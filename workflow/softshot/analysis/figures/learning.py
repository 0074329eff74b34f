"""Validation loss against optimiser step while a soft prompt is tuned."""

import pandas as pd

from softshot.analysis.figures.base import POINTER, Panel, colour, end_labels, listing, plot, series, tips, values
from softshot.analysis.figures.lines import INKED
from softshot.analysis.tables import run_label, task_label

POINTS = 24  # of a curve at most: a reader sees no more
PANEL = 1500  # points of a panel, about: with many curves each has fewer


def learning_panels(runs: pd.DataFrame, curves: pd.DataFrame) -> list[Panel]:
    """One thin line per tuning run on all training records; shorter prompts are fainter."""
    curves = curves[curves["validation_loss"].notna() & ~curves["variant"].str.contains("train-")]
    there = dict(list(curves.groupby(["model", "task"], sort=False)))
    tuned = runs[(runs["tokens"] > 0) & (runs["arm"] != "transfer")]
    cells = tuned[["model", "task"]].drop_duplicates().itertuples(index=False)
    return [_panel(model, task, there.get((model, task), curves.head(0))) for model, task in cells]


def thinned(curve: pd.DataFrame, curves: int) -> pd.DataFrame:
    """Some points of one of so many curves, at even distances, the first and the last among them."""
    count = min(len(curve), POINTS, max(PANEL // curves, 4))
    places = [round(place * (len(curve) - 1) / max(count - 1, 1)) for place in range(count)]
    return curve.iloc[places]


def _panel(model: str, task: str, curves: pd.DataFrame) -> Panel:
    title = f"{task_label(task)}, validation loss"
    words = f"Validation loss against optimiser step on {task_label(task)}, {model}: "
    if curves.empty:
        return Panel(model, task, plot(title, model), words + listing([]))
    low, high = curves["validation_loss"].min(), curves["validation_loss"].max()
    margin = 0.05 * (high - low) or 0.5
    low, high = max(low - margin, 0.0), high + margin
    lengths = sorted(curves["tokens"].unique())
    fading = {length: 0.9 - 0.6 * (len(lengths) - 1 - i) / max(len(lengths) - 1, 1) for i, length in enumerate(lengths)}
    rows, finals = [], []
    by_run = curves.groupby(["arm", "variant", "seed"], sort=False)
    for (arm, variant, seed), curve in by_run:
        name, ink = series(arm, variant), colour(arm, variant)
        some = thinned(curve.sort_values("step"), by_run.ngroups)
        finals.append({"series": name, "colour": ink, "end": float(some["validation_loss"].iloc[-1])})
        about = {"run": f"{run_label(arm, variant)}, seed {seed}", "colour": ink}
        about["fade"] = fading[curve["tokens"].iloc[0]]
        rows.append(about | {"step": some["step"].tolist(), "y": some["validation_loss"].round(5).tolist()})
    means = pd.DataFrame(finals).groupby(["series", "colour"], sort=False, as_index=False).agg(end=("end", "mean"))
    ends = means.to_dict("records")
    said = [f"{row['series']} ends at {row['end']:.2f} on average" for row in ends]
    layers = [*_layers(low, high, int(curves["step"].max())), *end_labels(ends, low, high)]
    return Panel(model, task, plot(title, model, layers, values(rows)), words + listing(said))


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
