"""A finished study: what runs again after one change, read from Snakemake's dry run; and what it left behind."""

import copy
import csv
import json
from pathlib import Path

import pytest
import yaml

STUDY = yaml.safe_load((Path(__file__).parent / "study.yaml").read_text())


def changed(path: str, value) -> dict:
    """STUDY with one value changed or added; `path` is dotted."""
    study = copy.deepcopy(STUDY)
    *parents, last = path.split(".")
    section = study
    for name in parents:
        section = section.setdefault(name, {})
    section[last] = value
    return study


def test_the_study_ends_in_its_tables_and_report(finished):
    results = finished.folder / "results/tiny"
    assert "<html" in (results / "report.html").read_text()
    rows = list(csv.DictReader((results / "summary.tsv").open(), delimiter="\t"))
    cells = {(row["arm"], row["variant"]): row["n"] for row in rows if row["metric"] == "exact_match"}
    assert cells == {
        ("icl", "random-1"): "2",
        ("icl", "retrieved-2"): "1",
        ("pt", "tokens-3"): "2",
        ("ipt", "tokens-3_retrieved-1"): "2",
    }


def test_every_run_says_what_made_it(finished):
    run = finished.folder / "results/tiny/runs/tiny/mtop/ipt/tokens-3_retrieved-1/seed-2"
    note = json.loads((run / "run.json").read_text())
    assert (note["arm"], note["tokens"], note["retriever"], note["shots"], note["seed"]) == (
        "ipt",
        3,
        "retrieved",
        1,
        2,
    )
    assert note["settings"]["tuning"]["steps"] == 3
    assert note["settings"]["generation"]["max_new_tokens"] == 8
    assert note["tuning"]["steps"] == 3
    assert note["versions"]["torch"]
    predictions = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    assert len(predictions) == 4
    assert all(len(prediction["demonstrations"]) == 1 for prediction in predictions)


def test_a_finished_study_runs_nothing(finished):
    assert finished.planned() == {}
    assert "Nothing to be done" in finished.snakemake("--cores", "1", "--dry-run").stdout


def test_a_third_seed_runs_only_its_own_jobs_and_the_analysis(finished):
    jobs = finished.planned(changed("seeds", [1, 2, 3]))
    assert len(jobs.pop("analyse")) == 1
    assert {rule: len(outputs) for rule, outputs in jobs.items()} == {
        "random_demonstrations": 1,
        "tune": 2,
        "generate": 3,
        "score": 3,
    }
    assert all("seed-3" in output for outputs in jobs.values() for output in outputs)


def test_a_removed_seed_runs_only_the_analysis(finished):
    assert set(finished.planned(changed("seeds", [1]))) == {"analyse"}


@pytest.mark.parametrize(
    ("path", "value", "rules"),
    [
        ("generation.max_new_tokens", 9, {"generate", "score", "analyse"}),
        ("generation.beams", 2, {"generate", "score", "analyse"}),
        ("generation.batch_size", 1, set()),
        ("tuning.max_tokens", 500, set()),
        ("tuning.learning_rate", 0.5, {"tune", "generate", "score", "analyse"}),
        ("scoring.metrics", {"mtop": ["exact_match"]}, {"score", "analyse"}),
        ("analysis.title", "Another", {"analyse"}),
        ("data.templates", {"mtop": {"instruction": "Parse."}}, {"tune", "generate", "score", "analyse"}),
        ("data.templates", {"dart": {"instruction": "Say it."}}, {"analyse"}),
        ("demonstrations.order", "nearest-first", {"generate", "score", "analyse"}),
        ("demonstrations.retrievers.retrieved.threshold", 0.5, {"tune", "generate", "score", "analyse"}),
        ("demonstrations.retrievers.bm25.threshold", 0.5, {"analyse"}),
        ("data.hub", "http://127.0.0.1:1", {"analyse"}),
        ("arms.icl.demonstrations", ["random-1", "retrieved-2", "retrieved-5"], {"generate", "score", "analyse"}),
    ],
)
def test_one_changed_value_runs_what_depends_on_it(finished, path, value, rules):
    assert set(finished.planned(changed(path, value))) == rules


def test_an_override_touches_only_the_runs_it_names(finished):
    jobs = finished.planned(changed("tuning.overrides", [{"arm": "pt", "set": {"learning_rate": 0.5}}]))
    assert len(jobs["tune"]) == 2
    assert all("/pt/" in output for rule in ("tune", "generate", "score") for output in jobs[rule])


def test_another_encoder_encodes_and_retrieves_again_and_draws_nothing(finished):
    other = changed("demonstrations.retrievers.retrieved.encoder", "tiny")
    jobs = finished.planned(other)
    assert len(jobs["encode"]) == 3
    assert len(jobs["retrieve"]) == 3
    assert "random_demonstrations" not in jobs
    assert not any("/pt/" in output or "random-1" in output for output in jobs["generate"])


def test_the_order_of_several_demonstrations_touches_no_run_that_shows_one(finished):
    jobs = finished.planned(changed("demonstrations.order", "nearest-first"))
    assert all("retrieved-2" in output for output in jobs["generate"])


def test_another_retriever_uses_the_vectors_that_are_there(finished):
    variants = [*STUDY["arms"]["icl"]["demonstrations"], "bm25-1", "mmr-1", "oracle-1"]
    jobs = finished.planned(changed("arms.icl.demonstrations", variants))
    assert "encode" not in jobs
    assert len(jobs["retrieve"]) == len(jobs["generate"]) == 3


def test_the_order_of_keys_runs_nothing(finished):
    study = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in STUDY.items()}
    assert finished.planned(dict(reversed(study.items()))) == {}


def test_an_edited_module_that_decides_results_runs_them_again_a_touched_one_does_not(finished):
    module = finished.folder / "workflow/softshot/generation/__main__.py"
    text = module.read_text()
    module.touch()
    assert finished.planned() == {}
    try:
        module.write_text(text + "\n# edited\n")
        assert {"generate"} <= set(finished.planned()) <= {"generate", "score", "analyse"}
    finally:
        module.write_text(text)


def test_a_fault_in_the_configuration_stops_before_any_job(finished):
    done = finished.snakemake("--cores", "1", study=changed("tuning.learning_rte", 0.1))
    assert done.returncode != 0
    assert "tuning.learning_rte: no such setting; did you mean `learning_rate`?" in done.stderr
    assert "rule " not in done.stdout + done.stderr
