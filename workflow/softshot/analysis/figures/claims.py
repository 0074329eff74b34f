"""The claims' parts that have a mean effect: how far, and which way, with the verdict as their colour."""

import pandas as pd

from softshot.analysis.claim_rows import EFFECTS
from softshot.analysis.claims import REFUTED, STANDARD, SUPPORTED
from softshot.analysis.figures.base import Panel, listing, tips
from softshot.analysis.figures.effects import effects
from softshot.analysis.names import MUTED, PALETTE
from softshot.analysis.tables import signed_span

GREEN, _, ORANGE, *_ = PALETTE
COLOURS = {SUPPORTED: GREEN, REFUTED: ORANGE}  # as the page's verdicts
WIDTH, ROW = 380, 24  # pixels of the plot, and of a row


def claim_panels(claims: pd.DataFrame) -> list[Panel]:
    """One panel, a row per part whose effects have a mean in standard deviations of a record."""
    of_parts = claims[(claims["model"] == "") & (claims["task"] == "") & (claims["part"] != "")]
    rows = of_parts[of_parts["unit"].str.startswith(STANDARD) & of_parts["effect"].notna()].to_dict("records")
    points = [_point(place, row) for place, row in enumerate(rows)]
    if not points:
        return []
    title, subtitle = "Mean effects", "standard deviations of a record"
    marked = {"tooltip": tips(name="part", said="mean effect", verdict="verdict", n="runs")}
    spec = effects(title, subtitle, points, (WIDTH, ROW), {"title": None, "tickCount": 5}, marked)
    phrases = [f"{point['name']} {point['said']}, {point['verdict']}" for point in points]
    return [Panel("", "", spec, f"Mean effects of the claims' parts in {subtitle}: {listing(phrases)}")]


def _point(place: int, row: dict) -> dict:
    """A part's row."""
    point = {"place": place, "name": f"{row['part']} {EFFECTS[row['part']]}", "y": row["effect"], "n": row["runs"]}
    point |= {"low": row["low"], "high": row["high"], "verdict": row["verdict"]}
    said = signed_span(row["effect"], row["low"], row["high"])
    return point | {"colour": COLOURS.get(row["verdict"], MUTED), "said": said}
