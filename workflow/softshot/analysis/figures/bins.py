"""Scores without and with demonstrations by how similar a record's demonstration is: to its input, or in output to its
references."""

import pandas as pd

from softshot.analysis.estimate import FEWEST_RECORDS
from softshot.analysis.figures.base import Panel, listing, top
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.tables import span

TITLES = {"similarity": "similarity from, records", "overlap": "overlap from, records"}


def bin_panels(names: Names, bins: pd.DataFrame, by: str, binning: str) -> list[Panel]:
    """Corpus score per bin with its interval, the most similar records on the left."""
    bins = bins[(bins["by"] == by) & (bins["binning"] == binning)]
    panels = []
    pairs = ["model", "task", "without_arm", "with_arm", "demonstrations"]
    for _, block in bins.groupby(pairs, sort=False):
        of_task = bins[bins["task"] == block["task"].iloc[0]]
        scores = (of_task[name] for name in ("without", "with", "without_high", "with_high"))
        panels.append(_panel(names, by, block.sort_values("bin"), top(*scores)))
    return panels


def _panel(names: Names, by: str, block: pd.DataFrame, end: float) -> Panel:
    rows = block.to_dict("records")
    model, task, metric = rows[0]["model"], rows[0]["task"], metric_label(rows[0]["metric"])
    places = [f"{row['low_edge']:.2g}\n{row['n']}" for row in rows]
    points, said = [], []
    for place, row in enumerate(rows):
        for side in ("without", "with"):
            score, low, high, arm = (row[f"{side}{part}"] for part in ("", "_low", "_high", "_arm"))
            if pd.isna(score):
                continue
            shown = f", {row['demonstrations']}" if side == "with" else ""
            point = {"series": f"{names.arm(arm)}{shown}", "colour": names.colour(arm), "shape": names.mark(arm)}
            point |= {"place": place, "y": score, "low": low, "high": high, "n": row["n"]}
            point |= {"said": f"{score:.1f} ({span(low, high)})", "few": row["n"] < FEWEST_RECORDS}
            ghost = row[f"published_{side}"]
            points.append(point | {"ghost": ghost, "ghost_said": "" if pd.isna(ghost) else f"{ghost:.1f}"})
            said.append(f"{point['series']} {score:.1f} in bin {row['bin']} ({row['n']} records)")
    axes = Axes(TITLES[by], places, 0, min(end, 108.0), metric)
    spec = lines(f"{task_label(task)}, {metric}", model, axes, points)
    words = f"{metric} on {task_label(task)} by {by} of the demonstration, most similar first, {model}: {listing(said)}"
    return Panel(model, task, spec, words)
