"""What all figures share: a panel as a Vega-Lite specification, its colours and look, and its drawing as SVG and PNG.

The same specification is drawn here, for the files and for the page as it opens, and by the reader's browser when a
figure is made interactive, so that both look the same. Every line is labelled where it ends, and the report's style
sheet exchanges the colours by their value in dark mode, as do the drawings themselves. Bars and bands are always the
interval of the mean, small dots single seeds, hollow marks published.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from softshot.analysis.names import FAINT, IN_DARK, INK, MUTED, PAPER
from softshot.files import replacing, write_text

WIDTH, HEIGHT = 210, 190  # pixels of a panel's plot
WIDER = {1: 440, 2: 300}  # its width in a figure of so few columns, which then takes the width of the page
TITLE_LEFT = -34  # pixels from the plot to where its titles begin
LABEL_GAP = 16  # pixels between the lines of neighbouring labels
WIDER_LETTER = 1.6  # pixels by which a letter of a name may be wider in a reader's font than in ours
SPACING = 30  # pixels between the panels of a file

POINTER = "pointer"  # name of layers that are not seen: they are there to be pointed at

IDLE = re.compile(
    r' (?:class|role|aria-\w+|pointer-events|stroke-miterlimit|version|xmlns:xlink)="[^"]*"| opacity="1"'
    r'|<path [^>]*d="" [^>]*display="none"/>'
)
DARK = "".join(f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in IN_DARK.items())
DARK = f"@media (prefers-color-scheme:dark){{{DARK}}}"

Spec = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A drawing of one model, or of one model on one task (else empty), and the same in words for who cannot see it."""

    model: str
    task: str
    spec: Spec
    words: str

    @cached_property
    def svg(self) -> str:
        """The drawing as SVG text, without what only scripts and editors read."""
        seen = [layer for layer in self.spec["layer"] if layer.get("name") != POINTER]
        return IDLE.sub("", vl_convert.vegalite_to_svg(self.spec | {"layer": seen}))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the drawing in pixels."""
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', self.svg)
        return float(box[1]), float(box[2])

    @property
    def image(self) -> str:
        """The drawing as an address that holds it, which takes the colours of the reader's light or dark mode."""
        svg = self.svg.replace(">", f"><style>{DARK}</style>", 1)
        return "data:image/svg+xml," + svg.replace("%", "%25").replace("#", "%23")


@dataclass(frozen=True)
class Figure:
    """Panels that belong together; `name` is that of its files, `caption` says how to read it."""

    name: str
    caption: str
    panels: list[Panel] = field(default_factory=list)

    @property
    def columns(self) -> int:
        """Columns of its panels on a wide page."""
        return columns(len(self.panels))

    def rows(self) -> list[list[Panel]]:
        """The panels of the file, a row per model; those of one model as on a page."""
        models = dict.fromkeys(panel.model for panel in self.panels)
        if len(models) == 1:
            return [self.panels[at : at + self.columns] for at in range(0, len(self.panels), self.columns)]
        return [[panel for panel in self.panels if panel.model == model] for model in models]

    def svg(self) -> str:
        """All panels as one drawing; one that says so where there is none."""
        rows = self.rows() or [[Panel("", "", plot(self.name, ""), "")]]
        sizes = [[panel.size for panel in row] for row in rows]
        count = max(map(len, rows))
        widths = [max(row[place][0] for row in sizes if place < len(row)) for place in range(count)]
        parts, y = [], 0.0
        for row, row_sizes in zip(rows, sizes, strict=True):
            for place, panel in enumerate(row):
                x = sum(widths[:place]) + SPACING * place
                parts.append(panel.svg.replace("<svg", f'<svg x="{x:g}" y="{y:g}"', 1))
            y += max(height for _, height in row_sizes) + SPACING
        width, height = sum(widths) + SPACING * (count - 1), y - SPACING
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
        head += f' viewBox="0 0 {width:g} {height:g}"><rect width="100%" height="100%" fill="{PAPER}"/>'
        return head + "".join(parts) + "</svg>"

    def write(self, folder: Path) -> None:
        """Write the figure into `folder` as SVG and PNG."""
        svg, path = self.svg(), folder / self.name
        write_text(path.with_suffix(".svg"), svg)
        with replacing(path.with_suffix(".png")) as temporary:
            temporary.write_bytes(vl_convert.svg_to_png(svg, scale=2))


def listing(phrases: Iterable[str]) -> str:
    """`a; b.`, or that there is nothing."""
    return "; ".join(phrases) + "." if phrases else "nothing has finished yet."


def plot_width(panels: int) -> int:
    """Pixels of the plots of a figure with so many panels."""
    return WIDER.get(columns(panels), WIDTH)


