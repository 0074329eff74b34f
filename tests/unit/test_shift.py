"""Domain shift: which runs it asks, what they may see, and losses and their comparison where the truth is known."""

import json
import re

import numpy as np
import pytest
import synthetic_study
import yaml
from synthetic import analyse
from tiny import ROOT

from softshot import configuration, flow
from softshot import study as studies
from softshot.analysis.collect import collect
from softshot.analysis.findings import find
from softshot.data.without import WithoutJob, without
from softshot.errors import UserError
from softshot.files import read_jsonl, write_json, write_jsonl
from softshot.grid import demonstration_folder, runs, tuners, without_name
from softshot.settings import ShiftSettings, Study

PUBLISHED = yaml.safe_load((ROOT / "config.yaml").read_text())
ARMS = {
    "icl": {"method": "none", "demonstrations": ["retrieved-1", "random-1"]},
    "pt": {"method": "prompt-tuning", "tokens": [5, 9]},
    "lora": {"method": "lora", "rank": [8], "demonstrations": ["none", "retrieved-1"]},
}
WEATHER = {"by": "domain", "held_out": ["weather"]}


def loaded(shift: dict, tasks=("mtop",), arms=None) -> Study:
    """A study with this shift, as Snakemake reads it."""
    sections = {name: PUBLISHED[name] for name in ("methods", "demonstrations", "tuning")}
    sections |= {"models": {"use": ["gpt2-xl"]}, "data": {"tasks": list(tasks)}, "seeds": [1, 2]}
    sections |= {"tuning": {"overrides": []}, "arms": arms or ARMS, "shift": shift}
    return configuration.load(sections)


def folders(study: Study) -> list[str]:
    return [run.path.removeprefix("gpt2-xl/mtop/") for run in runs(study) if run.without]


def test_every_run_that_uses_training_records_is_there_once_more():
    arms = ARMS | {"bare": {"method": "none"}}
    both, seeds = ("seed-1", "seed-2"), ("icl/without-weather_random-1", "pt/without-weather_tokens-5")
    seeds += ("pt/without-weather_tokens-9", "lora/without-weather_rank-8", "lora/without-weather_rank-8_retrieved-1")
    expected = {f"{folder}/{seed}" for folder in seeds for seed in both} | {"icl/without-weather_retrieved-1/seed-0"}
    assert sorted(folders(loaded({"mtop": WEATHER}, arms=arms))) == sorted(expected)


def test_arms_sizes_and_demonstrations_are_chosen_among_the_arms_own():
    asked = WEATHER | {"arms": ["icl", "pt"], "tokens": [9], "demonstrations": ["none", "random-1"]}
    expected = ["icl/without-weather_random-1", "pt/without-weather_tokens-9"]
    assert folders(loaded({"mtop": asked})) == [f"{name}/seed-{seed}" for name in expected for seed in (1, 2)]


def test_names_of_folders_tell_any_groups_apart():
    lists = [["a"], ["a", "b"], ["a-b"], ["A", "b"], ["a b"], [f"group{n}" for n in range(30)], ["日本", "b"], ["日本"]]
    names = [without_name(ShiftSettings(by="domain", held_out=held_out)) for held_out in lists]
    assert names[:2] == ["a", "a-b"] and len(set(names)) == len(lists)
    assert all(len(name) < 60 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names)
    assert without_name(ShiftSettings(by="domain", held_out=["b", "a"])) == "a-b"


def test_such_a_run_reads_no_record_of_a_held_out_group():
    study = loaded({"mtop": WEATHER})
    place = "results/published/data/mtop"
    for run in (run for run in tuners(study) if run.without):
        inputs = flow.tuning_input(study, run)
        assert inputs["train"] == f"{place}/subsets/train_without-weather.jsonl"
        assert inputs["validation"] == f"{place}/subsets/test_without-weather.jsonl"
        tables = inputs["train_demonstrations"] + inputs["validation_demonstrations"]
        assert len(tables) == 2 * bool(run.shots) and all("_without-weather_" in table for table in tables)
    for run in (run for run in runs(study) if run.without):
        inputs = flow.generation_input(study, run)
        assert inputs["train"] == f"{place}/subsets/train_without-weather.jsonl"
        assert inputs["records"] == f"{place}/validation.jsonl", "both sides are predicted"
    drawn = {demonstration_folder(run) for run in runs(study) if run.without and run.shots}
    assert drawn == {"retrieved_without-weather_seed-0", *(f"random_without-weather_seed-{seed}" for seed in (1, 2))}
    table = flow.retrieval_input(study, "mtop", "retrieved", "test", part="train_without-weather")
    assert table["train"] == [f"{place}/subsets/train_without-weather.jsonl"]
    needed = studies.needed(study)
    assert needed.parts == [("mtop", "test_without-weather"), ("mtop", "train_without-weather")]


