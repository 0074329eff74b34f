"""The analysis of a study with known truth finds it: tables, claims and advice."""

import itertools
import math
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import synthetic_study as made

from softshot.analysis import published
from softshot.analysis.cells import cells, keys
from softshot.analysis.collect import collect
from softshot.analysis.findings import find
from softshot.grid import Run, runs
from softshot.settings import Study

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """1,200 runs, and what is found in them."""
    folder, study = tmp_path_factory.mktemp("synthetic"), made.study_of()
    assert made.write_study(folder, study) == 1200
    return find(study, collect(study, folder), folder)


def runs_of(study) -> dict[tuple, Run]:
    """A run of every cell."""
    return {(run.model, run.task, run.arm, run.variant): run for run in runs(study)}


RUNS = runs_of(made.study_of())


def truth_of(table: pd.DataFrame) -> np.ndarray:
    """The expected score of every row's cell."""
    return np.array([made.expected(RUNS[key]) for key in keys(table)])


def held(table: pd.DataFrame, truth: np.ndarray, low: str = "low", high: str = "high") -> float:
    """Share of the intervals that hold the truth."""
    return float(((table[low] <= truth) & (truth <= table[high])).mean())


def test_means_and_their_intervals_hold_the_expected_scores(whole):
    for table in (whole.size, whole.levels, whole.data_size):
        truth = truth_of(table)
        assert held(table, truth) >= 0.92
        assert abs(table["mean"] - truth).mean() < 2
        assert (table["n"] > 0).all()
    assert len(whole.size) == 3 * 5 * 14
    assert len(whole.data_size) == 3 * 5 * 9
    assert sorted(whole.data_size["train"].unique()) == [50, 400, 2000]


def test_records_by_whose_loss_a_step_is_chosen_are_labelled_too(whole):
    table = whole.data_size
    more = table["labelled"] - table["train"]
    assert set(more[table["arm"] == "icl"]) == {0} and set(more[table["arm"] != "icl"]) == {64}


def test_records_that_choose_nothing_are_not_labelled(tmp_path):
    """The last state is kept, at one learning rate; of two rates one is chosen, by validation records."""
    study = small(made.study_of(2), tasks=["mtop"], transfer=[])
    rates = {"overrides": [{"arm": "ipt", "set": {"learning_rate": [0.01, 0.1]}}]}
    values = study.model_dump() | {"tuning": study.tuning.model_dump() | {"keep": "last"} | rates}
    study = Study(**values)
    made.write_study(tmp_path, study)
    table = find(study, collect(study, tmp_path), tmp_path).data_size
    more = (table["labelled"] - table["train"]).groupby(table["arm"]).unique()
    assert {arm: set(counts) for arm, counts in more.items()} == {"icl": {0}, "pt": {0}, "ipt": {64}}


def test_published_numbers_stand_beside_whole_splits_of_the_same_cells_alone(whole, monkeypatch):
    assert whole.summary["published"].isna().all()  # 300 records are no split
    assert whole.similarity["published_n"].isna().all()
    study = made.study_of()
    sizes = {"records": [5097], "task": ["dart"], "metric": ["dart_bleu"]}
    results = SimpleNamespace(cells=cells(study), metrics=pd.DataFrame(sizes))
    table = published.scores(study, results).set_index(["model", "arm", "variant"])
    assert set(table["task"]) == {"dart"}
    row = table.loc[("bloom-1b1", "pt", "tokens-25")]
    assert (row["published"], row["published_sd"], row["published_status"]) == (41.2, 0.9, "read")
    assert row["published_note"] == "prompt length inferred; split inferred"
    row = table.loc[("bloom-1b1", "ipt", "tokens-150_retrieved-1")]
    assert (row["published"], row["published_status"]) == (35.8, "digitised")
    assert np.isnan(row["published_sd"])  # a figure's band is no deviation
    assert "there by GPT-NeoX-20B" in row["published_note"]
    limited = study.model_copy(
        update={"data": study.data.model_copy(update={"limits": study.data.limits.model_copy(update={"train": 100})})}
    )
    assert published.scores(limited, results).empty