def columns(panels: int) -> int:
    """Columns of so many panels on a wide page: three, or fewer where these leave no row half empty."""
    return 2 if panels == 4 else min(panels, 3)


def blocks(table: pd.DataFrame, *columns: str) -> list[pd.DataFrame]:
    """The rows of every panel: those of a task by these columns, so that its panels stand beside one another."""
    tasks = table.groupby("task", sort=False)
    return [block for _, of_task in tasks for _, block in of_task.groupby(list(columns), sort=False)]


def seed_values(text: str) -> list[float]:
    """The scores in a table's `values`, such as `1=40.2000,2=41.0000`."""
    return [float(part.partition("=")[2]) for part in text.split(",") if part]


def top(*numbers: pd.Series) -> float:
    """Where the axis of scores ends: a little above the highest; intervals that go further are cut."""
    highest = max((float(series.max()) for series in numbers if series.notna().any()), default=0.0)
    return 1.08 * highest if highest > 0 else 1.0


def values(rows: Iterable[dict[str, Any]]) -> Spec:
    """Inline data; a number that is not known is null."""
    return {"values": [{key: None if value != value else value for key, value in row.items()} for row in rows]}


def tips(**titles: str) -> list[Spec]:
    """A tooltip with these fields, already written for people, under these titles."""
    return [{"field": name, "type": "nominal", "title": title} for name, title in titles.items()]


def text(words: str, x: float, y: float, size: int = 13, ink: str = MUTED, **look: Any) -> Spec:
    """A word or two at a place of the plot, in pixels."""
    mark = {"type": "text", "text": words, "align": "left", "fontSize": size, "color": ink, "tooltip": None} | look
    return {"data": {"values": [{}]}, "mark": mark, "encoding": {"x": {"value": x}, "y": {"value": y}}}


def end_labels(
    ends: Sequence[dict[str, Any]], low: float, high: float, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> list[Spec]:
    """Every series' name beside the plot at the height where it ends: `series`, `colour`, `end` in y's units."""
    width, height = size
    unit = (high - low) / height
    places = apart([row["end"] for row in ends], LABEL_GAP * unit, low, high)
    data = values({**row, "place": place} for row, place in zip(ends, places, strict=True))
    ink = {"field": "colour", "type": "nominal", "scale": None}
    pointer = {"x": {"value": width + 2}, "x2": {"value": width + 10}, "y2": {"field": "place"}}
    pointer |= {"y": {"field": "end", "type": "quantitative"}, "color": ink}
    name = {"x": {"value": width + 13}, "y": {"field": "place", "type": "quantitative"}, "color": ink}
    name |= {"text": {"field": "series", "type": "nominal"}}
    written = {"type": "text", "align": "left", "baseline": "middle", "fontSize": 13, "fontWeight": 600}
    return [
        {"data": data, "mark": {"type": "rule", "strokeWidth": 1, "strokeOpacity": 0.6}, "encoding": pointer},
        {"data": data, "mark": written, "encoding": name},
    ]


def plot(
    title: str,
    subtitle: str,
    layers: Sequence[Spec] = (),
    data: Spec | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    left: float = TITLE_LEFT,
    letters: int = 0,
) -> Spec:
    """Layers under a title that begins at `left`; `data` is that of the layers without their own.

    Titles are marks: a chart's own would move with whatever sticks out of its plot. `letters` are those of the longest
    name beside the plot, which a reader's font may make wider.
    """
    width, height = size
    texts = [text(title, left, -40, 15, INK, fontWeight=600), text(subtitle, left, -22)]
    if not layers:
        texts.append(text("nothing has finished yet", width / 2, height / 2, align="center"))
    spec = {"width": width, "height": height, "layer": [*layers, *texts], "config": CONFIG}
    spec["padding"] = CONFIG["padding"] | {"right": max(CONFIG["padding"]["right"], WIDER_LETTER * letters)}
    return spec | ({"data": data} if data else {})


def apart(numbers: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move numbers until neighbours are at least `gap` apart, keeping their order and, if there is room, the bounds."""
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    places = [numbers[index] for index in order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    ceiling = max(high, low + gap * (len(places) - 1))
    for index in reversed(range(len(places))):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return [place for _, place in sorted(zip(order, places, strict=True))]


CONFIG = {
    "background": PAPER,
    "font": "system-ui, Roboto, sans-serif",
    "aria": False,  # the page describes a figure as a whole
    "padding": {"left": 0, "top": 8, "bottom": 8, "right": 20},  # a reader's font may be wider than ours
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": FAINT,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "titlePadding": 8,
    },
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
    "legend": {"labelFontSize": 13, "titleFontSize": 13, "labelColor": MUTED, "titleColor": MUTED},
}