def test_what_totto_holds_out_by_itself_is_run_no_second_time():
    study = loaded({"totto": {"by": "overlap", "held_out": ["non-overlap"]}}, tasks=["totto"])
    assert not [run for run in runs(study) if run.without] and not studies.needed(study).parts


@pytest.mark.parametrize(
    ("shift", "fault"),
    [
        ({"mtop": {"by": "domain", "held_out": ["wether"]}}, "there is no domain wether; there are: alarm, calling"),
        ({"mtop": {"by": "topic", "held_out": ["weather"]}}, "mtop has no topic, only: domain"),
        ({"dart": WEATHER}, "shift.dart: not in data.tasks"),
        ({"mtop": WEATHER | {"arms": ["t5"]}}, "shift.mtop.arms: there is no arm t5"),
        ({"mtop": WEATHER | {"arms": ["pt"], "tokens": [7]}}, "no run of pt that uses training records has these"),
        ({"mtop": WEATHER | {"demonstrations": ["bm25-1"], "tokens": []}}, "no arm uses training records at these"),
        ({"mtop": {"by": "domain", "held_out": ["weather", "weather"]}}, "weather stands there twice"),
    ],
)
def test_what_cannot_be_held_out_is_said_before_any_job(shift, fault):
    with pytest.raises(UserError, match=fault):
        loaded(shift)


def test_all_groups_cannot_be_held_out():
    with pytest.raises(UserError, match="nothing is left to train on"):
        loaded({"totto": {"by": "overlap", "held_out": ["non-overlap", "overlap"]}}, tasks=["totto"])


def grouped_records(tmp_path, domains):
    rows = [
        {"id": f"{n}", "input": "i", "target": "t", "meta": {"domain": d} if d else {}} for n, d in enumerate(domains)
    ]
    write_jsonl(tmp_path / "train.jsonl", rows)
    return tmp_path / "train.jsonl", tmp_path / "subsets/train_without-a.jsonl"


def job(*held_out):
    return WithoutJob(task="mine", by="domain", field="domain", held_out=list(held_out))


def test_a_part_has_all_records_but_those_of_the_held_out_groups(tmp_path):
    records, out = grouped_records(tmp_path, ["a", "b", None, "a", "c"])
    without(job("a"), "train", records, out)
    assert [record["id"] for record in read_jsonl(out)] == ["1", "2", "4"]
    note = json.loads(out.with_suffix(".json").read_text())
    assert (note["records"], note["left_out"], note["settings"]["held_out"]) == (3, 2, ["a"])


def test_a_group_that_is_not_there_is_named_beside_those_that_are(tmp_path):
    records, out = grouped_records(tmp_path, ["b", "c", "c"])
    with pytest.raises(UserError, match=r"shift.mine.held_out: .* of the domain .a., .*there are: b \(1\), c \(2\)\."):
        without(job("a"), "train", records, out)
    without(job("a"), "validation", records, out)
    assert len(read_jsonl(out)) == 3, "a sample of validation records may lack a group"
    with pytest.raises(UserError, match=r"every record of .* is of a group that is held out"):
        without(job("b", "c"), "train", records, out)


# Runs with known truth: half of the records are of held-out groups, on which an arm loses its LOSS.
CHANCE, LOSS = 0.7, {"icl": 0.25, "pt": 0.0, "lora": 0.4, "full": 0.4}
SYNTHETIC = {
    "study": "shifted",
    "seeds": [1, 2, 3, 4, 5],
    "models": {"use": ["gpt2-xl"]},
    "data": {"tasks": ["mtop"]},
    "arms": {
        "icl": {"method": "none", "demonstrations": ["retrieved-1"]},
        "pt": {"method": "prompt-tuning", "tokens": [25], "title": "PT"},
        "lora": {"method": "lora", "rank": [8]},
        "full": {"method": "full"},
    },
    "shift": {"mtop": {"by": "domain", "held_out": ["weather", "alarm"]}},
    "scoring": {"metrics": {"mtop": ["exact_match"]}},
    "analysis": {"bootstrap": 400},
}
OUT = np.arange(synthetic_study.RECORDS) % 2 == 1


