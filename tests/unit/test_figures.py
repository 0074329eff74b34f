"""The figures: their files, what they hold, and where their labels stand."""

import itertools
import json

import pandas as pd
import pytest
from synthetic import study_of

from softshot.analysis.cells import cells
from softshot.analysis.figures import cost, learning, scores
from softshot.analysis.figures.base import Figure, Panel, apart
from softshot.analysis.names import Names

FILES = ["scores", "claims", "size", "spread", "similarity", "similarity-count", "overlap", "overlap-count", "transfer"]
FILES += ["data-size", "shift", "scale", "distance", "ensembles", "cost", "cost-tuning", "learning"]


def test_every_figure_is_written_as_svg_and_png(half_done):
    for name in FILES:
        svg = (half_done[0] / "figures" / f"{name}.svg").read_text()
        assert svg.startswith("<svg")
        assert " id=" not in svg
        assert (half_done[0] / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for name in ("size", "learning"):
        assert "IPT, 1 retrieved" in (half_done[0] / "figures" / f"{name}.svg").read_text()


def test_the_rule_declares_exactly_the_figures_that_are_drawn(half_done):
    from tiny import ROOT

    rules = (ROOT / "workflow/rules/analysis.smk").read_text()
    declared = json.loads("{" + rules.split("FIGURES = {")[1].split("}")[0].rstrip().rstrip(",") + "}")
    assert sorted(declared) == sorted(FILES) == sorted(path.stem for path in (half_done[0] / "figures").glob("*.svg"))
    assert all((ROOT / f"workflow/report/captions/figure-{name}.rst").is_file() for name in declared)


def test_a_figure_without_panels_is_still_a_drawing(tmp_path):
    Figure("empty", "").write(tmp_path)
    assert "nothing has finished yet" in (tmp_path / "empty.svg").read_text()
    assert (tmp_path / "empty.png").stat().st_size > 0


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


def texts(spec: dict) -> set[str]:
    """The words that stand in a drawing by themselves."""
    return {layer["mark"].get("text") for layer in spec["layer"] if layer["mark"]["type"] == "text"}


def test_the_names_of_costs_cover_neither_marks_nor_one_another():
    """Names are bold on the front, and left out where there is no room on either side, above or below."""
    scale, points = {"type": "log"}, []
    for number in range(30):
        point = {"short": f"arm {number}", "colour": "#000000", "front": not number}
        points.append(point | {"x": 100.0 + number % 6, "y": 30.0 + number // 6})
    layers = cost.labels(points, scale, 40.0, 280)
    assert 0 < len(layers) < 30 and layers[0]["mark"]["text"] == "arm 0" and layers[0]["mark"]["fontWeight"] == 600
    boxes = []
    for layer in layers:
        mark, x, y = layer["mark"], *(layer["encoding"][axis]["value"] for axis in "xy")
        length = cost.LETTER * len(mark["text"])
        boxes.append((x, x + length, y) if mark["align"] == "left" else (x - length, x, y))
    for (a, b, y), (c, d, z) in itertools.combinations(boxes, 2):
        assert b < c or d < a or abs(y - z) >= cost.LINE


def test_the_tuning_of_what_is_not_tuned_costs_nothing_and_is_drawn():
    study = study_of(["icl", "pt"])
    own = {cell.key: cell for cell in cells(study)}
    row = {"model": "beta", "task": "dart", "metric": "bleu", "n": 1, "low": float("nan"), "high": float("nan")}
    row |= {"front_tuning": True}
    icl = row | {"arm": "icl", "variant": "retrieved-1", "mean": 20.0, "tuning_operations": 0.0}
    tuned = row | {"arm": "pt", "variant": "tokens-25", "mean": 30.0, "tuning_operations": 6e13}
    (panel,) = cost.cost_panels(Names(study, own.values()), own, pd.DataFrame([tuned, icl]), "tuning")
    points = panel.spec["data"]["values"]
    assert [(point["x"], point["short"]) for point in points] == [(0, "ICL, 1 retrieved"), (6e13, "PT")]
    assert {"ICL, 1 retrieved", "PT"} <= texts(panel.spec)
    assert "ICL, 1 retrieved 20.0 at 0; PT, 25 tokens 30.0 at 6e+13" in panel.words


def test_every_bar_is_the_interval_of_a_mean_and_every_dot_a_seed(half_done):
    summary = pd.read_csv(half_done[0] / "summary.tsv", sep="\t").drop_duplicates(["model", "task", "arm", "variant"])
    study = study_of()
    own = {cell.key: cell for cell in cells(study)}
    summary = summary.assign(low=summary["mean"] - 3, high=summary["mean"] + 4)
    panels = scores.score_panels(Names(study, own.values()), own, summary, pd.DataFrame(columns=["task", "baseline"]))
    assert len(panels) == 4
    for panel in panels:
        rows = summary[(summary["model"] == panel.model) & (summary["task"] == panel.task) & summary["compared"]]
        rows = rows[rows["n"] > 0]
        drawn = panel.spec["data"]["values"]
        assert [point["y"] for point in drawn] == list(rows["mean"])
        assert [(point["low"], point["high"]) for point in drawn] == list(zip(rows["low"], rows["high"], strict=True))
        assert [len(point["seeds"]) for point in drawn] == list(rows["n"])
        assert all(point["name"] in panel.words for point in drawn)


def test_what_needs_no_model_is_seen_where_it_scores_more_than_all_arms(half_done):
    summary = pd.read_csv(half_done[0] / "summary.tsv", sep="\t").drop_duplicates(["model", "task", "arm", "variant"])
    study = study_of()
    own = {cell.key: cell for cell in cells(study)}
    trivial = {"baseline": "input copied", "retriever": "", "score": 99.0, "low": 98.0, "high": 99.5}
    rows = pd.DataFrame([trivial | {"task": task} for task in summary["task"].unique()])
    for panel in scores.score_panels(Names(study, own.values()), own, summary.assign(mean=30.0, high=31.0), rows):
        axes = [layer["encoding"]["x"] for layer in panel.spec["layer"] if layer["mark"]["type"] == "tick"]
        assert [axis["scale"]["domain"][1] > 99 for axis in axes] == [True]


@pytest.mark.parametrize(("models", "rows"), [(["m"] * 4, [2, 2]), (["m"] * 5, [3, 2]), (["m", "n"] * 4, [4, 4])])
def test_a_file_has_a_row_per_model_and_the_panels_of_one_model_as_on_a_page(models, rows):
    panels = [Panel(model, f"t{place}", {}, "") for place, model in enumerate(models)]
    assert [len(row) for row in Figure("scores", "", panels).rows()] == rows
