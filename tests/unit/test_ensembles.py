"""Ensembles of seeds: what each way to combine gives, and comparisons where the truth is known."""

import re

import numpy as np
import pytest

from softshot.analysis.bootstrap import replicate
from softshot.analysis.cells import Cell
from softshot.analysis.ensembles import MEAN, RISK, VOTE, combined, ensembles, least_risk, vote
from softshot.analysis.evidence import Evidence, estimates
from softshot.analysis.figures.base import Figure
from softshot.analysis.figures.ensembles import ensemble_panels
from softshot.analysis.names import Names
from softshot.analysis.records import Statistics
from softshot.analysis.report import environment
from softshot.files import PREDICTIONS, write_jsonl
from softshot.scoring import registry
from softshot.settings import Study

CHOICES = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("texts", "place"), [(["x", "y", "y"], 1), (["x", "y", "z"], 0), (["x", "y", "y", "x"], 0), (["x", "x"], 0)]
)
def test_a_vote_is_the_majoritys_and_of_equals_the_first_members(texts, place):
    assert vote(texts) == place


def test_the_output_of_least_risk_is_nearest_to_the_others():
    def shared(one, other):
        return len(set(one.split()) & set(other.split()))

    assert least_risk(["far away", "a b c", "a b d", "b c e"], shared) == 1
    assert least_risk(["x", "y"], shared) == 0


def statistics_of(metric, records, answers):
    """Those of each member, as the scoring room has them."""
    scorer = registry.metric(metric)
    of = {
        f"m{n}": np.array(
            [
                scorer.statistics(row["prediction"], record | {k: v for k, v in row.items() if k != "prediction"})
                for record, row in zip(records, member, strict=True)
            ]
        )
        for n, member in enumerate(answers)
    }
    ids = [record["id"] for record in records]
    return Statistics("mine", metric, False, ids, of, np.arange(len(ids)))


def record(n, target, **more):
    return {"id": str(n), "input": "i", "target": target, "references": [target], "meta": {}} | more


def test_mean_log_likelihoods_can_choose_what_no_member_did():
    records = [record(0, "b", choices=CHOICES)]
    sums = [[-0.9, -1.0, -3.0], [-3.0, -1.0, -0.9]]
    answers = [
        [{"prediction": text, "log_likelihoods": of, "choice_tokens": [1, 1, 1]}]
        for text, of in zip("ac", sums, strict=True)
    ]
    ways = combined(statistics_of("accuracy", records, answers), [("m0", 1), ("m1", 2)], records, answers)
    assert ways[MEAN].tolist() == [[1.0, 1.0]]
    assert ways[VOTE].tolist() == [[0.0, 1.0]]
    assert RISK not in ways


def test_texts_are_combined_by_their_own_metric():
    records = [record(0, "the cat sat on the mat")]
    texts = ["dogs", "the cat sat on a mat", "the cat sat on the mat"]
    answers = [[{"prediction": text}] for text in texts]
    members = [(f"m{n}", n) for n in range(3)]
    ways = combined(statistics_of("rouge_l", records, answers), members, records, answers)
    assert list(ways) == [RISK], "whole outputs are judged by no vote where words count"
    of = statistics_of("rouge_l", records, answers).of
    assert ways[RISK].tolist() in (of["m1"].tolist(), of["m2"].tolist())
    ways = combined(statistics_of("exact_match", records, answers), members, records, answers)
    assert list(ways) == [VOTE, RISK]


