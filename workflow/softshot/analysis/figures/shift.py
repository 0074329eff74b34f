"""The score on the held-out groups, with them among the training records and without."""

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.figures.base import Panel, blocks, listing, plot_width, top
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.shift import ALL
from softshot.analysis.tables import with_span

PLACES = {True: ("trained with\nthem", "trained without\nthem"), False: ("other\ngroups", "held-out\ngroups")}


def shift_panels(names: Names, cells: Cells, shift: pd.DataFrame) -> list[Panel]:
    """A line per arm, which falls by its loss; where nothing is run twice, from the other groups to the held-out."""
    groups = blocks(shift, "model")
    return [_panel(names, cells, block, plot_width(len(groups))) for block in groups]


def _panel(names: Names, cells: Cells, block: pd.DataFrame, width: int) -> Panel:
    model, task, metric = block["model"].iloc[0], block["task"].iloc[0], metric_label(block["metric"].iloc[0])
    twice = bool((block["loss_from"] == ALL).any())
    before = "all_held_out" if twice else "in_domain"
    done = block[block["loss"].notna()]
    points = [
        names.look(cells[key])
        | {"series": names.cell(cells[key]), "place": place, "y": row[name], "n": int(row["n"])}
        | {"low": row[f"{name}_low"], "high": row[f"{name}_high"]}
        | {"said": with_span(row[name], row[f"{name}_low"], row[f"{name}_high"])}
        for key, row in zip(keys(done), done.to_dict("records"), strict=True)
        for place, name in enumerate((before, "held_out"))
    ]
    end = top(done[before], done["held_out"])
    axes = Axes(f"{block['groups'].iloc[0]}", PLACES[twice], 0, end, metric, width)
    phrases = [f"{names.cell(cells[key])} loses {loss:.1f}" for key, loss in zip(keys(done), done["loss"], strict=True)]
    words = f"{metric} on the held-out groups of {task_label(task)}, {model}: {listing(phrases)}"
    return Panel(model, task, lines(f"{task_label(task)}, {metric}", model, axes, points), words)
