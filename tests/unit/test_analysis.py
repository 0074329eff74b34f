"""The synthetic study, half done: what the analysis must say about it."""

import csv
import json
import math
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from synthetic import METRICS, UNFINISHED, analyse, study_of, text_of_page, write_run, write_study

from softshot.analysis import baselines, cost, rates
from softshot.analysis.cells import cells
from softshot.analysis.collect import CELL, _cost, collect
from softshot.analysis.tables import summarise
from softshot.errors import UserError
from softshot.files import write_jsonl
from softshot.grid import runs
from softshot.plan.work import Size
from softshot.settings import Study
from softshot.slices import analysis_slice, sliced_study


def read_tsv(path: Path) -> list[dict]:
    """The rows of a table, every field as text."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def cell(rows: list[dict], model: str, task: str, variant: str, metric: str) -> dict:
    """The one row of the summary about these."""
    wanted = {"model": model, "task": task, "variant": variant, "metric": metric}
    (found,) = [row for row in rows if wanted.items() <= row.items()]
    return found


def test_summary_has_means_deviations_and_counts(half_done):
    rows = read_tsv(half_done[0] / "summary.tsv")
    whole = cell(rows, "beta", "dart", "tokens-5", "bleu")
    assert (whole["mean"], whole["sd"], whole["n"], whole["missing_seeds"]) == ("30", "1", "3", "")
    assert whole["values"] == "1=29.0000,2=30.0000,3=31.0000"
    assert cell(rows, "beta", "dart", "tokens-5", "chrf")["mean"] == "31"
    once = cell(rows, "alpha", "mtop", "retrieved-1", "exact_match")
    assert (once["mean"], once["sd"], once["n"], once["expected"]) == ("20", "", "1", "1")


def test_summary_shows_what_is_missing(half_done):
    rows = read_tsv(half_done[0] / "summary.tsv")
    short = cell(rows, "beta", "mtop", "tokens-25", "exact_match")
    assert (short["mean"], short["n"], short["expected"], short["missing_seeds"]) == ("49.5", "2", "3", "3")
    assert float(short["sd"]) == pytest.approx(math.sqrt(0.5), abs=1e-5)
    for metric in METRICS["dart"]:
        absent = cell(rows, "alpha", "dart", "tokens-25_retrieved-1", metric)
        assert (absent["mean"], absent["sd"], absent["n"], absent["missing_seeds"]) == ("", "", "0", "1,2,3")


def test_summary_is_in_the_order_of_the_study_with_the_main_metric_first(half_done):
    rows = read_tsv(half_done[0] / "summary.tsv")
    assert list(dict.fromkeys((row["model"], row["task"]) for row in rows)) == [
        ("beta", "dart"),
        ("beta", "mtop"),
        ("alpha", "dart"),
        ("alpha", "mtop"),
    ]
    assert [(row["variant"], row["metric"]) for row in rows[:12]] == [
        (variant, metric)
        for variant in [
            "retrieved-1",
            "random-1",
            "tokens-5",
            "tokens-25",
            "tokens-5_retrieved-1",
            "tokens-25_retrieved-1",
        ]
        for metric in ("bleu", "chrf")
    ]


def test_a_part_of_a_metric_is_in_the_summary_table_only(half_done):
    folder, printed = half_done
    rows = read_tsv(folder / "summary.tsv")
    assert cell(rows, "beta", "mtop", "tokens-5", "intent_accuracy")["mean"] == "31"
    assert "intent accuracy" not in printed + text_of_page(folder)


def test_subsets_have_a_table_of_all_runs_and_means_on_the_page(half_done):
    rows = read_tsv(half_done[0] / "subsets.tsv")
    assert {(row["task"], row["subset"], row["n"]) for row in rows} == {("dart", "seen", "3"), ("dart", "unseen", "1")}
    run = {"model": "beta", "task": "dart", "arm": "pt", "variant": "tokens-5", "seed": "3", "subset": "seen"}
    assert {row["metric"]: row["value"] for row in rows if run.items() <= row.items()} == {"bleu": "30", "chrf": "31"}
    text = text_of_page(half_done[0])
    assert "DART by official subset" in text
    assert "seen3 records unseen1 records" in text
    assert "PT 5 tokens 29.0 ± 1.0 32.0 ± 1.0" in text
    assert text.count("MTOP, exact match: 1 of 4 &lt;script&gt;") == 1


def test_the_size_table_is_the_main_score_by_size(half_done):
    rows = [row for row in read_tsv(half_done[0] / "size.tsv") if (row["model"], row["task"]) == ("alpha", "dart")]
    assert [(row["arm"], row["size"], row["metric"], row["mean"], row["sd"], row["n"]) for row in rows] == [
        ("pt", "5", "bleu", "30", "1", "3"),
        ("pt", "25", "bleu", "50", "1", "3"),
        ("ipt", "5", "bleu", "40", "1", "3"),
        ("ipt", "25", "bleu", "", "", "0"),
    ]


def test_cost_table_has_a_row_per_finished_run(half_done):
    rows = read_tsv(half_done[0] / "cost.tsv")
    assert len(rows) == 64 - len(UNFINISHED)
    tuned = next(row for row in rows if row["variant"] == "tokens-25" and row["seed"] == "2")
    assert (tuned["trainable_parameters"], tuned["tuning_seconds"], tuned["ms_per_prediction"]) == ("200", "62", "500")
    assert (tuned["adapter_bytes"], tuned["positions_added"], tuned["forgotten"]) == ("800", "25", "0.25")
    icl = next(row for row in rows if row["arm"] == "icl")
    untuned = ("trainable_parameters", "adapter_bytes", "tuning_seconds", "positions_added", "forgotten")
    assert {icl[name] for name in untuned} == {"0"}


def test_operations_are_those_of_the_passes_that_were_made():
    """2 per weight and token read, the head's where it was asked, and 4 per layer, width and position seen."""
    costs = pd.DataFrame([{"predicted_read": 44, "predicted_attended": 264, "predicted_predicted": 8}])
    expected = 2 * (1000 - 10 * 40) * 44 + 4 * 2 * 10 * 264 + 2 * 10 * 40 * 8
    assert (
        cost.operations([Size(1000, 2, 10, 40), None], pd.concat([costs, costs]), "predicted").tolist()[0] == expected
    )
    assert cost.operations([None], costs, "predicted").isna().all()


