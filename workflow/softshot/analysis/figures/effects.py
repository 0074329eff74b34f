"""Rows of effects about nothing: a mark and its interval each, with the row's name at the left."""

from softshot.analysis.figures.base import Spec, plot, text, values
from softshot.analysis.figures.lines import INKED
from softshot.analysis.names import INK, MUTED, PAPER

LETTER = 6.6  # pixels of a letter of a row's name


def effects(
    title: str,
    subtitle: str,
    points: list[dict],
    size: tuple[int, int],
    axis: Spec,
    marked: Spec,
    ticked: str | None = None,
) -> Spec:
    """A plot of `points`, top to bottom: `name`, `place` (0, 1, ...), `y`, `low`, `high`, `colour`.

    `size`: pixels of the plot, and of a row. `axis` of the effects; `marked`: what marks encode besides; `ticked`: the
    field of one more effect in each row, shown as a tick.
    """
    (width, row), left = size, -(LETTER * max(len(point["name"]) for point in points) + 14)
    x = {"field": "y", "type": "quantitative", "scale": {"zero": True, "nice": True}}
    x |= {"axis": axis | {"domain": False, "ticks": False, "labelOverlap": True}}
    y = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.5, len(points) - 0.5], "reverse": True}}
    seen = {"x": x, "y": y | {"axis": None}, "color": INKED}
    nothing = {"data": {"values": [{"y": 0}]}, "mark": {"type": "rule", "color": MUTED, "strokeDash": [3, 3]}}
    bar = {"transform": [{"filter": "isValid(datum.low)"}]}
    bar |= {"mark": {"type": "rule", "strokeWidth": 7, "strokeOpacity": 0.28}}
    tick = {"type": "tick", "thickness": 2, "size": 12}
    mark = {"type": "point", "filled": True, "opacity": 1, "size": 90, "stroke": PAPER, "strokeWidth": 1}
    layers = [
        nothing | {"encoding": {"x": {"field": "y", "type": "quantitative"}}},
        bar | {"encoding": seen | {"x": x | {"field": "low"}, "x2": {"field": "high"}}},
        *([{"mark": tick, "encoding": seen | {"x": x | {"field": ticked}}}] if ticked else []),
        {"mark": mark, "encoding": seen | marked},
        *(text(point["name"], left, row * (point["place"] + 0.5), 13, INK, baseline="middle") for point in points),
    ]
    return plot(title, subtitle, layers, values(points), (width, row * len(points)), left)
