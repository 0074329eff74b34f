"""The claims' parts that have a mean effect: how far, and which way, with the verdict as their colour."""

import pandas as pd

from softshot.analysis.claim_rows import EFFECTS
from softshot.analysis.claims import REFUTED, STANDARD, SUPPORTED
from softshot.analysis.figures.base import Panel, Spec, listing, plot, text, tips, values
from softshot.analysis.figures.lines import INKED
from softshot.analysis.names import INK, MUTED, PALETTE, PAPER
from softshot.analysis.tables import signed_span

GREEN, _, ORANGE, *_ = PALETTE
COLOURS = {SUPPORTED: GREEN, REFUTED: ORANGE}  # as the page's verdicts
WIDTH, ROW, LETTER = 380, 24, 6.6  # pixels of the plot, of a row, and of a letter of its name


def claim_panels(claims: pd.DataFrame) -> list[Panel]:
    """One panel, a row per part whose effects have a mean in standard deviations of a record."""
    of_parts = claims[(claims["model"] == "") & (claims["task"] == "") & (claims["part"] != "")]
    rows = of_parts[of_parts["unit"].str.startswith(STANDARD) & of_parts["effect"].notna()].to_dict("records")
    points = [_point(place, row) for place, row in enumerate(rows)]
    if not points:
        return []
    size, left = (WIDTH, ROW * len(points)), -(LETTER * max(len(point["name"]) for point in points) + 14)
    title, subtitle = "Mean effects", "standard deviations of a record"
    spec = plot(title, subtitle, _layers(points, size, left), values(points), size, left)
    phrases = [f"{point['name']} {point['said']}, {point['verdict']}" for point in points]
    return [Panel("", "", spec, f"Mean effects of the claims' parts in {subtitle}: {listing(phrases)}")]


def _point(place: int, row: dict) -> dict:
    """A part's row."""
    point = {"place": place, "name": f"{row['part']} {EFFECTS[row['part']]}", "y": row["effect"], "n": row["runs"]}
    point |= {"low": row["low"], "high": row["high"], "verdict": row["verdict"]}
    said = signed_span(row["effect"], row["low"], row["high"])
    return point | {"colour": COLOURS.get(row["verdict"], MUTED), "said": said}


def _layers(points: list[dict], size: tuple[int, int], left: float) -> list[Spec]:
    x = {"field": "y", "type": "quantitative", "scale": {"zero": True, "nice": True}}
    x |= {"axis": {"title": None, "tickCount": 5, "domain": False, "ticks": False, "labelOverlap": True}}
    y = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.5, len(points) - 0.5], "reverse": True}}
    seen = {"x": x, "y": y | {"axis": None}, "color": INKED}
    nothing = {"data": {"values": [{"y": 0}]}, "mark": {"type": "rule", "color": MUTED, "strokeDash": [3, 3]}}
    bar = {"transform": [{"filter": "isValid(datum.low)"}], "mark": {"type": "rule", "strokeWidth": 7}}
    bar["mark"] |= {"strokeOpacity": 0.28}
    mark = {"type": "point", "filled": True, "opacity": 1, "size": 90, "stroke": PAPER, "strokeWidth": 1}
    tooltip = tips(name="part", said="mean effect", verdict="verdict", n="runs")
    layers = [
        nothing | {"encoding": {"x": {"field": "y", "type": "quantitative"}}},
        bar | {"encoding": seen | {"x": x | {"field": "low"}, "x2": {"field": "high"}}},
        {"mark": mark, "encoding": seen | {"tooltip": tooltip}},
    ]
    middles = [size[1] * (point["place"] + 0.5) / len(points) for point in points]
    return layers + [
        text(point["name"], left, middle, 13, INK, baseline="middle")
        for point, middle in zip(points, middles, strict=True)
    ]
