"""A task of one's own needs an entry in the configuration and no code."""

import gzip
import json

import yaml

OWN = """
study: own
seeds: [1]
arms:
  icl: {demonstrations: [bm25-1]}
  pt: {tokens: []}
  ipt: {tokens: []}
transfer: {arms: []}
models:
  use: [tiny]
  folders: {tiny: tiny-model}
data:
  tasks: [reviews]
  own:
    reviews:
      files: {train: reviews.csv}
      table: {input: "{product}: {text}", target: "{summary}"}
      carve: {validation: 0.2, test: 0.2}
      metrics: [rouge_l, token_f1, bleu]
engine: {context: 200}
generation: {max_new_tokens: 8}
"""


def test_a_csv_file_becomes_a_scored_study(finished):
    rows = [f'lamp {number},"bright, {number} lumens",a lamp of {number} lumens' for number in range(20)]
    (finished.folder / "reviews.csv").write_text("\n".join(["product,text,summary", *rows]) + "\n")
    done = finished.snakemake("--cores", "1", study=yaml.safe_load(OWN))
    assert done.returncode == 0, done.stderr
    results = finished.folder / "results/own"
    splits = {
        path.stem: [json.loads(line) for line in path.open()] for path in (results / "data/reviews").glob("*.jsonl")
    }
    assert {name: len(records) for name, records in splits.items()} == {"train": 12, "test": 4}, (
        "no run needs validation"
    )
    example = splits["train"][0]
    assert example["input"].endswith(" lumens") and example["input"].startswith("lamp ")
    scores = json.loads((results / "runs/tiny/reviews/icl/bm25-1/seed-0/scores.json").read_text())
    assert (scores["main"], scores["n"], set(scores["scores"])) == ("rouge_l", 4, {"rouge_l", "token_f1", "bleu"})
    assert "reviews" in (results / "report.html").read_text()


CHOSEN = """
study: chosen
seeds: [1]
arms:
  icl: {demonstrations: [bm25-1]}
  pt: {tokens: [2]}
  ipt: {tokens: []}
  lora: {rank: [1], demonstrations: [random-1]}
  t-few: {demonstrations: [none]}
transfer: {arms: []}
models:
  use: [tiny]
  folders: {tiny: tiny-model}
data:
  tasks: [sentiment]
  own:
    sentiment:
      files: {train: sentiment.csv}
      carve: {validation: 0.2, test: 0.2}
      table: {input: "{text}", target: "{label}", choices: [positive, negative, very negative]}
      metrics: [accuracy, acc_norm, acc_token, macro_f1, calibration_error]
engine: {context: 200}
tuning: {steps: 2, batch_size: 2, validate_every: 2}
"""


def test_a_task_with_choices_becomes_a_scored_study(finished):
    labels = ["positive", "negative", "very negative"]
    rows = [f'"lamp {number}, {"bright" * number}",{labels[number % 3]}' for number in range(30)]
    (finished.folder / "sentiment.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    done = finished.snakemake("--cores", "1", study=yaml.safe_load(CHOSEN))
    assert done.returncode == 0, done.stderr
    runs = finished.folder / "results/chosen/runs/tiny/sentiment"
    for place in ("icl/bm25-1/seed-0", "pt/tokens-2/seed-1", "lora/rank-1_random-1/seed-1", "t-few/none/seed-1"):
        scores = json.loads((runs / place / "scores.json").read_text())
        assert set(scores["scores"]) == {"accuracy", "acc_norm", "acc_token", "macro_f1", "calibration_error"}
        with gzip.open(runs / place / "predictions.jsonl.gz", "rt") as file:
            rows = [json.loads(line) for line in file]
        assert all(
            row["prediction"] == labels[row["log_likelihoods"].index(max(row["log_likelihoods"]))] for row in rows
        )
        assert all(len(row["choice_tokens"]) == 3 for row in rows)
        run = json.loads((runs / place / "run.json").read_text())
        assert run["settings"]["generation"] is None and run["generation"]["passes"]["read"] > 0
    assert "sentiment" in (finished.folder / "results/chosen/report.html").read_text()


def test_a_fault_in_a_file_of_ones_own_names_file_line_and_column(finished):
    study = yaml.safe_load(OWN.replace("study: own", "study: broken").replace("reviews.csv", "broken.csv"))
    (finished.folder / "broken.csv").write_text("product,text,sumary\nlamp,bright,a lamp\n")
    done = finished.snakemake("--cores", "1", study=study)
    assert done.returncode != 0
    log = "".join(path.read_text() for path in (finished.folder / "results/broken/logs/data/reviews").glob("*.log"))
    assert "broken.csv" in log and "line 2" in log and "summary" in log and "sumary" in log
    assert not list((finished.folder / "results/broken/data").rglob("*.jsonl"))
