"""A domain shift, run to its end: what is trained and shown without a group, and what another group runs again."""

import json

import pytest
import yaml
from conftest import Checkout

from softshot.files import PREDICTIONS, read_jsonl

pytestmark = pytest.mark.long

STUDY = """
study: shift
seeds: [1]
arms:
  icl: {demonstrations: [random-1]}
  pt: {tokens: [2]}
  ipt: {tokens: [2], demonstrations: [bm25-1]}
transfer: {arms: []}
models:
  use: [tiny]
  folders: {tiny: tiny-model}
data:
  tasks: [reviews]
  own:
    reviews:
      files: {train: domains.csv}
      carve: {validation: 0.2, test: 0.3}
      table: {input: "{text}", target: "{label}", choices: [good, bad], domain: about}
      metrics: [accuracy]
engine: {context: 100}
tuning: {steps: 2, batch_size: 2, validate_every: 1}
shift: {reviews: {by: domain, held_out: [lamps]}}
analysis: {bootstrap: 100}
"""


@pytest.fixture(scope="module")
def shifted(checkout) -> Checkout:
    """The study, run to its end."""
    names = ("lamps", "books", "music")
    rows = [f"{names[n % 3]} number {n},{names[n % 3]},{'good' if n % 2 else 'bad'}" for n in range(60)]
    (checkout.folder / "domains.csv").write_text("\n".join(["text,about,label", *rows]) + "\n")
    checkout.run(yaml.safe_load(STUDY))
    return checkout


def domains(path) -> set[str]:
    return {record["meta"]["domain"] for record in read_jsonl(path)}


def test_what_is_trained_and_shown_has_no_record_of_the_group_and_both_sides_are_predicted(shifted):
    data, runs = (shifted.folder / "results/shift" / name for name in ("data/reviews", "runs/tiny/reviews"))
    for split in ("train", "validation"):
        assert domains(data / f"{split}.jsonl") == {"lamps", "books", "music"}
        assert domains(data / f"subsets/{split}_without-lamps.jsonl") == {"books", "music"}
    of = {record["id"]: record["meta"]["domain"] for record in read_jsonl(data / "train.jsonl")}
    shown = {"icl/without-lamps_random-1": set(), "ipt/without-lamps_tokens-2_bm25-1": set()}
    for name, groups in shown.items():
        predictions = read_jsonl(runs / name / "seed-1" / PREDICTIONS)
        groups |= {of[one["id"]] for row in predictions for one in row["demonstrations"]}
        assert {row["id"] for row in predictions} == {row["id"] for row in read_jsonl(data / "test.jsonl")}
        assert groups == {"books", "music"}
    assert domains(data / "test.jsonl") == {"lamps", "books", "music"}
    table = (shifted.folder / "results/shift/shift.tsv").read_text().splitlines()
    assert [line.split("\t")[2] for line in table[1:]] == ["icl", "pt", "ipt"]
    left_out = json.loads((data / "subsets/train_without-lamps.json").read_text())["left_out"]
    assert left_out == sum(group == "lamps" for group in of.values())


def test_another_group_runs_only_the_shift_again(shifted):
    study = yaml.safe_load(STUDY)
    study["shift"]["reviews"]["held_out"] = ["books"]
    jobs = shifted.planned(study)
    counts = {rule: len(outputs) for rule, outputs in jobs.items()}
    assert counts == {"without": 2, "retrieve_without": 4, "tune": 2, "generate": 3, "score": 3, "analyse": 1}
    assert all("without-books" in output for rule in jobs if rule != "analyse" for output in jobs[rule])
    assert shifted.planned(yaml.safe_load(STUDY)) == {}


def test_a_group_that_is_not_there_ends_in_the_data_stage(shifted):
    study = yaml.safe_load(STUDY)
    study["shift"]["reviews"]["held_out"] = ["lamp"]
    place = "data/reviews/subsets/train_without-lamp"
    done = shifted.snakemake("--cores", "1", f"results/shift/{place}.jsonl", study=study)
    assert done.returncode != 0
    log = (shifted.folder / "results/shift/logs/data/reviews/train_without-lamp.log").read_text()
    assert "of the domain" in log and "there are: books (" in log and "lamps (" in log
