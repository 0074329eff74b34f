"""Studies that are half done, or ask less: every table is there, and what is missing is said."""

from dataclasses import fields

import numpy as np
import pytest
import synthetic_study as made

from softshot.analysis.collect import collect
from softshot.analysis.figures import draw
from softshot.analysis.findings import Findings, find, write
from softshot.analysis.names import Names
from softshot.analysis.report import write_report
from softshot.analysis.tables import as_text
from softshot.errors import UserError
from softshot.files import read_json, read_jsonl, write_json, write_jsonl
from softshot.grid import runs
from softshot.settings import Study


@pytest.fixture
def analysed(tmp_path, monkeypatch):
    """Write a small study whose arms and seeds are given, change it, and find what is in it."""
    monkeypatch.setattr(made, "RECORDS", 60)
    monkeypatch.setattr(made, "TRAIN", 80)

    def analyse(seeds=3, arms=None, transfer=("pt",), train=(50,), change=lambda folder, study: None, **analysis):
        settings = made.study_of(seeds).model_dump()
        settings["models"]["use"], settings["data"]["tasks"] = ["gpt2-xl"], ["dart", "mtop"]
        settings["analysis"] |= {"bootstrap": 200} | analysis
        settings["arms"] = ARMS if arms is None else arms
        labels = list(settings["arms"])
        settings["transfer"] |= {"arms": [label for label in transfer if label in labels], "rank": [8]}
        settings["data_size"] |= {"arms": labels, "rank": [8]}
        settings["data_size"]["train"] = list(train)
        study = Study(**settings)
        made.write_study(tmp_path, study)
        change(tmp_path, study)
        results = collect(study, tmp_path)
        findings = find(study, results, tmp_path)
        write(findings, tmp_path)
        names = Names(study, results.cells)
        as_text(findings.summary, names)
        write_report(tmp_path / "report.html", study, results, names, findings, draw(results, names, findings))
        return findings

    return analyse


ARMS = {
    "icl": {"method": "none", "title": "ICL", "demonstrations": ["random-1", "retrieved-1"]},
    "pt": {"method": "prompt-tuning", "title": "PT", "tokens": [5, 25]},
    "ipt": {"method": "prompt-tuning", "title": "IPT", "tokens": [5, 25], "demonstrations": ["retrieved-1"]},
}


def verdicts(findings) -> dict[str, str]:
    """The verdict of each part."""
    rows = findings.claims[(findings.claims["task"] == "") & (findings.claims["part"] != "")]
    return dict(zip(rows["part"], rows["verdict"], strict=True))


def topics(findings) -> set[str]:
    """What is said to be missing."""
    return set(findings.missing["topic"])


def test_one_seed_decides_nothing_of_arms_and_says_so(analysed):
    findings = analysed(seeds=1)
    assert set(verdicts(findings).values()) == {"undecided"}
    assert findings.claims["sentence"].str.contains("One seed: true of these runs, and no more").any()
    assert set(findings.significance["verdict"]) == {"open"}
    assert "best" not in set(findings.summary["mark"])
    assert set(findings.significance["level"]) == {"records"}
    assert findings.spread["verdict"].eq("undecided").all()
    assert findings.advice["text"].str.contains("rests on one seed").all()
    assert "sure" not in set(findings.advice["sure"])
    assert "seeds" in topics(findings)


def test_two_seeds_say_nothing_of_spreads(analysed):
    findings = analysed(seeds=2)
    assert findings.spread["p"].isna().all()
    assert {verdicts(findings)[part] for part in ("3a", "3b")} == {"undecided"}
    assert "The study has two seeds" in findings.missing.set_index("topic")["text"]["seeds"]


@pytest.mark.parametrize("arm", ["icl", "pt", "ipt"])
def test_a_study_of_one_arm_has_every_table(analysed, arm):
    findings = analysed(arms={arm: ARMS[arm]}, transfer=[], train=[])
    assert len(findings.summary) == 2 * 2
    assert findings.transfer.empty and findings.data_size.empty and findings.similarity.empty
    assert {"similarity", "transfer", "data size"} <= topics(findings)
    if arm != "icl":  # which has two kinds of demonstrations
        assert findings.advice["text"].str.contains("There is no other arm to compare it with").all()
    assert {verdicts(findings)[part] for part in ("1a", "1b", "1d", "2a", "2b", "4")} == {"undecided"}