def test_published_numbers_of_the_other_methods_stand_beside_the_very_cells():
    arms = {
        "full": {"method": "full"},
        "prefix": {"method": "prefix-tuning", "tokens": [10, 20]},
        "lora": {"method": "lora", "rank": [4, 8]},
    }
    metrics = pd.DataFrame({"records": [5097] * 2, "task": ["dart"] * 2, "metric": ["dart_bleu", "dart_ter"]})
    values = {"models": {"use": ["gpt2-medium", "gpt2-large", "gpt2-xl"]}, "data": {"tasks": ["dart"]}, "arms": arms}
    study = Study(**values)
    results = SimpleNamespace(cells=cells(study), metrics=metrics)
    table = published.scores(study, results)
    main = table[table["metric"] == "dart_bleu"].set_index(["model", "arm", "variant"])["published"]
    assert main.to_dict() == {
        **{("gpt2-medium", "full", "none"): 46.2, ("gpt2-large", "full", "none"): 47.0},
        **{("gpt2-medium", "prefix", "tokens-10"): 46.4, ("gpt2-large", "prefix", "tokens-10"): 46.7},
        **{("gpt2-medium", "lora", "rank-4"): 47.1, ("gpt2-large", "lora", "rank-4"): 47.5},
    }
    assert set(table["published_source"]) == {"Hu et al. 2021, table 13"}
    rounded = Study(**values | {"models": values["models"] | {"base": "nf4-dequantised"}})
    assert published.scores(rounded, results).empty, "a rounded model is another one"


def test_spreads_are_those_of_the_scores_and_three_seeds_test_none(whole):
    assert len(whole.spread) == 3 * 5 * 7
    assert (whole.spread["ratio"] == whole.spread["without_sd"] / whole.spread["with_sd"]).all()
    assert set(whole.spread["verdict"]) == {"undecided"}
    assert whole.spread["p"].isna().all()
    assert (whole.spread["low"] < whole.spread["ratio"]).all()
    assert (whole.spread["high"] > whole.spread["ratio"]).all()
    scores = whole.size[whole.size["demonstrations"] == ""]
    worst = scores["values"].map(lambda said: min(map(float, re.findall(r"=([0-9.]+)", said))))
    np.testing.assert_allclose(sorted(whole.spread["without_worst"]), sorted(worst), atol=1e-4)


def test_scores_by_similarity_are_those_expected_of_the_records(whole):
    table = whole.similarity[whole.similarity["by"] == "similarity"]
    shown = np.arange(made.RECORDS) % 50 > 0
    truths = []
    for row in table.itertuples():
        near = made.similarities(row.task)
        inside = shown & (near > row.low_edge if row.bin < 6 else near >= row.low_edge) & (near <= row.high_edge)
        assert inside.sum() == row.n
        pt, ipt = (RUNS[row.model, row.task, *name] for name in NEAREST)
        truths.append([made.expected(run, inside) if row.n else np.nan for run in (pt, ipt)])
    truth, known = np.array(truths), (table["n"] >= 10).to_numpy()
    assert known.sum() > 100
    for place, arm in enumerate(("without", "with")):
        assert held(table[known], truth[known, place], f"{arm}_low", f"{arm}_high") >= 0.92
    assert held(table[known], truth[known, 1] - truth[known, 0], "gain_low", "gain_high") >= 0.92
    for (_, _, binning), bins in table.groupby(["model", "task", "binning"]):
        assert bins["n"].sum() == shown.sum()
        assert list(bins["bin"]) == [1, 2, 3, 4, 5, 6]
        assert (bins["low_edge"].diff().dropna() < 0).all()
        if binning == "count":
            assert set(bins["n"]) == {49}
        else:
            assert np.ptp(bins["high_edge"] - bins["low_edge"]) < 1e-9