def test_where_all_weights_are_trained_a_step_goes_back_twice():
    """Once for what runs through the model, once for the weights; the validation goes forward only."""
    arms = {"lora": {"method": "lora", "rank": [8]}, "full": {"method": "full"}}
    study = Study(arms=arms, models={"use": ["gpt2-medium"]}, data={"tasks": ["dart"]}, seeds=[1])
    passes = {"trained": {"read": 100, "attended": 500, "predicted": 20}}
    passes |= {"validated": {"read": 10, "attended": 50, "predicted": 2}}
    took, own = _cost({"tuning": passes, "generation": {"records": 1}}), cells(study)
    rows = [dict(zip(CELL, cell.key, strict=True)) | {"seed": 1} | took for cell in own]
    table = cost.per_run(study, SimpleNamespace(cells=own, costs=pd.DataFrame(rows))).set_index("arm")
    lora, full = table.loc["lora", "tuning_operations"], table.loc["full", "tuning_operations"]
    assert lora == pytest.approx((2 + 0.1) * (full - lora)) and full == pytest.approx((3 + 0.1) * (full - lora))


def test_what_a_transferred_prompt_took_to_tune_counts_in_its_sources_run():
    note = {"tuning": {"seconds": 62}, "generation": {"seconds": 3, "records": 6}}
    moved = note | {"tuning": {"seconds": 62, "run": "m/dart/pt/tokens-5/seed-1"}}
    assert [_cost(note)["tuning_seconds"] for note in (note, moved)] == [62, None]
    assert _cost(moved)["ms_per_record"] == 500


