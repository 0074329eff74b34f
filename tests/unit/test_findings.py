"""The analysis of a study with known truth finds it: tables, claims and advice."""

import math

import numpy as np
import pandas as pd
import pytest
import synthetic_study as made

from softshot.analysis.collect import collect
from softshot.analysis.findings import find
from softshot.grid import Run, runs

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


def truth_of(table: pd.DataFrame, arm: str | None = None) -> np.ndarray:
    """The expected score of every row's cell."""
    arms = table["arm"] if arm is None else [arm] * len(table)
    names = zip(table["model"], table["task"], arms, table["variant"], strict=True)
    return np.array([made.expected(RUNS[name]) for name in names])


def held(table: pd.DataFrame, truth: np.ndarray, low: str = "low", high: str = "high") -> float:
    """Share of the intervals that hold the truth."""
    return float(((table[low] <= truth) & (truth <= table[high])).mean())


def test_means_and_their_intervals_hold_the_expected_scores(whole):
    for table, arm in ((whole.tokens, None), (whole.levels, "icl"), (whole.sizes, None)):
        truth = truth_of(table, arm)
        assert held(table, truth) >= 0.92
        assert abs(table["mean"] - truth).mean() < 2
        assert (table["n"] > 0).all()
    assert len(whole.tokens) == 3 * 5 * 14
    assert len(whole.sizes) == 3 * 5 * 9
    assert sorted(whole.sizes["train"].unique()) == [50, 400, 2000]


def test_published_numbers_stand_beside_the_same_cells(whole):
    row = whole.summary.set_index(["model", "task", "variant"]).loc[("gpt2-xl", "mtop", "tokens-25")]
    assert (row["published"], row["published_sd"], row["published_status"]) == (41.4, 5.6, "read")
    assert row["difference"] == pytest.approx(row["mean"] - 41.4)
    row = whole.summary.set_index(["model", "task", "variant"]).loc[("bloom-1b1", "dart", "tokens-100")]
    assert (row["published"], row["published_status"]) == (37.1, "digitised")
    assert whole.summary["published"].notna().sum() == 3 * 5 + 3 * 5 * 2 + 5 * 6 * 2


def test_spreads_are_those_of_the_scores_and_few_seeds_decide_little(whole):
    assert len(whole.spread) == 3 * 5 * 7
    assert (whole.spread["ratio"] == whole.spread["pt_sd"] / whole.spread["ipt_sd"]).all()
    assert whole.spread["verdict"].isin(["PT spreads more", "IPT spreads more", "undecided"]).all()
    assert (whole.spread["low"] < whole.spread["ratio"]).all()
    assert (whole.spread["high"] > whole.spread["ratio"]).all()


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
    for place, arm in enumerate(("pt", "ipt")):
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


def test_curves_cross_where_they_were_made_to_cross(whole):
    table = whole.crossings
    crossing = table[(table["one"] == "ICL, 1 retrieved") & (table["other"] == "PT, 25 tokens")]
    truth = 2000 * math.exp(-(made.PT[25] - made.ICL["retrieved-1"]) / (made.GROWTH["pt"] - made.GROWTH["icl"]))
    assert len(crossing) == 15
    assert held(crossing, np.full(15, truth)) >= 0.8
    assert crossing["sentence"].str.contains("PT, 25 tokens overtakes ICL, 1 retrieved").all()
    rest = table[(table["one"] == "ICL, 1 retrieved") & (table["task"] == "mtop")]
    never = rest[rest["other"] != "PT, 25 tokens"]
    assert len(never) == 3
    assert never["at"].isna().all()
    assert never["sentence"].str.startswith("No crossing between 50 and 2,000 training records").all()


def test_differences_and_their_tests_agree_with_the_truth(whole):
    table = whole.significance
    sides = [
        np.array([made.expected(RUNS[model, task, *name.split("/")]) for model, task, name in names])
        for names in (zip(table["model"], table["task"], table[side], strict=True) for side in ("one", "other"))
    ]
    truth = sides[0] - sides[1]
    assert held(table, truth) >= 0.92
    sure = table[table["significant"]]
    assert (np.sign(sure["difference"]) == np.sign(truth[table["significant"]])).mean() > 0.99
    main = table[table["family"] == "main"]
    assert len(main) == 3 * 5 * 15
    apart = main[(abs(truth[main.index]) > 12)]
    assert apart["significant"].mean() > 0.6
    single = main[main["method"] == "approximate randomisation"]
    assert set(single["one"]) == {"icl/retrieved-3"}
    assert set(table["family"]) == {"main", "lengths", "transfer", "sizes"}


def test_the_mark_of_the_best_needs_significance(whole):
    compared = whole.summary[whole.summary["compared"]]
    tests = whole.significance[whole.significance["family"] == "main"]
    for (model, task), cells in compared.groupby(["model", "task"]):
        top = cells.loc[cells["mean"].idxmax()]
        of_top = tests[(tests["model"] == model) & (tests["task"] == task)]
        name = f"{top['arm']}/{top['variant']}"
        worse = of_top[(of_top["one"] == name) | (of_top["other"] == name)]["significant"]
        assert top["mark"] == ("best" if worse.all() else "tied")
        assert (cells["mark"] == "best").sum() == int(worse.all())
    assert (whole.summary.loc[~whole.summary["compared"], "mark"] == "").all()