NEAREST = [("pt", "tokens-25"), ("ipt", "tokens-25_retrieved-1")]


def test_overlap_bins_follow_the_words_that_outputs_share(whole):
    table = whole.similarity[(whole.similarity["by"] == "overlap") & (whole.similarity["binning"] == "width")]
    assert table["low_edge"].min() >= 0
    assert table["high_edge"].max() <= 100
    gains = table[table["n"] >= 20].groupby("bin")["gain"].mean()
    assert gains.iloc[0] > gains.iloc[-1] + 5


def test_transfers_gain_what_they_were_made_to_gain(whole):
    assert len(whole.transfer) == 3 * 5 * 4
    truth = whole.transfer["source"].map(made.TRANSFER).to_numpy()
    assert held(whole.transfer, truth) >= 0.9
    assert whole.transfer["gain"].mean() == pytest.approx(truth.mean(), abs=1)
    assert (whole.transfer["p_holm"] >= whole.transfer["p"]).all()


def test_a_mean_of_gains_counts_a_shared_prompt_once(whole):
    part = whole.claims[whole.claims["part"] == "4"].set_index("task")
    scale = part.loc[""].iloc[0] if isinstance(part.loc[""], pd.DataFrame) else part.loc[""]
    assert scale["unit"] == "SD of a record"
    assert scale["low"] < scale["effect"] < scale["high"]


def test_curves_cross_where_they_were_made_to_cross_and_orders_are_certain(whole):
    table = whole.crossings
    assert set(table["one"]) | set(table["other"]) == {"ICL, 1 retrieved", "PT", "IPT, 1 retrieved"}
    crossing = table[(table["one"] == "ICL, 1 retrieved") & (table["other"] == "PT")]
    truth = 2000 * math.exp(-(made.PT[25] - made.ICL["retrieved-1"]) / (made.GROWTH["pt"] - made.GROWTH["icl"]))
    assert len(crossing) == 15
    told = crossing.dropna(subset="at")
    assert len(told) >= 3  # of 3 seeds few orders are certain at 50 records
    assert held(told, np.full(len(told), truth)) >= 0.8
    assert told["sentence"].str.contains("PT overtakes ICL, 1 retrieved").all()
    never = table[(table["task"] == "mtop") & (table["other"] != "PT")]
    assert never["at"].isna().all()


def test_equal_curves_are_told_to_cross_hardly_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "IPT_GAIN", dict.fromkeys(made.IPT_GAIN, 0.0))
    monkeypatch.setattr(made, "GROWTH", dict.fromkeys(made.GROWTH, 2.0))
    monkeypatch.setattr(made, "PT", dict.fromkeys(made.PT, made.ICL["retrieved-1"]))
    study = small(made.study_of(), models=["gpt2-xl", "bloom-1b1"], transfer=[])
    made.write_study(tmp_path, study)
    found = find(study, collect(study, tmp_path), tmp_path)
    assert len(found.crossings) == 2 * 5 * 3
    assert found.crossings["at"].notna().sum() <= 1
    assert found.crossings["sentence"].str.contains("no order is certain").mean() > 0.9


def test_differences_and_their_tests_agree_with_the_truth(whole):
    table = whole.significance
    sides = [
        np.array([made.expected(RUNS[model, task, *name.split("/")]) for model, task, name in names])
        for names in (zip(table["model"], table["task"], table[side], strict=True) for side in ("one", "other"))
    ]
    truth = sides[0] - sides[1]
    assert held(table, truth) >= 0.95
    sure = table["verdict"].isin(["better", "worse"])
    assert (np.sign(table.loc[sure, "difference"]) == np.sign(truth[sure])).mean() > 0.99
    assert (table["verdict"].eq("better") == (sure & (table["difference"] > 0))).all()
    seeds = table["seeds_to_tell"]
    assert seeds.dropna().between(4, 50).all() and seeds[table["verdict"] != "open"].isna().all()
    main = table[table["family"] == "main"]
    assert len(main) == 3 * 5 * 15
    assert sure[main.index][abs(truth[main.index]) > 12].mean() > 0.3
    assert set(table["family"]) == {"main", "size", "transfer", "data size", "chosen"}
    pairs = [
        (model, task, frozenset(pair))
        for model, task, *pair in zip(table["model"], table["task"], table["one"], table["other"], strict=True)
    ]
    assert len(pairs) == len(set(pairs))  # one comparison, one verdict