def test_a_lone_arm_of_two_kinds_of_demonstrations_is_still_compared(analysed):
    findings = analysed(arms={"icl": ARMS["icl"] | {"title": "Show"}}, train=[])
    assert set(findings.significance["one"]) == {"icl/retrieved-1"}
    assert findings.advice["text"].str.contains("Show with 1 retrieved demonstration scored best").all()


def test_an_arm_with_a_rank_is_in_every_table(analysed, tmp_path):
    lora = {"method": "lora", "title": "LoRA", "rank": [4, 8], "demonstrations": ["none", "retrieved-1"]}
    arms = {"show": ARMS["icl"] | {"title": None}, "low": lora, "soft": ARMS["pt"]}
    findings = analysed(5, arms, transfer=["low"], train=[50])
    compared = findings.summary[findings.summary["compared"]]
    variants = ["random-1", "retrieved-1", "rank-8", "rank-8_retrieved-1", "tokens-25"]
    assert list(dict.fromkeys(compared["variant"])) == variants
    assert set(findings.size["unit"]) == {"rank", "tokens"} and set(findings.levels["arm"]) == {"show"}
    assert set(findings.spread["method"]) == {"lora"}
    assert set(findings.similarity["with_variant"]) == {"rank-8_retrieved-1"}
    assert len(findings.transfer) == 2 and set(findings.transfer["arm"]) == {"low"}
    assert "low/rank-8_train-50" in set(findings.significance["one"])
    costs = findings.pareto.set_index(["task", "variant"])
    rank, soft = costs.loc[("dart", "rank-8")], costs.loc[("dart", "tokens-25")]
    assert soft["input_tokens_per_prediction"] - rank["input_tokens_per_prediction"] == 25
    assert 1 < soft["operations_per_prediction"] / rank["operations_per_prediction"] < 1.01, "it is looked at"
    assert (rank["positions_added"], soft["positions_added"]) == (0, 25)
    assert findings.advice["text"].str.contains("LoRA with rank").all()
    assert {verdicts(findings)[part] for part in ("1b", "2a")} == {"undecided"}  # IPT is another method
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>LoRA</b> rank 8, 1 retrieved" in page and "<b>show</b>" in page
    assert 'class="arm-1 circle"' in page


def test_without_retrieved_demonstrations_the_claims_about_them_are_open(analysed):
    arms = ARMS | {"icl": ARMS["icl"] | {"demonstrations": ["random-1"]}}
    arms |= {"ipt": ARMS["ipt"] | {"tokens": [25], "demonstrations": ["random-1"]}, "pt": ARMS["pt"] | {"tokens": [25]}}
    findings = analysed(5, arms, transfer=[], train=[])
    assert verdicts(findings)["1a"] == "supported"
    assert {verdicts(findings)[part] for part in ("1c", "1d", "2b")} == {"undecided"}
    assert set(findings.similarity["by"]) == {"overlap"}  # a random demonstration has no score, but an output


def test_an_upper_bound_is_never_the_best(analysed, monkeypatch):
    monkeypatch.setattr(made, "ICL", made.ICL | {"oracle-1": 95.0})
    icl = ARMS["icl"] | {"demonstrations": ["oracle-1", "random-1", "retrieved-1"]}
    findings = analysed(arms={"icl": icl, "pt": ARMS["pt"]}, train=[])
    oracle = findings.summary[findings.summary["variant"] == "oracle-1"]
    assert (oracle["mean"] > 80).all()
    assert not oracle["compared"].any() and set(oracle["mark"]) == {""}
    assert (
        not findings.pareto.loc[findings.pareto["variant"] == "oracle-1", ["front_prediction", "front_tuning"]]
        .any()
        .any()
    )
    assert "oracle-1" not in set(findings.advice["variant"])


