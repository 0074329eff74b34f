"""A panel of lines over a few evenly spaced places, such as prompt lengths: means, their bands, and level lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from softshot.analysis.figures.base import HEIGHT, WIDTH, Spec, end_labels, plot, tips, values
from softshot.analysis.names import PAPER

INKED = {"field": "colour", "type": "nominal", "scale": None}
SHAPED = {"field": "shape", "type": "nominal", "scale": None}


@dataclass(frozen=True)
class Axes:
    """Where along x the points are, what these places are called (two lines if there is a line feed), the ends of y."""

    x_title: str
    places: Sequence[str]
    low: float
    high: float
    value: str  # what y is
    width: int = WIDTH  # pixels of the plot
    at: Sequence[float] = ()  # where the places are along x, where not evenly spaced from 0


def lines(title: str, subtitle: str, axes: Axes, points: list[dict[str, Any]], levels: Sequence[dict] = ()) -> Spec:
    """Lines with bands, and dashed level lines, each named at its right end.

    A point has series, colour, shape, place (along x, from 0), y, low, high (NaN for no band), said (y and its band
    for people), n, and may have `seeds` (the y of each), a `ghost` (a published y, drawn hollow) with its `ghost_said`,
    and `few` (too little is behind it for a band: drawn hollow and faint); a level has series, colour, y, said, n.
    """
    size = axes.width, HEIGHT
    if not points and not levels:
        return plot(title, subtitle, size=size)
    names = list(dict.fromkeys(point["series"] for point in points))
    # Lines stand a little apart, so that their bands do not cover one another.
    step = 0.05 if len(axes.places) > 1 else 0.16
    shift = {name: step * (place - (len(names) - 1) / 2) for place, name in enumerate(names)}
    at = axes.at or range(len(axes.places))
    placed = [
        {
            **point,
            "x": at[point["place"]] + shift[point["series"]],
            "at": axes.places[point["place"]].replace("\n", ", "),
        }
        for point in points
    ]
    for point in placed:  # a mark outside the plot would be drawn, and a clipped one needs a name that is the file's
        point["low"], point["high"] = (min(max(point[end], axes.low), axes.high) for end in ("low", "high"))
    last = {point["series"]: point for point in sorted(placed, key=lambda point: point["place"])}
    ends = [{key: row[key] for key in ("series", "colour")} | {"end": row["y"]} for row in [*levels, *last.values()]]
    layers = [*_level_lines(levels, axes), *_point_lines(axes, placed), *end_labels(ends, axes.low, axes.high, size)]
    return plot(title, subtitle, layers, values(placed), size, letters=max(len(end["series"]) for end in ends))


def _y(axes: Axes) -> Spec:
    scale = {"domain": [axes.low, axes.high], "nice": False, "zero": False}
    return {"field": "y", "type": "quantitative", "scale": scale, "axis": {"title": None, "tickCount": 5}}


def _level_lines(levels: Sequence[dict], axes: Axes) -> list[Spec]:
    mark = {"type": "rule", "strokeWidth": 1.5, "strokeDash": [5, 3]}
    tooltip = tips(series="arm", said=axes.value, n="runs")
    encoding = {"y": _y(axes), "color": INKED, "tooltip": tooltip}
    return [{"data": values(levels), "mark": mark, "encoding": encoding}] if levels else []


def _point_lines(axes: Axes, points: Sequence[dict]) -> list[Spec]:
    at = list(axes.at or range(len(axes.places)))
    labels = "[" + ",".join(repr(place.split("\n")) for place in axes.places) + f"][indexof({at}, datum.value)]"
    x_axis = {"title": axes.x_title, "grid": False, "values": at, "labelExpr": labels}
    if any("\n" in place for place in axes.places):
        x_axis |= {"labelFontSize": 11}
    x = {"field": "x", "type": "quantitative", "axis": x_axis | {"labelOverlap": bool(axes.at)}}
    x |= {"scale": {"domain": [-0.4, max(len(axes.places), 1) - 0.6], "nice": False, "zero": False}}
    y = _y(axes)
    means = {"x": x, "y": y, "color": INKED, "detail": {"field": "series", "type": "nominal"}}
    band = means | {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
    point = {"type": "point", "filled": True, "opacity": 1, "size": 56, "stroke": PAPER, "strokeWidth": 1}
    few = {"type": "point", "filled": False, "opacity": 0.7, "size": 40, "strokeWidth": 1.2}
    tooltip = tips(series="arm", at=axes.x_title, said=axes.value, n="runs")
    published = tips(series="arm", at=axes.x_title, ghost_said="published")
    ghost = {"x": x, "y": {**y, "field": "ghost"}, "color": INKED, "shape": SHAPED, "tooltip": published}
    hollow = {"type": "point", "filled": False, "size": 40, "strokeWidth": 1.2}
    whole, sparse = [[{"filter": f"{sign}datum.few"}] for sign in ("!", "")]
    marked = means | {"tooltip": tooltip, "shape": SHAPED}
    layers = [
        _where("low", {"type": "area", "fillOpacity": 0.13}, band),
        _where("low", {"type": "rule", "strokeWidth": 1.5, "strokeOpacity": 0.6}, band),
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": means, "transform": whole},
    ]
    if any(point.get("seeds") for point in points):
        dot = {"type": "point", "filled": True, "size": 12, "opacity": 0.75}
        layers.append(
            {"transform": [{"flatten": ["seeds"], "as": ["seed"]}], "mark": dot}
            | {"encoding": {"x": x, "y": {**y, "field": "seed"}, "color": INKED}}
        )
    if any(point.get("ghost") == point.get("ghost") and "ghost" in point for point in points):
        layers.append(_where("ghost", hollow, ghost))
    if any(point.get("few") for point in points):
        layers.append({"mark": few, "encoding": marked, "transform": sparse})
    return [*layers, {"mark": point, "encoding": marked, "transform": whole}]


def _where(name: str, mark: Spec, encoding: Spec) -> Spec:
    """A layer of the points that have a value of that name."""
    return {"transform": [{"filter": f"isValid(datum.{name})"}], "mark": mark, "encoding": encoding}