def test_whatever_is_said_of_a_pair_is_the_verdict_of_its_comparison(whole):
    verdicts = {}
    for row in whole.significance.itertuples():
        verdicts[row.model, row.task, row.one, row.other] = row.verdict
        turned = {"better": "worse", "worse": "better"}.get(row.verdict, row.verdict)
        verdicts[row.model, row.task, row.other, row.one] = turned
    words = {"better": "supported", "worse": "not supported", "equal": "undecided", "open": "undecided"}
    claims = whole.claims[(whole.claims["task"] != "") & whole.claims["part"].isin(["1a", "1b", "2a"])]
    tuned = {"1a": "pt/tokens-25", "1b": "ipt/tokens-25_retrieved-1", "2a": "ipt/tokens-25_retrieved-1"}
    for row in claims.itertuples():
        other = "pt/tokens-25" if row.part == "2a" else "icl/random-1"
        verdict = words[verdicts[row.model, row.task, tuned[row.part], other]]
        flipped = {"supported": "not supported", "not supported": "supported"}.get(verdict, verdict)
        assert row.verdict == (flipped if row.part == "2a" else verdict)
    for row in whole.transfer.itertuples():
        said = verdicts[row.model, row.task, f"{row.arm}/{row.variant}", f"icl/{row.demonstrations}"]
        assert row.verdict == said
    compared = whole.summary[whole.summary["compared"]]
    for (model, task), cells_ in compared.groupby(["model", "task"]):
        top = cells_.loc[cells_["mean"].idxmax()]
        name = f"{top['arm']}/{top['variant']}"
        rest = cells_.drop(index=top.name)
        said = [verdicts[model, task, name, f"{arm}/{variant}"] for *_, arm, variant in keys(rest)]
        assert (top["mark"] == "best") == (set(said) == {"better"})
        for verdict, mark in zip(said, rest["mark"], strict=True):
            assert mark == {"better": "", "equal": "equal", "open": "open"}[verdict]
    assert (whole.summary.loc[~whole.summary["compared"], "mark"] == "").all()


def test_the_front_counts_only_leads_beyond_chance(whole):
    verdicts = whole.significance.set_index(["model", "task", "one", "other"])["verdict"]
    assert "front_ms" not in whole.pareto
    for (model, task), cells_ in whole.pareto.groupby(["model", "task"]):
        front = cells_[cells_["front_prediction"]].sort_values("tokens_per_prediction")
        names = [f"{row.arm}/{row.variant}" for row in front.itertuples()]
        for cheap, dear in itertools.pairwise(names):
            pair, turned = (model, task, dear, cheap), (model, task, cheap, dear)
            assert verdicts[pair] == "better" if pair in verdicts.index else verdicts[turned] == "worse"
        assert (front["mean"].diff().dropna() > 0).all()
        tokens = cells_["input_tokens_per_prediction"]
        sizes = np.array([RUNS[key].size for key in keys(cells_)])
        shots = np.array([RUNS[key].shots for key in keys(cells_)])
        assert (tokens == 40 + 60 * shots + sizes).all()
        plain = cells_[cells_["tuning_operations"] == 0]
        assert cells_["front_tuning"].sum() >= 1 and len(plain) == 4