def written(folder, patch, losses, **changes):
    """A finished study whose arms lose so much on the held-out records."""
    study = Study(**SYNTHETIC | changes)

    def chances(run, deviation=0.0):
        return CHANCE + deviation / 100 - (losses[run.arm] * OUT if run.without else 0.0)

    patch.setattr(synthetic_study, "chances", chances)
    patch.setattr(synthetic_study, "truth", lambda run: 100 * CHANCE)
    patch.setattr(synthetic_study, "spread", lambda run: 1.0 if run.seed else 0.0)
    synthetic_study.write_study(folder, study)
    path = folder / "data/mtop/validation.jsonl"
    domains = np.where(OUT, "weather", "music")
    rows = [row | {"meta": {"domain": str(name)}} for row, name in zip(read_jsonl(path), domains, strict=True)]
    write_jsonl(path, rows)
    write_json(folder / "data/mtop/subsets/train_without-alarm-weather.json", {"records": 1500, "left_out": 500})
    return study


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """The study of SYNTHETIC, its folder, and what is found in it."""
    folder = tmp_path_factory.mktemp("shifted")
    with pytest.MonkeyPatch.context() as patch:
        study = written(folder, patch, LOSS)
    return study, folder, find(study, collect(study, folder), folder)


def test_an_arm_that_loses_is_found_to_and_each_interval_holds_the_truth(shifted):
    table = shifted[2].shift.set_index("arm")
    assert list(table.index) == list(LOSS)
    assert set(table["n_held_out"]) == set(table["n_in_domain"]) == {synthetic_study.RECORDS // 2}
    assert set(table["left_out"]) == {500} and set(table["loss_from"]) == {"all training records"}
    assert set(table["groups"]) == {"weather, alarm"} and list(table["n"]) == [1, 5, 5, 5]
    for arm, loss in LOSS.items():
        row = table.loc[arm]
        assert row["loss_low"] < 100 * loss < row["loss_high"]
        assert row["loss"] == pytest.approx(row["all_held_out"] - row["held_out"])
        assert row["in_domain"] == pytest.approx(100 * CHANCE, abs=8)
        assert row["held_out_low"] < row["held_out"] < row["held_out_high"]
    assert table.loc["full", "loss_low"] > 0, "what loses is found to lose"
    assert table.loc["pt", "loss_low"] < 0 < table.loc["pt", "loss_high"]


def test_losses_are_compared_with_those_of_full_tuning(shifted):
    table = shifted[2].shift.set_index("arm")
    assert table.loc["full", "other"] == table.loc["full", "verdict"] == ""
    assert set(table.drop("full")["other"]) == {"full/none"}
    row = table.loc["pt"]
    assert row["difference"] == pytest.approx(table.loc["full", "loss"] - row["loss"])
    assert row["low"] < 40 < row["high"] and row["verdict"] == "better" and row["p_holm"] < 0.05
    assert table.loc["lora", "verdict"] == "open" and table.loc["lora", "low"] < 0 < table.loc["lora", "high"]


def test_the_claim_has_the_verdict_of_the_comparison(shifted):
    claim = shifted[2].claims[shifted[2].claims["part"] == "6"].iloc
    pt = shifted[2].shift.set_index("arm").loc["pt"]
    assert claim[0]["verdict"] == claim[1]["verdict"] == "supported"
    for name in ("low", "high", "p", "p_holm"):
        assert claim[1][name] == pt[name]
    assert claim[1]["effect"] == pt["difference"] and claim[1]["runs"] == 20


def test_no_other_table_holds_the_runs_against_those_from_all_records(shifted):
    findings = shifted[2]
    assert not findings.summary.loc[findings.summary["compared"], "variant"].str.contains("without").any()
    for table in (
        findings.size,
        findings.levels,
        findings.pareto,
        findings.spread,
        findings.ensembles,
        findings.data_size,
    ):
        assert not any("without" in variant for variant in table.get("variant", []))
    assert not findings.significance["one"].str.contains("without").any()


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        (LOSS | {"pt": 0.4, "full": 0.0}, "not supported"),
        (dict.fromkeys(LOSS, 0.3), "undecided"),
    ],
)
def test_arms_that_lose_alike_are_undecided_and_the_reverse_is_said(tmp_path, monkeypatch, losses, verdict):
    arms = {label: SYNTHETIC["arms"][label] for label in ("pt", "full")}
    study = written(tmp_path, monkeypatch, losses, arms=arms)
    findings = find(study, collect(study, tmp_path), tmp_path)
    assert set(findings.claims.loc[findings.claims["part"] == "6", "verdict"]) == {verdict}
    assert findings.shift["verdict"].iloc[0] == {"not supported": "worse", "undecided": "open"}[verdict]


