"""A study of transfer and data sizes, run to its report; and what one more of either would run."""

import copy
import csv
import json

import pytest
import yaml

from softshot.files import read_jsonl

pytestmark = pytest.mark.long

STUDY = yaml.safe_load("""
study: sizes
seeds: [1]
arms:
  icl: {demonstrations: [retrieved-1]}
  pt: {tokens: [2]}
  ipt: {tokens: [2], demonstrations: [retrieved-1]}
transfer: {arms: [pt], tokens: [3], demonstrations: [retrieved-1]}
data_size: {arms: [icl, pt, ipt], train: [6], tokens: [2], demonstrations: [retrieved-1]}
models:
  use: [tiny]
  folders: {tiny: tiny-model}
data:
  tasks: [mtop, dart]
  source: resources/demo/data
  limits: {train: 12, validation: 4, test: 4}
  evaluation: {mtop: test}
engine: {context: 250}
methods: {prompt-tuning: {initialisation: demonstrations}}
tuning: {steps: 3, batch_size: 4, validate_every: 2, overrides: []}
generation: {max_new_tokens: 8}
""")
TASKS = STUDY["data"]["tasks"]


@pytest.fixture(scope="session")
def sized(checkout):
    """The checkout with STUDY run to its end."""
    checkout.run(STUDY)
    return checkout


def changed(**sections) -> dict:
    """STUDY with other values in these arms, or in the sections of the questions."""
    study = copy.deepcopy(STUDY)
    for name, values in sections.items():
        (study if name in study else study["arms"])[name] |= values
    return study


def table(path) -> list[dict]:
    """The rows of a TSV file."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def counted(jobs: dict[str, list[str]]) -> dict[str, int]:
    return {rule: len(outputs) for rule, outputs in jobs.items()}


def test_the_study_ends_in_its_report_with_the_runs_that_it_compares(sized):
    results = sized.folder / "results/sizes"
    for task, source in (("mtop", "dart"), ("dart", "mtop")):
        (moved,) = [row for row in table(results / "transfer.tsv") if row["task"] == task]
        assert (moved["source"], moved["size"], moved["demonstrations"]) == (source, "3", "retrieved-1")
        assert moved["n"] == "1" and moved["gain"], "there is an ICL run that it can be compared with"
        found = {
            (row["arm"], row["train"]): row["n"] for row in table(results / "data_size.tsv") if row["task"] == task
        }
        assert found == dict.fromkeys([(arm, size) for arm in ("icl", "pt", "ipt") for size in ("6", "12")], "1")
    variants = {row["variant"] for row in table(results / "summary.tsv")}
    assert variants == {"retrieved-1", "tokens-2", "tokens-2_retrieved-1"}
    assert "<html" in (results / "report.html").read_text()


def test_a_transfer_says_whose_prompt_it_used_and_tunes_nothing_of_its_own(sized):
    runs = sized.folder / "results/sizes/runs/tiny"
    place = runs / "mtop/pt/from-dart_tokens-3_retrieved-1/seed-1"
    note = json.loads((place / "run.json").read_text())
    assert (note["task"], note["tuning"]["run"]) == ("mtop", "tiny/dart/pt/tokens-3/seed-1")
    source = json.loads((runs / "dart/pt/tokens-3/seed-1/tuning.json").read_text())["tuning"]
    assert source.items() <= note["tuning"].items()
    assert not list(place.glob("adapter*"))
    assert not (runs / "dart/pt/tokens-3/seed-1/predictions.jsonl.gz").exists(), "the study does not ask for that run"


def test_a_run_on_fewer_records_sees_no_others(sized):
    results = sized.folder / "results/sizes"
    for task in TASKS:
        part = read_jsonl(results / f"data/{task}/subsets/train-6_seed-1.jsonl")
        ids = {record["id"] for record in part}
        assert len(ids) == 6
        for arm, variant in (("icl", "retrieved-1_train-6"), ("ipt", "tokens-2_retrieved-1_train-6")):
            predictions = read_jsonl(results / f"runs/tiny/{task}/{arm}/{variant}/seed-1/predictions.jsonl.gz")
            assert len(predictions) == 4
            shown = {demonstration["id"] for row in predictions for demonstration in row["demonstrations"]}
            assert shown and shown <= ids
        tuned = results / f"runs/tiny/{task}/pt/tokens-2_train-6/seed-1"
        references = sum(len(record["references"]) for record in part)
        assert json.loads((tuned / "run.json").read_text())["tuning"]["training_rows"] == references
        assert (tuned / "adapter/prompt.tsv").read_text().startswith("position\tnorm\trank\tid\ttoken\t")
    assert not list((results / "demonstrations").glob("*/embeddings/*/train-6*")), "nothing is encoded again"


def test_nothing_runs_again(sized):
    assert sized.planned(STUDY) == {}


def test_another_size_runs_only_its_own_jobs_and_the_analysis(sized):
    jobs = sized.planned(changed(data_size={"train": [6, 9]}))
    assert counted(jobs) == {
        **{"subset": 2, "retrieve_in_subset": 6, "tune": 4, "generate": 6, "score": 6, "analyse": 1},
    }
    assert all("train-9" in output for rule, outputs in jobs.items() if rule != "analyse" for output in outputs)


def test_another_length_of_transferred_prompts_tunes_them_on_the_sources(sized):
    jobs = sized.planned(changed(transfer={"tokens": [3, 4]}))
    assert counted(jobs) == {"tune": 2, "generate": 2, "score": 2, "analyse": 1}
    assert all("/pt/tokens-4/" in output for output in jobs["tune"])
    assert all("/pt/from-" in output and "_tokens-4_" in output for output in jobs["generate"])


def test_a_length_that_pt_has_already_tuned_is_not_tuned_again(sized):
    jobs = sized.planned(changed(pt={"tokens": [2, 3]}))
    assert counted(jobs) == {"generate": 2, "score": 2, "analyse": 1}
    assert all("/pt/tokens-3/" in output for output in jobs["generate"])


def test_fewer_sources_run_only_the_analysis(sized):
    assert set(sized.planned(changed(transfer={"sources": ["dart"]}))) == {"analyse"}


def test_what_tunes_a_source_decides_the_transfers_from_it(sized):
    study = STUDY | {"tuning": STUDY["tuning"] | {"overrides": [{"task": "dart", "set": {"learning_rate": 0.5}}]}}
    jobs = sized.planned(study)
    assert {output for output in jobs["generate"] if "/from-" in output} == {
        "results/sizes/runs/tiny/mtop/pt/from-dart_tokens-3_retrieved-1/seed-1/predictions.jsonl.gz"
    }
    assert counted(jobs) == {"tune": 5, "generate": 5, "score": 5, "analyse": 1}
    assert not any("/mtop/" in output for output in jobs["tune"])


def test_a_size_that_a_task_does_not_have_is_said_where_it_is_drawn(sized):
    study = changed(data_size={"train": [481]}) | {"study": "larger"}
    study["data"] = {**STUDY["data"], "limits": {"train": None, "validation": 4, "test": 4}}
    done = sized.snakemake("--cores", "1", "results/larger/data/mtop/subsets/train-481_seed-1.jsonl", study=study)
    assert done.returncode != 0
    log = (sized.folder / "results/larger/logs/data/mtop/train-481_seed-1.log").read_text()
    assert "data_size.train: 481 training records were asked for" in log and "has 480" in log