def test_what_prompts_learned_demonstrations_and_data_are_reported(whole):
    assert len(whole.prompts) == 3 * 5 * (14 + 4) * 3
    assert whole.prompts["nearest"].iloc[-1] == '" word0" (0.40), " word1" (0.40), " word2" (0.40)'
    used = whole.demonstrations[whole.demonstrations["retriever"] == "retrieved"]
    assert set(used["recall"]) == {0.97}
    assert set(whole.demonstrations["shown_none"]) == {6}
    assert set(whole.data.loc[whole.data["split"] == "train", "skipped"]) == {3}
    assert set(whole.missing["topic"]) == {"seeds", "records", "published", "domain shift"}
    assert "30 groups" in whole.missing.set_index("topic")["text"]["records"]


def test_baselines_need_no_model_and_stand_on_the_same_records(whole):
    table = whole.baselines[whole.baselines["task"] == "mtop"].set_index("baseline")
    assert dict(table["score"].round(6)) | {"first demonstration copied": 0} == {
        "empty output": 0,
        "input copied": 0,
        "first demonstration copied": 0,
        "the target itself": 100,
    }
    copied = whole.baselines[whole.baselines["baseline"] == "first demonstration copied"].set_index("task")
    assert set(copied["retriever"]) == {"retrieved"}
    assert copied.loc["dart", "score"] > 5  # demonstrations share words with the references
    assert (whole.baselines["low"].ge(0) & whole.baselines["high"].le(100)).all()


def test_the_claims_that_the_study_was_made_to_support(whole):
    verdicts = whole.claims[whole.claims["task"] == ""].set_index(["claim", "part"])["verdict"]
    assert "".join(part or str(claim) for claim, part in verdicts.index) == "11a1b1c1d22a2b33a3b44771010"
    assert "not supported" not in set(verdicts.drop([(7, ""), (7, "7")]))  # synthetic members err in the same words
    assert {verdicts[2, "2b"], verdicts[3, "3b"], verdicts[4, "4"]} == {"supported"}
    mean = whole.claims[(whole.claims["task"] == "") & (whole.claims["part"] == "1a")].iloc[0]
    effects = whole.claims[(whole.claims["task"] != "") & (whole.claims["part"] == "1a")]
    assert set(effects["unit"]) == {"points"} and mean["unit"] == "SD of a record"
    assert mean["runs"] == 15 * 6
    assert not whole.claims["sentence"].str.contains("nan").any()


def test_advice_names_the_better_arm_and_says_how_sure(whole):
    table = whole.advice.set_index(["model", "task"])
    assert len(table) == 15
    assert set(table.xs("spider", level="task")["arm"]) == {"pt"}
    assert (table.drop("spider", level="task")["arm"] == "ipt").mean() > 0.9
    for row in table.itertuples():
        assert ("can be chance" in row.text) == (row.sure == "not certain")
        assert "soft tokens" in row.text
        assert "Of its 7 sizes this one had the lowest validation loss." in row.text
        assert row.size == 50  # the lowest validation loss
        assert "tokens a prediction" in row.text
        assert "nan" not in row.text


def small(study, models=("gpt2-xl",), tasks=tuple(made.TASKS), transfer=("pt",), train=tuple(made.SIZES)):
    """Some models and tasks of a study, and some of its questions."""
    return study.model_copy(
        update={
            "models": study.models.model_copy(update={"use": list(models)}),
            "data": study.data.model_copy(update={"tasks": list(tasks)}),
            "transfer": study.transfer.model_copy(update={"arms": list(transfer)}),
            "data_size": study.data_size.model_copy(update={"train": list(train)}),
        }
    )


