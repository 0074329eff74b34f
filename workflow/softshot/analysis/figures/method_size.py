"""Score, and deviation over seeds, against the size of what is tuned."""

from dataclasses import replace

import pandas as pd

from softshot.analysis.cells import Cell, keys
from softshot.analysis.figures.base import Panel, blocks, listing, plot_width, seed_values, top
from softshot.analysis.figures.lines import Axes, lines
from softshot.analysis.names import Names, metric_label, size_axis, task_label
from softshot.analysis.tables import with_span

Cells = dict[tuple, Cell]  # by their keys


def size_panels(names: Names, cells: Cells, sizes: pd.DataFrame, levels: pd.DataFrame) -> list[Panel]:
    """A line per arm and demonstrations with the interval of its means; what has no size as level lines."""
    ends = {
        task: top(
            *(table.loc[table["task"] == task, "mean"] for table in (sizes, levels)),
            sizes.loc[sizes["task"] == task, "published"].astype(float),
            pd.Series([value for text in sizes.loc[sizes["task"] == task, "values"] for value in seed_values(text)]),
        )
        for task in sizes["task"].unique()
    }
    groups, panels = blocks(sizes, "model", "unit"), []
    for block in groups:
        model, task, unit = block[["model", "task", "unit"]].iloc[0]
        flat = levels[(levels["model"] == model) & (levels["task"] == task)]
        panels.append(
            _size_panel(
                names, cells, block, flat, Axes(size_axis(unit), [], 0, ends[task], "", plot_width(len(groups)))
            )
        )
    return panels


def _size_panel(names: Names, cells: Cells, block: pd.DataFrame, flat: pd.DataFrame, axes: Axes) -> Panel:
    model, task = block["model"].iloc[0], block["task"].iloc[0]
    metric, places = metric_label(block["metric"].iloc[0]), sorted(int(size) for size in block["size"].unique())
    done, level = block[block["n"] > 0], flat[flat["n"] > 0]
    points = [
        names.look(cells[key])
        | {"place": places.index(row.size), "y": row.mean, "low": row.low, "high": row.high}
        | {"said": with_span(row.mean, row.low, row.high), "n": row.n, "seeds": seed_values(row.values)}
        | {"ghost": row.published, "ghost_said": f"{row.published:.1f} ({row.published_status})"}
        for key, row in zip(keys(done), _rows(done), strict=True)
    ]
    flats = [
        names.look(cells[key]) | {"y": row.mean, "said": with_span(row.mean, row.low, row.high), "n": row.n}
        for key, row in zip(keys(level), _rows(level), strict=True)
    ]
    phrases = [f"{row['series']} {row['y']:.1f}" for row in flats]
    phrases += [f"{row['series']} {row['y']:.1f} with {places[row['place']]} {axes.x_title}" for row in points]
    axes = replace(axes, places=[str(size) for size in places], value=metric)
    spec = lines(f"{task_label(task)}, {metric}", model, axes, points, flats)
    words = f"{metric} on {task_label(task)} against {axes.x_title}, {model}: {listing(phrases)}"
    return Panel(model, task, spec, words)


def _rows(table: pd.DataFrame) -> list:
    """Its rows with attributes; `size`, `values` and `mean` are names of pandas' own on a row that is a Series."""
    return list(table.itertuples(index=False))


def spread_panels(names: Names, cells: Cells, spread: pd.DataFrame, sizes: pd.DataFrame) -> list[Panel]:
    """Standard deviation over seeds of tuned methods without demonstrations and with, against their size."""
    paired = set(zip(spread["model"], spread["task"], spread["method"], spread["size"], strict=True))
    groups, panels = blocks(sizes, "model", "unit"), []
    for block in groups:
        model, task, unit = block[["model", "task", "unit"]].iloc[0]
        places = sorted(int(size) for size in block["size"].unique())
        spreads = block[block["sd"].notna()]
        shown = [(cells[key], row) for key, row in zip(keys(spreads), _rows(spreads), strict=True)]
        shown = [(cell, row) for cell, row in shown if (model, task, cell.method, cell.size) in paired]
        points = [
            names.look(cell)
            | {"place": places.index(cell.size), "y": row.sd, "low": float("nan"), "high": float("nan")}
            | {"said": f"{row.sd:.2f}", "n": row.n}
            for cell, row in shown
        ]
        phrases = [f"{row['series']} {row['said']} with {places[row['place']]} {size_axis(unit)}" for row in points]
        end = top(sizes.loc[sizes["task"] == task, "sd"])
        axes = Axes(size_axis(unit), [str(size) for size in places], 0, end, "deviation", plot_width(len(groups)))
        spec = lines(f"{task_label(task)}, deviation over seeds", model, axes, points)
        words = f"Standard deviation over seeds on {task_label(task)} against {size_axis(unit)}, {model}: "
        if (model, task) in {place[:2] for place in paired}:
            panels.append(Panel(model, task, spec, words + listing(phrases)))
    return panels