def test_rates_are_the_studys_or_chosen_among_trials_which_are_no_results(half_done):
    folder, _ = half_done
    rows = [row for row in read_tsv(folder / "rates.tsv") if (row["model"], row["task"]) == ("beta", "dart")]
    said = [(row["variant"], row["learning_rate"], row["chosen"], row["edge"], row["validation_loss"]) for row in rows]
    assert said == [
        ("tokens-5", "0.01", "False", "", "2.4"),
        ("tokens-5", "0.03", "False", "", "2.3"),
        ("tokens-5", "0.1", "True", "high", "2.2"),
        ("tokens-25", "0.01", "False", "", "2.5"),
        ("tokens-25", "0.03", "True", "", "2"),
        ("tokens-25", "0.1", "False", "", ""),
        ("tokens-5_retrieved-1", "0.03", "True", "", ""),
        ("tokens-25_retrieved-1", "0.03", "True", "", ""),
    ]
    assert [row["diverged"] for row in rows].count("True") == 1
    assert list(folder.glob("runs/*/*/*/tokens-5_rate-0.1/seed-1/tuning.json"))
    for table in folder.glob("*.tsv"):
        assert "rate-0." not in table.read_text(encoding="utf-8")
    text = text_of_page(folder)
    sentence = "The chosen learning rate is the highest that was tried, so that one beyond may be better: "
    assert text.count(f"beta, DART: {sentence}PT, 5 tokens (0.1).") == 2  # at the head, and beside the rates
    assert "rate-0." not in text and "0.01: 2.500, 0.03: 2.000, 0.1: diverged" in text
    assert "Those that were not chosen took another 16 min 00 s of tuning." in text


def test_a_moved_adapters_rate_is_that_of_the_run_which_tuned_it():
    note = {"settings": {"method": {"settings": {"learning_rate": 0.02}}}}
    runs_done = pd.DataFrame({"done": [True, True], "folder": ["runs/m/mtop/pt/from-dart_tokens-5/seed-1", "x"]})
    notes = [note | {"tuning": {"run": "m/dart/pt/tokens-5/seed-1"}}, {"tuning": None}]
    table = rates.rates(SimpleNamespace(runs=runs_done, notes=notes))
    assert table[[*CELL, "learning_rate"]].to_numpy().tolist() == [["m", "dart", "pt", "tokens-5", 0.02]]


def test_arms_keep_the_order_of_the_configuration_in_canonical_json():
    study = study_of()
    text = json.dumps(analysis_slice(study), sort_keys=True)
    assert list(study.arms) != sorted(study.arms)
    assert list(sliced_study(json.loads(text), "--settings").arms) == list(study.arms)
    turned = study.model_copy(update={"arms": dict(reversed(study.arms.items()))})
    assert json.dumps(analysis_slice(turned), sort_keys=True) != text
    for wrong in ({"study": {}}, {"study": analysis_slice(study)["study"], "arms": ["icl"]}):
        with pytest.raises(UserError, match="--settings: "):
            sliced_study(wrong, "--settings")


def test_where_there_are_choices_the_most_frequent_answer_needs_no_model(tmp_path):
    train = tmp_path / "train.jsonl"
    write_jsonl(train, [{"target": target} for target in ("no", "yes", "yes")])
    record = {"id": "a", "input": "q", "target": "no", "references": ["no"], "choices": ["no", "yes"]}
    outputs = baselines.texts([record], {"bm25": {"a": "no"}}, train)
    assert outputs[baselines.FREQUENT, ""] == ["yes"] and outputs[baselines.DEMONSTRATION, "bm25"] == ["no"]
    del record["choices"]
    assert (baselines.FREQUENT, "") not in baselines.texts([record], {}, train)


def test_it_is_told_how_often_a_first_demonstration_has_the_wanted_output(half_done):
    rows = read_tsv(half_done[0] / "demonstrations.tsv")
    shares = {(row["retriever"], row["first_has_output"], row["first_has_output_train"]) for row in rows}
    assert shares == {("retrieved", "25", "50"), ("random", "25", "")}


def test_loss_on_the_neutral_text_stands_beside_the_score(half_done):
    rows = read_tsv(half_done[0] / "summary.tsv")
    tuned = cell(rows, "beta", "dart", "tokens-25", "bleu")
    assert [tuned[f"neutral_loss_{when}"] for when in ("before", "after")] == ["3", "3.25"]
    assert cell(rows, "beta", "dart", "retrieved-1", "bleu")["neutral_loss_after"] == ""
    text = text_of_page(half_done[0])
    assert "Neutral textloss before, and after" in text
    assert "2 tokens long, 25% empty, 25% cut, 25% of demonstrations left out" in text
    assert "3.00 to 3.25" in text