@pytest.fixture
def opposite(tmp_path, monkeypatch):
    """A smaller study in which every claim is wrong."""
    monkeypatch.setattr(made, "ICL", made.ICL | {"retrieved-1": 60.0, "retrieved-3": 61.0})
    monkeypatch.setattr(made, "IPT_GAIN", dict.fromkeys(made.IPT_GAIN, 15.0))
    monkeypatch.setattr(made, "TRANSFER", dict.fromkeys(made.TRANSFER, -9.0))
    monkeypatch.setattr(made, "SLOPE", -0.3)
    monkeypatch.setattr(made, "PT", dict.fromkeys(made.LENGTHS, 35.0))

    def spread(run):
        if run.seed == 0 or run.source:
            return 0.4 * (run.seed > 0)
        return {"pt": 6.0 * max(run.size, 1) ** -0.5, "ipt": 4.0}.get(run.arm, 0.4)

    monkeypatch.setattr(made, "spread", spread)
    study = small(made.study_of(5), ["gpt2-xl", "bloom-1b1"], ["totto", "dart", "mtop", "logic2text"], train=[])
    made.write_study(tmp_path, study)
    return find(study, collect(study, tmp_path), tmp_path)


def test_the_claims_that_the_study_was_made_to_refute(opposite):
    verdicts = opposite.claims[opposite.claims["task"] == ""].set_index("part")["verdict"]
    assert verdicts["1a"] == verdicts["1c"] == "supported"
    assert dict(verdicts[["1d", "2b", "3a", "3b", "4"]]) == dict.fromkeys(
        ("1d", "2b", "3a", "3b", "4"), "not supported"
    )
    assert verdicts["2a"] in ("not supported", "undecided")
    whole = opposite.claims[opposite.claims["part"] == ""].set_index("claim")["verdict"]
    assert set(whole[whole.index <= 4]) == {"not supported"} and 6 not in whole.index, "the study asks nothing of it"
    assert set(opposite.advice["arm"]) == {"icl"}


def test_a_true_difference_of_nothing_is_undecided(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "IPT_GAIN", dict.fromkeys(made.IPT_GAIN, 0.0))
    monkeypatch.setattr(made, "TRANSFER", dict.fromkeys(made.TRANSFER, 0.0))
    monkeypatch.setattr(made, "SLOPE", 0.0)
    monkeypatch.setattr(made, "spread", lambda run: 0.0 if run.seed == 0 else 1.0)
    study = small(made.study_of(3), tasks=["dart", "mtop", "totto"])
    made.write_study(tmp_path, study)
    claims = find(study, collect(study, tmp_path), tmp_path).claims
    verdicts = claims[claims["task"] == ""].set_index("part")["verdict"]
    assert set(verdicts[["2a", "2b", "3a", "3b", "4"]]) == {"undecided"}


def test_floors_and_collapsed_seeds_are_no_growth_of_the_spread(tmp_path, monkeypatch):
    """Every prompt spreads alike, on the scale of logits; short ones score near 0, and one seed in eight collapses."""
    low = {1: 0.3, 5: 2.0, 10: 5.0, 25: 20.0, 50: 40.0, 100: 50.0, 150: 45.0}
    monkeypatch.setattr(made, "truth", lambda run: low[run.size] if run.size else 20.0)

    def deviation(run):
        logit = np.log(made.truth(run) / (100 - made.truth(run)))
        if made.generator("collapse", run.path).random() < 0.12:
            logit -= 1.5
        moved = 100 / (1 + np.exp(-logit - float(made.generator("run", run.path).normal(0, 0.4))))
        return moved - made.truth(run) if run.size else 0.0

    monkeypatch.setattr(made, "deviation", deviation)
    monkeypatch.setattr(made, "SLOPE", 0.0)
    study = small(made.study_of(3), models=made.MODELS, tasks=["mtop", "logic2text", "spider"], transfer=[], train=[])
    made.write_study(tmp_path, study)
    claims = find(study, collect(study, tmp_path), tmp_path).claims
    places = claims[claims["part"].isin(["3a", "3b"])].set_index(["part", "task"])
    assert (places.xs("", level="task")["p"] > 0.01).all()
    assert places["sentence"].str.contains("at their floor or ceiling and cannot spread").any()
