"""What a soft prompt of another task is worth: a heat map of the gain over ICL with the same demonstrations."""

import pandas as pd

from softshot.analysis.figures.base import COLOURS, INK, MUTED, Panel, Spec, listing, plot, tips, values
from softshot.analysis.tables import metric_label, task_label, variant_label

CELL = (74, 40)  # pixels
STRONGEST = 0.55  # opacity of the largest gain: text on it must read


def transfer_panels(transfer: pd.DataFrame) -> list[Panel]:
    """One map per model, prompt length and demonstrations: sources down, targets across."""
    panels = []
    for (model, tokens, shown), block in transfer.groupby(["model", "tokens", "demonstrations"], sort=False):
        about = f"{tokens} tokens, {variant_label(shown)}"
        panels.append(_panel(model, about, block[block["gain"].notna()]))
    return panels


def _panel(model: str, about: str, block: pd.DataFrame) -> Panel:
    targets = list(block["target"].unique())
    sources = sorted(
        block["source"].unique(), key=lambda task: targets.index(task) if task in targets else len(targets)
    )
    strongest = block["gain"].abs().max() or 1.0
    cells = [
        {
            "source": f"from {task_label(row.source)}",
            "target": task_label(row.target),
            "said": f"{row.gain:+.1f}",
            "weight": 700 if row.p_holm < 0.05 else 400,
            "colour": COLOURS["transfer"] if row.gain > 0 else MUTED,
            "strength": STRONGEST * abs(row.gain) / strongest,
            "interval": "" if pd.isna(row.low) else f"{row.low:+.1f} to {row.high:+.1f}",
            "scores": f"{metric_label(row.metric)} {row.score:.1f} against {row.icl:.1f}",
            "n": row.n,
        }
        for row in block.itertuples()
    ]
    said = [f"{cell['source']} to {cell['target']} {cell['said']}" for cell in cells]
    size = (CELL[0] * max(len(targets), 2), CELL[1] * max(len(sources), 2))
    words = f"Gain over ICL with the same demonstrations, {about}, {model}: {listing(said)}"
    layers = _layers([task_label(task) for task in targets], [f"from {task_label(task)}" for task in sources])
    left = -(16 + 7 * max((len(cell["source"]) for cell in cells), default=0))  # about where the names begin
    spec = plot(model, f"gain over ICL, {about}", layers if cells else [], values(cells), size, left)
    return Panel(model, "", spec, words)


def _layers(targets: list[str], sources: list[str]) -> list[Spec]:
    bare = {"domain": False, "ticks": False, "title": None, "labelAngle": 0}
    x = {"field": "target", "type": "nominal", "scale": {"domain": targets}, "axis": bare | {"orient": "bottom"}}
    y = {"field": "source", "type": "nominal", "scale": {"domain": sources}, "axis": bare}
    tooltip = tips(source="prompt", target="task", said="gain", interval="interval", scores="scores", n="runs")
    fill = {"field": "colour", "type": "nominal", "scale": None}
    strength = {"field": "strength", "type": "quantitative", "scale": None}
    cell = {"x": x, "y": y, "color": fill, "fillOpacity": strength, "tooltip": tooltip}
    said = {"x": x, "y": y, "text": {"field": "said", "type": "nominal"}}
    return [
        {"mark": {"type": "rect", "cornerRadius": 2}, "encoding": cell},
        {
            "mark": {"type": "text", "fontSize": 13, "color": INK, "fontWeight": {"expr": "datum.weight"}},
            "encoding": said,
        },
    ]
