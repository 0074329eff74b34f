"""Scale: tables, crossings and pictures of studies with known truth, and none of a study with one size of model."""

import numpy as np
import pytest
from simulated import scored_study

from softshot.analysis.contrasts import contrasts
from softshot.analysis.figures.scale import distance_panels, scale_panels
from softshot.analysis.names import Names, count
from softshot.analysis.scale import crossings, scale, sizes
from softshot.settings import Study

MODELS = ["gpt2-xl", "smollm2-135m", "gpt2-large", "gpt2-medium"]  # not in the order of their size
FULL = {"full": {"method": "full"}}
ARMS = {"icl": {"method": "none", "demonstrations": ["retrieved-1"]}, "pt": {"method": "prompt-tuning", "tokens": [25]}}
# Where the score is on the scale of logits, with models from the smallest.
CATCHES_UP = {"icl": [-2, -1.5, -1, -0.5], "pt": [-2, -0.9, 0.3, 1.6], "full": [0, 0.2, 0.3, 0.4]}
PARALLEL = {"icl": [-2, -1.5, -1, -0.5], "pt": [-1.5, -1, -0.5, 0], "full": [0, 0.5, 1, 1.5]}


def study_of(arms: dict, models: list[str] = MODELS, tasks: tuple[str, ...] = ("mtop",)) -> Study:
    return Study(study="s", seeds=[1, 2, 3, 4, 5], arms=arms, models={"use": models}, data={"tasks": list(tasks)})


def tables(study: Study, truth: dict[str, list[float]]):
    """The two tables, and the study's names and cells."""
    ordered = list(sizes(study)) or study.models.use
    results, evidence = scored_study(
        np.random.default_rng(5), study, lambda run: truth[run.arm][ordered.index(run.model)], 0.15
    )
    names, comparisons = Names(study, results.cells), contrasts(study, evidence, {})
    table = scale(study, results, evidence, comparisons, names)
    return table, crossings(study, results, evidence, comparisons, names), names, {c.key: c for c in results.cells}


def test_an_arm_that_catches_up_crosses_full_tuning_between_the_models_where_it_does():
    study = study_of(ARMS | FULL)
    table, crossed, names, cells = tables(study, CATCHES_UP)
    assert list(table["parameters"].unique()) == sorted(table["parameters"].unique()) and len(table) == 12
    assert len(set(table["parameters"])) == 4
    full, pt = (table[table["arm"] == arm].set_index("model") for arm in ("full", "pt"))
    assert full["over_full"].isna().all() and set(full["over_full_verdict"]) == {""}
    np.testing.assert_allclose(pt["over_full"], pt["mean"] - full["mean"])
    assert (pt["over_full_low"] < pt["over_full"]).all() and (pt["over_full"] < pt["over_full_high"]).all()
    assert (
        pt["over_full_verdict"].to_dict()["smollm2-135m"] == "worse" and pt["over_full_verdict"]["gpt2-xl"] == "better"
    )
    row = crossed.set_index(["one", "other"]).loc[("pt", "full")]
    parameters = sizes(study)
    assert parameters["gpt2-medium"] < row["at"] < parameters["gpt2-xl"] and row["low"] < row["at"] < row["high"]
    assert row["low"] < parameters["gpt2-large"] < row["high"], "there they are equal"
    assert row["with_full"] and row["sentence"].startswith(f"pt overtakes full at about {count(row['at'])} parameters")
    (panel,), (distance,) = scale_panels(names, cells, table), distance_panels(names, cells, table)
    assert "<svg" in panel.svg and "gpt2-xl" in panel.words and "pt" in distance.words and "−" not in distance.words


def test_parallel_arms_do_not_cross():
    _, crossed, *_ = tables(study_of(ARMS | FULL), PARALLEL)
    row = crossed.set_index(["one", "other"]).loc[("pt", "full")]
    assert np.isnan(row["at"]) and row["sentence"].startswith("full scores better than pt at ")


def test_equal_arms_have_no_certain_order():
    _, crossed, *_ = tables(study_of({"pt": ARMS["pt"]} | FULL), {"pt": [0, 0, 0, 0], "full": [0, 0, 0, 0]})
    (row,) = crossed.itertuples()
    assert np.isnan(row.at) and row.sentence == "pt and full: no order is certain with any model."


def test_without_full_tuning_there_are_scores_and_no_distances():
    table, crossed, names, cells = tables(study_of(ARMS), PARALLEL)
    assert table["over_full"].isna().all() and not crossed["with_full"].any() and len(crossed) == 1
    assert len(scale_panels(names, cells, table)) == 1 and distance_panels(names, cells, table) == []


@pytest.mark.parametrize("models", [["smollm2-135m"], ["smollm2-135m", "mine"]])
def test_models_of_one_size_or_of_none_that_is_known_ask_nothing(tmp_path, models):
    folders = {"folders": {"mine": str(tmp_path)}}  # nothing says how large it is
    study = study_of(ARMS | FULL, models).model_copy(update={"models": study_of(ARMS).models.model_copy(
        update={"use": models} | folders)})  # fmt: skip
    table, crossed, names, cells = tables(study, {arm: [0, 0] for arm in ("icl", "pt", "full")})
    assert table.empty and crossed.empty and scale_panels(names, cells, table) == []


def test_numbers_of_parameters_in_short():
    assert [count(number) for number in (134515008, 999.6e6, 1065314304, 45600, 12)] == [
        "135M", "1B", "1.07B", "45.6k", "12",
    ]  # fmt: skip