@pytest.fixture
def study(tmp_path):
    """A study of three seeds, each right on 70 % of 400 records, in error independently: folder, study, evidence."""
    random = np.random.default_rng(0)
    right = random.integers(0, 3, 400)
    records = [record(n, CHOICES[place], choices=CHOICES) for n, place in enumerate(right)]
    answers = []
    for seed in (1, 2, 3):
        chosen = np.where(random.random(400) < 0.7, right, (right + random.integers(1, 3, 400)) % 3)
        sums = np.where(np.arange(3) == chosen[:, None], -0.1, -3.0)
        rows = [
            {"id": str(n), "prediction": CHOICES[place], "log_likelihoods": of.tolist(), "choice_tokens": [1, 1, 1]}
            for n, (place, of) in enumerate(zip(chosen, sums, strict=True))
        ]
        write_jsonl(tmp_path / f"m{seed - 1}" / PREDICTIONS, rows)
        answers.append(rows)
    write_jsonl(tmp_path / "data/mine/test.jsonl", records)
    arm = {"method": "prompt-tuning", "tokens": [5]}
    table = {"input": "{i}", "target": "{t}", "choices": CHOICES}
    own = {"files": {"train": "t.csv"}, "carve": {"validation": 0.1, "test": 0.1}, "table": table}
    data = {"tasks": ["mine"], "own": {"mine": own | {"metrics": ["accuracy"]}}}
    settings = Study(study="s", arms={"pt": arm}, data=data, analysis={"bootstrap": 400})
    members = {Cell("model", "mine", "pt", "tokens-5", "prompt-tuning", "tokens", 5, None, 0, None, None): [
        ("m0", 1), ("m1", 2), ("m2", 3)
    ]}  # fmt: skip
    of_runs = statistics_of("accuracy", records, answers)
    replicates = replicate(of_runs, ("s", "mine"), 400)
    evidence = Evidence("mine", list(members), members, of_runs, replicates, estimates(replicates, members))
    return tmp_path, settings, {"mine": evidence}


def test_members_that_err_apart_are_better_together(study):
    folder, settings, evidence = study
    table = ensembles(settings, evidence, folder).set_index("ensemble")
    assert list(table.index) == [VOTE, MEAN]
    for way in table.index:
        row = table.loc[way]
        scores = list(evidence["mine"].replicates.values.values())
        assert row["members"] == 3 and row["mean"] == pytest.approx(np.mean(scores)) and row["best"] == max(scores)
        # Right where two of three are, and in a third of the cases where one is and the others differ.
        assert row["score"] == pytest.approx(100 * (0.7**3 + 3 * 0.7**2 * 0.3 + 0.7 * 0.3**2 / 2), abs=4)
        assert row["over_mean"] == pytest.approx(row["score"] - row["mean"])
        assert row["over_mean_low"] < row["over_mean"] < row["over_mean_high"]
        assert row["over_mean_verdict"] == "better" and row["over_mean_p_holm"] < 0.01


def test_an_ensemble_of_equal_members_is_the_member(study):
    folder, settings, evidence = study
    for member in ("m1", "m2"):
        (folder / member / PREDICTIONS).write_bytes((folder / "m0" / PREDICTIONS).read_bytes())
    of = evidence["mine"].statistics.of
    of["m1"] = of["m2"] = of["m0"]
    values = evidence["mine"].replicates
    for member in ("m1", "m2"):
        values.values[member], values.resampled[member] = values.values["m0"], values.resampled["m0"]
    table = ensembles(settings, evidence, folder)
    assert (table["over_mean"] == 0).all() and (table["over_best"] == 0).all()
    assert set(table["over_mean_verdict"]) <= {"equal", "open"}


def test_one_seed_is_no_ensemble_and_records_that_are_not_there_no_table(study):
    folder, settings, evidence = study
    (cell,) = evidence["mine"].members
    evidence["mine"].members[cell] = evidence["mine"].members[cell][:1]
    assert ensembles(settings, evidence, folder).empty
    (folder / "data/mine/test.jsonl").unlink()
    assert ensembles(settings, evidence, folder).empty


def test_the_pages_section_says_every_ensemble(study):
    folder, settings, evidence = study
    table, cells = ensembles(settings, evidence, folder), evidence["mine"].cells
    rows, names = table.to_dict("records"), Names(settings, cells)
    drawn = Figure("ensembles", "A caption.", ensemble_panels(names, {cell.key: cell for cell in cells}, table))
    assert "<svg" in drawn.svg() and "pt: vote +" in drawn.panels[0].words
    section = environment(names).get_template("sections/ensembles.html.j2")
    page = section.render(found={"ensembles": rows}, figures={"ensembles": drawn})
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    for row in rows:
        assert f"5 tokens {row['ensemble']} 3 {row['score']:.1f} {row['mean']:.1f} +{row['over_mean']:.1f}" in text
