"""Scores of PT and IPT by how similar a record's demonstration is: to its input, or in output to its references."""

import pandas as pd

from softshot.analysis.figures.base import COLOURS, SHAPES, Panel, listing
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.tables import ARMS, metric_label, task_label

TITLES = {"similarity": "similarity from, records", "overlap": "overlap from, records"}


def bin_panels(bins: pd.DataFrame, by: str, binning: str) -> list[Panel]:
    """Corpus score per bin with its bootstrap interval, the most similar records on the left."""
    bins = bins[(bins["by"] == by) & (bins["binning"] == binning)]
    reach = bins[["pt", "ipt", "pt_high", "ipt_high"]].astype(float).max(axis=1)
    tops = reach.groupby(bins["task"]).max()
    panels = []
    for (model, task), block in bins.groupby(["model", "task"], sort=False):
        first = block.groupby(["tokens", "demonstrations"], sort=False)
        panels += [_panel(model, task, by, part.sort_values("bin"), tops.get(task)) for _, part in first]
    return panels


def _panel(model: str, task: str, by: str, block: pd.DataFrame, top: float) -> Panel:
    metric = metric_label(block["metric"].iloc[0])
    places = [f"{row.low_edge:.2g}\n{row.n}" for row in block.itertuples()]
    points, said = [], []
    for place, row in enumerate(block.to_dict("records")):
        for arm in ("pt", "ipt"):
            score, low, high = row[arm], row[f"{arm}_low"], row[f"{arm}_high"]
            if pd.isna(score):
                continue
            band = "" if pd.isna(low) else f" ({low:.1f} to {high:.1f})"
            point = {"series": ARMS[arm], "colour": COLOURS[arm], "shape": SHAPES[arm], "place": place}
            point |= {"y": score, "low": low, "high": high, "said": f"{score:.1f}{band}", "n": row["n"]}
            ghost = row[f"published_{arm}"]
            points.append(point | {"ghost": ghost, "ghost_said": "" if pd.isna(ghost) else f"{ghost:.1f}"})
            said.append(f"{ARMS[arm]} {score:.1f} in bin {row['bin']} ({row['n']} records)")
    axes = Axes(TITLES[by], places, 0, 1.08 * top if top > 0 else 1.0, metric)
    spec = lines(f"{task_label(task)}, {metric}", model, axes, points)
    words = f"{metric} on {task_label(task)} by {by} of the demonstration, most similar first, {model}: {listing(said)}"
    return Panel(model, task, spec, words)
