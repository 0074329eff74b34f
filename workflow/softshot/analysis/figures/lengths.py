"""Score against the length of the soft prompt, and the spread of scores over seeds against it."""

import pandas as pd

from softshot.analysis.figures.base import COLOURS, SHAPES, Panel, colour, listing, series
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.tables import metric_label, plus_minus, task_label

LENGTH = "soft tokens"


def tokens_panels(tokens: pd.DataFrame, levels: pd.DataFrame) -> list[Panel]:
    """A line with a band of one standard deviation per arm, ICL as level lines; published means are hollow."""
    lengths = sorted(int(length) for length in tokens["tokens"].unique())
    both = pd.concat([tokens, levels])
    reach = pd.concat([both["mean"] + both["sd"].fillna(0), tokens["published"].astype(float)])
    tops = reach.groupby(pd.concat([both["task"], tokens["task"]])).max()  # a task's panels share one scale
    panels = []
    for (model, task), block in tokens.groupby(["model", "task"], sort=False):
        flat = levels[(levels["model"] == model) & (levels["task"] == task)]
        panels.append(_tokens_panel(model, task, block, flat, lengths, tops.get(task)))
    return panels


def _tokens_panel(
    model: str, task: str, block: pd.DataFrame, flat: pd.DataFrame, lengths: list[int], top: float
) -> Panel:
    metric = metric_label(block["metric"].iloc[0])
    points = [
        _look(row.arm, row.variant)
        | {"place": lengths.index(row.tokens), "y": row.mean, "low": row.mean - row.sd, "high": row.mean + row.sd}
        | {"said": plus_minus(row.mean, row.sd), "n": row.n}
        | {"ghost": row.published, "ghost_said": f"{row.published:.1f} ({row.published_status})"}
        for row in block[block["n"] > 0].itertuples()
    ]
    flats = [
        _look("icl", row.variant) | {"y": row.mean, "said": plus_minus(row.mean, row.sd), "n": row.n}
        for row in flat[flat["n"] > 0].itertuples()
    ]
    said = [f"{row['series']} {row['y']:.1f}" for row in flats]
    said += [f"{row['series']} {row['y']:.1f} with {lengths[row['place']]} tokens" for row in points]
    axes = Axes(LENGTH, [str(length) for length in lengths], 0, 1.08 * top if top > 0 else 1.0, metric)
    spec = lines(f"{task_label(task)}, {metric}", model, axes, points, flats)
    words = f"{metric} on {task_label(task)} against soft prompt length, {model}: {listing(said)}"
    return Panel(model, task, spec, words)


def _look(arm: str, variant: str) -> dict:
    return {"series": series(arm, variant), "colour": colour(arm, variant), "shape": SHAPES[arm]}


def spread_panels(spread: pd.DataFrame) -> list[Panel]:
    """Standard deviation over seeds of PT and IPT against the length of the prompt."""
    lengths = sorted(int(length) for length in spread["tokens"].unique())
    tops = spread[["pt_sd", "ipt_sd"]].max(axis=1).groupby(spread["task"]).max()
    panels = []
    for (model, task), block in spread.groupby(["model", "task"], sort=False):
        points = []
        for row in block.itertuples():
            place = lengths.index(row.tokens)
            points.append(_spread_point("pt", f"tokens-{row.tokens}", place, row.pt_sd, row.pt_n))
            name = f"tokens-{row.tokens}_{row.demonstrations}"
            points.append(_spread_point("ipt", name, place, row.ipt_sd, row.ipt_n))
        known = {(point["series"], point["place"]): point for point in points if point["y"] == point["y"]}
        points = list(known.values())  # PT stands beside each kind of demonstrations that IPT has: once is enough
        said = [f"{point['series']} {point['said']} with {lengths[point['place']]} tokens" for point in points]
        top = tops.get(task)
        axes = Axes(LENGTH, [str(length) for length in lengths], 0, 1.08 * top if top > 0 else 1.0, "deviation")
        spec = lines(f"{task_label(task)}, deviation over seeds", model, axes, points)
        words = f"Standard deviation over seeds on {task_label(task)} against soft prompt length, {model}: "
        panels.append(Panel(model, task, spec, words + listing(said)))
    return panels


def _spread_point(arm: str, variant: str, place: int, sd: float, n: int) -> dict:
    return {
        "series": series(arm, variant),
        "colour": COLOURS[arm],
        "shape": SHAPES[arm],
        "place": place,
        "y": sd,
        "low": float("nan"),
        "high": float("nan"),
        "said": f"{sd:.2f}",
        "n": n,
    }
