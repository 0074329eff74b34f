"""The figures: their files, what they hold, and where their labels stand."""

import itertools
import json

import pandas as pd
import pytest

from softshot.analysis.figures import cost, learning
from softshot.analysis.figures.base import COLOURS, IN_DARK, Figure, apart

FILES = ["tokens", "spread", "similarity", "similarity-count", "overlap", "overlap-count", "transfer", "sizes"]
FILES += ["cost", "cost-tuning", "cost-tokens", "learning"]


def test_every_figure_is_written_as_svg_and_png(half_done):
    for name in FILES:
        svg = (half_done[0] / "figures" / f"{name}.svg").read_text()
        assert svg.startswith("<svg")
        assert " id=" not in svg
        assert (half_done[0] / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for name in ("tokens", "learning"):
        assert "IPT, 1 retrieved" in (half_done[0] / "figures" / f"{name}.svg").read_text()


def test_the_rule_declares_exactly_the_figures_that_are_drawn(half_done):
    from tiny import ROOT

    rules = (ROOT / "workflow/rules/common.smk").read_text()
    declared = json.loads("{" + rules.split("FIGURES = {")[1].split("}")[0].rstrip().rstrip(",") + "}")
    assert sorted(declared) == sorted(FILES) == sorted(path.stem for path in (half_done[0] / "figures").glob("*.svg"))
    assert all((ROOT / f"workflow/report/captions/figure-{name}.rst").is_file() for name in declared)


def test_a_figure_without_panels_is_still_a_drawing(tmp_path):
    Figure("empty", "").write(tmp_path)
    assert "nothing has finished yet" in (tmp_path / "empty.svg").read_text()
    assert (tmp_path / "empty.png").stat().st_size > 0


def test_every_colour_of_an_arm_has_one_for_the_dark():
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert set(COLOURS.values()) <= IN_DARK.keys()


@pytest.mark.parametrize("values", [[5.0, 5.0, 5.0], [0.0, 10.0, 0.1], [9.9, 10.0, 9.8, 1.0], [3.0], []])
def test_labels_are_moved_apart_in_order_and_stay_inside(values):
    places = apart(values, 1.0, 0.0, 10.0)
    ranked = sorted(range(len(values)), key=values.__getitem__)
    assert all(places[b] - places[a] >= 1.0 - 1e-9 for a, b in itertools.pairwise(ranked))
    assert all(0.0 <= place <= 10.0 for place in places)


@pytest.mark.parametrize(("length", "curves"), [(1, 1), (5, 1), (1000, 1), (1000, 400)])
def test_a_thinned_curve_keeps_its_ends_and_its_order(length, curves):
    curve = pd.DataFrame({"step": range(length), "validation_loss": range(length)})
    thin = learning.thinned(curve, curves)
    assert (thin["step"].iloc[0], thin["step"].iloc[-1]) == (0, length - 1)
    assert thin["step"].is_monotonic_increasing and thin["step"].is_unique
    assert len(thin) == min(length, learning.POINTS if curves == 1 else 4)


def test_the_tuning_of_what_is_not_tuned_costs_nothing_and_is_drawn():
    row = {"model": "m", "task": "dart", "metric": "bleu", "n": 1, "front_tuning": True}
    icl = row | {"arm": "icl", "variant": "retrieved-1", "tokens": 0, "mean": 20.0, "tuning_seconds": float("nan")}
    tuned = row | {"arm": "pt", "variant": "tokens-5", "tokens": 5, "mean": 30.0, "tuning_seconds": 60.0}
    (panel,) = cost.cost_panels(pd.DataFrame([tuned, icl]), "tuning_seconds")
    assert [(point["x"], point["short"]) for point in panel.spec["data"]["values"]] == [(0, "ICL"), (60, "PT 5")]
    assert "ICL, 1 retrieved 20.0 at 0; PT, 5 tokens 30.0 at 60" in panel.words
