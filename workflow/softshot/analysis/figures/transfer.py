"""What an adapter of another task is worth: a heat map of the gain over the same demonstrations alone."""

import pandas as pd

from softshot.analysis.cells import keys
from softshot.analysis.contrasts import BETTER, WORSE
from softshot.analysis.figures.base import Panel, Spec, listing, plot, tips, values
from softshot.analysis.figures.method_size import Cells
from softshot.analysis.names import INK, MUTED, Names, metric_label, task_label

CELL = (74, 40)  # pixels
STRONGEST = 0.55  # opacity of the largest gain: text on it must read


def transfer_panels(names: Names, cells: Cells, transfer: pd.DataFrame) -> list[Panel]:
    """One map per model, arm, size and demonstrations: sources down, targets across."""
    panels = []
    for _, block in transfer.groupby(["model", "arm", "size", "demonstrations"], sort=False):
        cell = cells[keys(block)[0]]._replace(source=None)
        panels.append(_panel(names, block["model"].iloc[0], names.phrase(cell), block[block["gain"].notna()]))
    return panels


def _panel(names: Names, model: str, about: str, block: pd.DataFrame) -> Panel:
    targets = list(block["task"].unique())
    sources = sorted(
        block["source"].unique(), key=lambda task: targets.index(task) if task in targets else len(targets)
    )
    strongest = block["gain"].abs().max() or 1.0
    squares = [
        {
            "source": f"from {task_label(row.source)}",
            "target": task_label(row.task),
            "said": f"{row.gain:+.1f}",
            "weight": 700 if row.verdict in (BETTER, WORSE) else 400,
            "colour": names.colour(row.arm) if row.gain > 0 else MUTED,
            "strength": STRONGEST * abs(row.gain) / strongest,
            "interval": "" if pd.isna(row.low) else f"{row.low:+.1f} to {row.high:+.1f}",
            "scores": f"{metric_label(row.metric)} {row.score:.1f} against {row.alone:.1f}",
            "n": row.n,
        }
        for row in block.itertuples(index=False)
    ]
    phrases = [f"{square['source']} to {square['target']} {square['said']}" for square in squares]
    size = (CELL[0] * max(len(targets), 2), CELL[1] * max(len(sources), 2))
    words = f"Gain over the same demonstrations alone, {about}, {model}: {listing(phrases)}"
    layers = _layers([task_label(task) for task in targets], [f"from {task_label(task)}" for task in sources])
    left = -(16 + 7 * max((len(square["source"]) for square in squares), default=0))  # about where the names begin
    subtitle = f"gain, {about}"
    letters = len(subtitle) if 7 * len(subtitle) > size[0] - left else 0  # it ends farther right than the map
    spec = plot(model, subtitle, layers if squares else [], values(squares), size, left, letters)
    return Panel(model, "", spec, words)


def _layers(targets: list[str], sources: list[str]) -> list[Spec]:
    bare = {"domain": False, "ticks": False, "title": None, "labelAngle": 0}
    x = {"field": "target", "type": "nominal", "scale": {"domain": targets}, "axis": bare | {"orient": "bottom"}}
    y = {"field": "source", "type": "nominal", "scale": {"domain": sources}, "axis": bare}
    tooltip = tips(source="prompt", target="task", said="gain", interval="interval", scores="scores", n="runs")
    fill = {"field": "colour", "type": "nominal", "scale": None}
    strength = {"field": "strength", "type": "quantitative", "scale": None}
    cell = {"x": x, "y": y, "color": fill, "fillOpacity": strength, "tooltip": tooltip}
    gain = {"x": x, "y": y, "text": {"field": "said", "type": "nominal"}}
    return [
        {"mark": {"type": "rect", "cornerRadius": 2}, "encoding": cell},
        {
            "mark": {"type": "text", "fontSize": 13, "color": INK, "fontWeight": {"expr": "datum.weight"}},
            "encoding": gain,
        },
    ]