def test_one_seed_decides_nothing(tmp_path, monkeypatch):
    study = written(tmp_path, monkeypatch, LOSS, seeds=[1])
    findings = find(study, collect(study, tmp_path), tmp_path)
    compared = findings.shift[findings.shift["other"] != ""]
    assert set(compared["verdict"]) == {"open"} and set(compared["level"]) == {"records"}


def test_where_nothing_is_run_twice_the_loss_is_from_the_other_side(tmp_path, monkeypatch):
    monkeypatch.setitem(synthetic_study.METRICS, "totto", "exact_match")
    study = Study(
        **SYNTHETIC
        | {"data": {"tasks": ["totto"]}, "scoring": {"metrics": {"totto": ["exact_match"]}}}
        | {"shift": {"totto": {"by": "overlap", "held_out": ["non-overlap"], "arms": ["pt", "full"]}}}
    )
    monkeypatch.setattr(synthetic_study, "chances", lambda run, deviation=0.0: CHANCE - LOSS[run.arm] * OUT)
    monkeypatch.setattr(synthetic_study, "truth", lambda run: 100 * CHANCE)
    synthetic_study.write_study(tmp_path, study)
    path = tmp_path / "data/totto/validation.jsonl"
    names = np.where(OUT, "non-overlap", "overlap")
    write_jsonl(path, [row | {"meta": {"subset": str(n)}} for row, n in zip(read_jsonl(path), names, strict=True)])
    table = find(study, collect(study, tmp_path), tmp_path).shift.set_index("arm")
    assert list(table.index) == ["pt", "full"] and set(table["loss_from"]) == {"the in-domain side"}
    assert table["all_held_out"].isna().all()
    assert (table["loss"] == table["in_domain"] - table["held_out"]).all()
    assert table.loc["pt", "low"] < 40 < table.loc["pt", "high"] and table.loc["pt", "verdict"] == "better"


def test_the_page_has_the_section_where_the_study_asks(shifted):
    study, folder, findings = shifted
    analyse(folder, study)
    page = (folder / "report.html").read_text()
    text = " ".join(re.sub("<[^>]+>", " ", page[page.index('<section id="shift"') :]).split())
    row = findings.shift.set_index("arm").loc["pt"]
    assert "Domain shift" in text and "weather, alarm" in text
    assert f"{row['in_domain']:.1f} {row['held_out']:.1f} {row['all_held_out']:.1f}" in text
    assert (folder / "shift.tsv").read_text().count("\n") == 5
    assert "PT, 25 tokens" in (folder / "figures/shift.svg").read_text()


@pytest.mark.parametrize("gone", ["*/without-*", "pt/*", "[pf]*/*"])
def test_what_is_not_finished_leaves_its_numbers_empty(tmp_path, monkeypatch, gone):
    arms = {label: SYNTHETIC["arms"][label] for label in ("icl", "pt", "full")}
    study = written(tmp_path, monkeypatch, LOSS, seeds=[1, 2], arms=arms)
    for place in (tmp_path / "runs/gpt2-xl/mtop").glob(f"{gone}/seed-*"):
        (place / "scores.json").unlink()
    monkeypatch.setitem(study.shift, "mtop", study.shift["mtop"].model_copy(update={"arms": ["pt", "full"]}))
    findings = find(study, collect(study, tmp_path), tmp_path)
    table = findings.shift.set_index("arm")
    assert list(table.index) == ["pt", "full"]
    assert table.loc["pt", ["loss", "difference", "p"]].isna().all() and table.loc["pt", "verdict"] == ""
    assert table["loss"].notna().sum() == (gone == "pt/*")
    assert set(findings.claims.loc[findings.claims["part"] == "6", "verdict"]) == {"undecided"}


def test_a_side_without_a_record_is_said_to_be_missing(tmp_path, monkeypatch):
    study = written(tmp_path, monkeypatch, LOSS, seeds=[1, 2], arms={"pt": SYNTHETIC["arms"]["pt"]})
    path = tmp_path / "data/mtop/validation.jsonl"
    write_jsonl(path, [row | {"meta": {"domain": "music"}} for row in read_jsonl(path)])
    findings = find(study, collect(study, tmp_path), tmp_path)
    assert findings.shift["loss"].isna().all()
    texts = findings.missing[findings.missing["topic"] == "domain shift"]["text"]
    assert list(texts) == ["No scored record is of the held-out groups (weather, alarm): no loss can be told."]