def test_summary_for_people_is_printed_and_written(half_done):
    folder, printed = half_done
    assert (folder / "summary.txt").read_text(encoding="utf-8") == printed
    assert printed.endswith(f"\n\n60 of 64 runs done\nreport: {folder / 'report.html'}\n")
    assert re.search(r"PT, 25 tokens +49\.5 ± 0\.7 +2/3\n", printed)
    assert re.search(r"IPT, 25 tokens, 1 retrieved +– +– +0/3\n", printed)


@pytest.mark.parametrize("arms", [("icl", "pt", "ipt"), ("icl",), ("pt",)])
def test_a_study_without_a_finished_run_has_all_its_files(tmp_path, arms):
    study = study_of(arms)
    expected = list(runs(study))
    printed = analyse(tmp_path, study)
    rows = read_tsv(tmp_path / "summary.tsv")
    assert {row["n"] for row in rows} == {"0"}
    assert len(rows) == len({(run.model, run.task, run.arm, run.variant) for run in expected})
    assert f"0 of {len(expected)} runs done" in printed
    assert f"0 of {len(expected)} runs are done." in (tmp_path / "report.html").read_text()
    assert read_tsv(tmp_path / "cost.tsv") == []
    assert all(path.stat().st_size > 0 for path in (tmp_path / "figures").iterdir())
    assert len(list((tmp_path / "figures").iterdir())) == 34  # seventeen as SVG and PNG


def test_a_study_of_icl_alone_has_a_report(tmp_path):
    write_study(tmp_path, study_of(["icl"]))
    assert "16 of 16 runs done" in analyse(tmp_path, study_of(["icl"]))
    page = (tmp_path / "report.html").read_text()
    assert '<section id="scores"' in page
    assert not [name for name in ("size", "spread", "transfer", "data_size") if f'<section id="{name}"' in page]


def test_a_study_without_any_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="arms: the study has no runs"):
        analyse(tmp_path, study_of([]))
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_named_and_nothing_is_written(tmp_path, half_done):
    results = tmp_path / "trial"
    shutil.copytree(half_done[0] / "runs", results / "runs")
    broken = results / "runs/beta/dart/pt/tokens-5/seed-2/scores.json"
    broken.write_text('{"main": "bleu"')
    with pytest.raises(UserError, match=re.escape(str(broken))):
        analyse(results, study_of())
    assert [path.name for path in results.iterdir()] == ["runs"]


def test_runs_made_with_other_settings_are_left_out_and_named(tmp_path):
    study = study_of(["icl"])
    write_study(tmp_path, study)
    place = next(tmp_path.glob("runs/beta/dart/icl/random-1/seed-2")) / "run.json"
    note = json.loads(place.read_text())
    note["settings"]["generation"]["max_new_tokens"] += 1
    place.write_text(json.dumps(note))
    assert "15 of 16 runs done" in analyse(tmp_path, study)
    said = (tmp_path / "missing.tsv").read_text()
    there, now = note["settings"]["generation"]["max_new_tokens"], note["settings"]["generation"]["max_new_tokens"] - 1
    assert "Left out, made otherwise than the study says now (1): ICL, 1 random (seed 2)" in said
    assert f"settings.generation.max_new_tokens: {there}, now {now}" in said


def test_a_metric_that_one_run_lacks_counts_as_missing_there(tmp_path):
    study = study_of(["pt"])
    for run in runs(study):
        if run.path.startswith("beta/dart/pt/tokens-5/"):
            folder = write_run(tmp_path, study, run)
            if run.seed == 2:
                score = json.loads((folder / "scores.json").read_text())
                (folder / "scores.json").write_text(json.dumps(score | {"scores": {"bleu": 30.0}}))
    summary = summarise(collect(study, tmp_path)).head(2)
    assert list(summary["metric"]) == ["bleu", "chrf"]
    assert list(summary["n"]) == [3, 2]
    assert list(summary["missing_seeds"]) == ["", "2"]