def test_where_lower_is_better_differences_and_marks_are_turned_round(analysed, monkeypatch):
    monkeypatch.setattr(made, "METRICS", made.METRICS | {"dart": "ter", "mtop": "ter"})

    def low(folder, study):
        for path in folder.rglob("scores.json"):
            write_json(path, read_json(path) | {"lower_is_better": ["ter"]})

    findings = analysed(5, change=low)
    tests = findings.significance[findings.significance["family"] == "main"]
    np.testing.assert_allclose(tests["difference"], tests["other_mean"] - tests["one_mean"])
    assert verdicts(findings)["1a"] == "not supported"  # PT has the higher error rate
    assert set(findings.advice["arm"]) == {"icl"}
    assert findings.advice["text"].str.contains("where lower is better").all()
    marked = findings.summary[findings.summary["mark"] == "best"]
    assert set(marked["variant"]) <= {"random-1"}
    np.testing.assert_allclose(findings.transfer["gain"], findings.transfer["alone"] - findings.transfer["score"])


def test_runs_that_are_missing_are_named_and_the_rest_is_there(analysed):
    def unfinished(folder, study):
        for run in runs(study):
            if run.task == "dart" and (run.arm == "ipt" or run.source):
                (folder / "runs" / run.path / "scores.json").unlink()

    findings = analysed(change=unfinished)
    said = findings.missing[findings.missing["topic"] == "runs"]
    assert list(said["task"]) == ["dart"]
    assert "IPT, 5 tokens, 1 retrieved (seed 1, 2, 3)" in said["text"].iloc[0]
    assert set(findings.similarity["task"]) == {"mtop"}
    of_dart = findings.transfer[findings.transfer["task"] == "dart"]
    assert of_dart["gain"].isna().all() and (of_dart["n"] == 0).all() and of_dart["alone"].notna().all()
    part = findings.claims[(findings.claims["part"] == "1b") & (findings.claims["task"] == "")].iloc[0]
    assert part["verdict"] == "undecided"  # on every task, it says
    assert "1 cell can say nothing yet" in part["sentence"]
    assert findings.advice.set_index("task")["text"]["dart"].endswith("Runs are missing, so this can change.")


def test_nothing_finished_is_no_error(analysed):
    findings = analysed(change=lambda folder, study: [path.unlink() for path in folder.rglob("run.json")])
    assert (findings.summary["n"] == 0).all()
    assert set(findings.claims["verdict"]) == {"undecided"}
    assert set(findings.advice["sure"]) == {"nothing to say"}
    assert findings.significance.empty


def test_few_records_have_scores_and_no_intervals(analysed, monkeypatch):
    monkeypatch.setattr(made, "RECORDS", 8)
    findings = analysed()
    assert findings.size["mean"].notna().all() and findings.size["low"].isna().all()
    assert "records" in topics(findings)
    assert findings.claims.loc[findings.claims["claim"] == 1, "p"].isna().all()
    assert set(findings.claims["verdict"]) <= {"undecided"} | set(
        findings.claims.loc[findings.claims["claim"] == 3, "verdict"]
    )


def test_where_nothing_scores_there_is_no_advice_and_no_mark(analysed, monkeypatch):
    monkeypatch.setattr(made, "chances", lambda run, deviation=0.0: np.zeros(made.RECORDS))
    monkeypatch.setattr(made, "METRICS", made.METRICS | {"dart": "exact_match"})
    findings = analysed()
    assert findings.advice["text"].str.contains("every arm scored 0: nothing can be said").all()
    assert set(findings.advice["sure"]) == {"nothing to say"}
    assert set(findings.summary["mark"]) == {""}
    assert set(verdicts(findings).values()) == {"undecided"}


def test_what_scores_no_more_than_what_is_free_is_no_advice_however_cheap(analysed, monkeypatch):
    """Without a prompt nothing is right; two seeds, of which one prompt is as bad, do not show that it is worse."""
    chances = made.chances
    monkeypatch.setattr(made, "truth", lambda run: 20.0)
    monkeypatch.setattr(made, "deviation", lambda run: 15.0 if run.seed == 1 else -15.0)
    monkeypatch.setattr(
        made, "chances", lambda run, deviation=0.0: chances(run, deviation) * (run.arm != "icl" or run.task == "dart")
    )
    rows = analysed(seeds=2, transfer=[], train=[]).advice.set_index("task")
    assert rows.loc["mtop", "sure"] == rows.loc["dart", "sure"] == "not certain"
    assert "If cost matters, ICL" in rows.loc["dart", "text"]
    assert "If cost matters, ICL" not in rows.loc["mtop", "text"]