def test_the_front_of_score_and_cost(whole):
    for _, cells in whole.pareto.groupby(["model", "task"]):
        ms, tokens = cells["ms_per_prediction"], cells["input_tokens_per_prediction"]
        assert (ms.round(6) == (40 + 60 * shots(cells) + cells["tokens"]).astype(float)).all()
        assert (tokens == 40 + 60 * shots(cells) + cells["tokens"]).all()
        beaten = [
            ((cells["mean"] > m) & (ms <= c) | (cells["mean"] >= m) & (ms < c)).any()
            for m, c in zip(cells["mean"], ms, strict=True)
        ]
        assert list(cells["front_ms"]) == [not lost for lost in beaten]
        free = cells[cells["front_tuning"] & (cells["arm"] == "icl")]
        assert len(free)
        assert set(free["mean"]) == {cells.loc[cells["arm"] == "icl", "mean"].max()}


def shots(cells: pd.DataFrame) -> pd.Series:
    """Demonstrations of each cell."""
    return cells["variant"].str.extract(r"(?:random|retrieved)-(\d+)")[0].fillna("0").astype(int)


def test_what_prompts_learned_demonstrations_and_data_are_reported(whole):
    assert len(whole.prompts) == 3 * 5 * (14 + 4) * 3
    assert whole.prompts["nearest"].iloc[-1] == '" word0" (0.40), " word1" (0.40), " word2" (0.40)'
    used = whole.demonstrations[whole.demonstrations["retriever"] == "retrieved"]
    assert set(used["recall"]) == {0.97}
    assert set(whole.demonstrations["shown_none"]) == {6}
    assert set(whole.data.loc[whole.data["split"] == "train", "skipped"]) == {3}
    assert whole.missing.empty


def test_the_claims_that_the_study_was_made_to_support(whole):
    verdicts = whole.claims[whole.claims["task"] == ""].set_index(["claim", "part"])["verdict"]
    assert "".join(part or str(claim) for claim, part in verdicts.index) == "11a1b1c1d22a2b33a3b44"
    decided = verdicts.drop([(3, ""), (3, "3b")])
    assert set(decided) == {"supported"}
    assert verdicts[3, "3b"] != "not supported"  # true, but 3 seeds of 300 records say little of spreads
    mean = whole.claims[(whole.claims["task"] == "") & (whole.claims["part"] == "1a")].iloc[0]
    cells = whole.claims[(whole.claims["task"] != "") & (whole.claims["part"] == "1a")]
    assert mean["effect"] == pytest.approx(cells["effect"].mean())
    assert mean["low"] < 28 + 2 < mean["high"]
    assert mean["runs"] == 15 * 6
    assert not whole.claims["sentence"].str.contains("nan").any()


def test_advice_names_the_better_arm_and_says_how_sure(whole):
    table = whole.advice.set_index(["model", "task"])
    assert len(table) == 15
    assert set(table.xs("spider", level="task")["arm"]) == {"pt"}
    assert (table.drop("spider", level="task")["arm"] == "ipt").mean() > 0.9
    for row in table.itertuples():
        assert ("which can be chance" in row.text) == (row.sure == "a tie")
        assert "soft tokens" in row.text
        assert "ms and" in row.text
        assert "nan" not in row.text


@pytest.fixture
def opposite(tmp_path, monkeypatch):
    """A smaller study in which every claim is wrong."""
    monkeypatch.setattr(made, "ICL", made.ICL | {"retrieved-1": 60.0, "retrieved-3": 61.0})
    monkeypatch.setattr(made, "IPT_GAIN", dict.fromkeys(made.IPT_GAIN, 15.0))
    monkeypatch.setattr(made, "TRANSFER", dict.fromkeys(made.TRANSFER, -9.0))
    monkeypatch.setattr(made, "SLOPE", -0.3)
    monkeypatch.setattr(made, "PT", dict.fromkeys(made.LENGTHS, 35.0))

    def spread(run):
        return 0.0 if run.seed == 0 else {"pt": 6.0 * max(run.tokens, 1) ** -0.5, "ipt": 4.0}.get(run.arm, 0.4)

    monkeypatch.setattr(made, "spread", spread)
    study = made.study_of(5)
    study = study.model_copy(
        update={
            "models": study.models.model_copy(update={"use": ["gpt2-xl"]}),
            "data": study.data.model_copy(update={"tasks": ["totto", "dart"]}),
            "arms": study.arms.model_copy(update={"data_size": study.arms.data_size.model_copy(update={"train": []})}),
        }
    )
    made.write_study(tmp_path, study)
    return find(study, collect(study, tmp_path), tmp_path)


def test_the_claims_that_the_study_was_made_to_refute(opposite):
    verdicts = opposite.claims[opposite.claims["task"] == ""].set_index("part")["verdict"]
    assert verdicts["1a"] == verdicts["1c"] == "supported"
    assert set(verdicts[["1d", "2b", "3a", "3b", "4"]]) == {"not supported"}
    assert verdicts["2a"] in ("not supported", "undecided")
    assert set(opposite.claims.loc[opposite.claims["part"] == "", "verdict"]) == {"not supported"}
    assert set(opposite.advice["arm"]) == {"icl"}


def test_a_true_difference_of_nothing_is_undecided(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "IPT_GAIN", dict.fromkeys(made.IPT_GAIN, 0.0))
    monkeypatch.setattr(made, "TRANSFER", dict.fromkeys(made.TRANSFER, 0.0))
    monkeypatch.setattr(made, "SLOPE", 0.0)
    monkeypatch.setattr(made, "spread", lambda run: 0.0 if run.seed == 0 else 1.0)
    study = made.study_of(3)
    tasks = study.data.model_copy(update={"tasks": ["dart", "mtop", "totto"]})
    models = study.models.model_copy(update={"use": ["gpt2-xl"]})
    study = study.model_copy(update={"data": tasks, "models": models})
    made.write_study(tmp_path, study)
    claims = find(study, collect(study, tmp_path), tmp_path).claims
    verdicts = claims[claims["task"] == ""].set_index("part")["verdict"]
    assert set(verdicts[["2a", "2b", "3a", "4"]]) == {"undecided"}
