"""Scores without and with demonstrations by how similar a record's demonstration is: to its input, or in output to its
references."""

from dataclasses import replace

import pandas as pd

from softshot.analysis.estimate import FEWEST_RECORDS
from softshot.analysis.figures.base import Panel, listing, plot_width, top
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.tables import with_span

TITLES = {"similarity": "similarity from, records", "overlap": "overlap from, records"}


def bin_panels(names: Names, cells: Cells, bins: pd.DataFrame, by: str, binning: str) -> list[Panel]:
    """Corpus score per bin with its interval, the most similar records on the left."""
    bins = bins[(bins["by"] == by) & (bins["binning"] == binning)]
    pairs = ["model", "task", "without_arm", "without_variant", "with_arm", "with_variant"]
    groups, panels = bins.groupby(pairs, sort=False), []
    for _, block in groups:
        of_task = bins[bins["task"] == block["task"].iloc[0]]
        scores = (of_task[name] for name in ("without", "with", "without_high", "with_high"))
        axes = Axes(TITLES[by], [], 0, min(top(*scores), 108.0), "", plot_width(len(groups)))
        panels.append(_panel(names, cells, by, block.sort_values("bin"), axes))
    return panels


def _panel(names: Names, cells: Cells, by: str, block: pd.DataFrame, axes: Axes) -> Panel:
    rows = block.to_dict("records")
    model, task, metric = rows[0]["model"], rows[0]["task"], metric_label(rows[0]["metric"])
    places = [f"{row['low_edge']:.2g}\n{row['n']}" for row in rows]
    points, phrases = [], []
    for place, row in enumerate(rows):
        for side in ("without", "with"):
            score, low, high = (row[f"{side}{part}"] for part in ("", "_low", "_high"))
            if pd.isna(score):
                continue
            point = names.look(cells[model, task, row[f"{side}_arm"], row[f"{side}_variant"]])
            point |= {"place": place, "y": score, "low": low, "high": high, "n": row["n"]}
            point |= {"said": with_span(score, low, high), "few": row["n"] < FEWEST_RECORDS}
            ghost = row[f"published_{side}"]
            points.append(point | {"ghost": ghost, "ghost_said": "" if pd.isna(ghost) else f"{ghost:.1f}"})
            phrases.append(f"{point['series']} {score:.1f} in bin {row['bin']} ({row['n']} records)")
    axes = replace(axes, places=places, value=metric)
    spec = lines(f"{task_label(task)}, {metric}", model, axes, points)
    words = (
        f"{metric} on {task_label(task)} by {by} of the demonstration, most similar first, {model}: {listing(phrases)}"
    )
    return Panel(model, task, spec, words)