def test_where_no_arm_is_better_than_its_input_copied_there_is_no_advice(analysed):
    def same(folder, study):
        path = folder / "data/mtop/validation.jsonl"
        write_jsonl(path, [record | {"input": record["target"]} for record in read_jsonl(path)])

    rows = analysed(change=same).advice.set_index("task")
    assert "no arm scored better than the input copied (100.0): nothing can be said" in rows.loc["mtop", "text"]
    assert rows.loc["mtop", "sure"] == "nothing to say" != rows.loc["dart", "sure"]


def test_where_no_arm_is_better_than_an_answer_copied_advice_says_so(analysed):
    def alike(folder, study):
        for split in ("train", "validation"):
            path = folder / f"data/mtop/{split}.jsonl"
            write_jsonl(
                path, [record | {"target": "[IN:SAME ]", "references": ["[IN:SAME ]"]} for record in read_jsonl(path)]
            )

    sentence = "No arm is better than the first retrieved demonstration's output, copied without a model (96.7)."
    rows = analysed(change=alike).advice.set_index("task")
    assert sentence in rows.loc["mtop", "text"] and "No arm is better" not in rows.loc["dart", "text"]


def test_scores_on_other_records_are_refused(analysed):
    def other(folder, study):
        import pyarrow.parquet as pq

        path = sorted(folder.rglob("scores.parquet"))[0]
        pq.write_table(pq.read_table(path).slice(1), path)

    with pytest.raises(UserError, match="scored on other records"):
        analysed(change=other)


def test_a_broken_table_of_scores_is_named(analysed):
    def broken(folder, study):
        sorted(folder.rglob("scores.parquet"))[0].write_bytes(b"no table")

    with pytest.raises(UserError, match=r"scores\.parquet is not a table of scores"):
        analysed(change=broken)


def test_another_confidence_and_other_bins_are_used(analysed):
    wide, narrow = analysed(confidence=0.99, bins=3), analysed(confidence=0.8, bins=3)
    assert ((wide.size["high"] - wide.size["low"]) > (narrow.size["high"] - narrow.size["low"])).all()
    assert set(wide.similarity["bin"]) == {1, 2, 3}
    assert wide.similarity["published_n"].isna().all()  # the published bins are six


def test_tables_are_the_same_in_every_analysis(analysed, tmp_path):
    analysed()
    first = {path.name: path.read_text() for path in tmp_path.glob("*.tsv")}
    analysed()
    assert first == {path.name: path.read_text() for path in tmp_path.glob("*.tsv")}
    assert first.keys() == {f"{field.name}.tsv" for field in fields(Findings)}


def test_records_that_splits_share_are_named(analysed):
    def share(folder, study):
        for task, split, dropped in (("dart", "test", 27), ("mtop", "validation", 0)):
            path = folder / "data" / task / "train.json"
            shared = [{"split": split, "of": "train", "records": 22, "same_target": 19}]
            shared.append({"split": "test", "of": "validation", "records": 1, "same_target": 1})
            write_json(path, read_json(path) | {"shared": shared, "dropped": dropped})

    findings = analysed(change=share)
    said = findings.missing[findings.missing["topic"] == "shared records"].set_index("task")["text"]
    assert said["dart"] == (
        "22 records of its test file have an input of the training file, 19 of them with the output too."
        " 27 training records are left out for what splits share."
    )
    assert said["mtop"].endswith("what is tuned has seen them, no retriever shows them.")
    rows = findings.data.set_index(["task", "split"])
    assert rows.loc[("dart", "train"), "dropped"] == 27
    assert [rows.loc[("dart", "test"), name] for name in ("shared", "same_target")] == [22, 19]
