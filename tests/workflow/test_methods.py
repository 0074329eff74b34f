"""What the rules do for methods: learning rates that are chosen, and adapters as large as the model.

python -m pytest tests/workflow/test_methods.py    # a minute
"""

import copy
import json

import pytest
import yaml

pytestmark = pytest.mark.long

STUDY = yaml.safe_load("""
study: methods
seeds: [1, 2]
arms:
  icl: {demonstrations: []}
  pt: {tokens: [3]}
  ipt: {tokens: []}
  full: {method: full, demonstrations: [none]}
methods:
  prompt-tuning: {learning_rate: [0.01, 0.1]}
transfer: {arms: []}
models: {use: [tiny], folders: {tiny: tiny-model}}
data:
  tasks: [mtop]
  source: resources/demo/data
  limits: {train: 12, validation: 4, test: 4}
  evaluation: {mtop: test}
engine: {context: 200}
tuning: {steps: 3, batch_size: 4, validate_every: 2}
generation: {max_new_tokens: 8}
""")
PT = "results/methods/runs/tiny/mtop/pt"


@pytest.fixture(scope="module")
def chosen(checkout):
    """The checkout with STUDY run to its end, one job at a time."""
    done = checkout.snakemake("--cores", "1", study=STUDY)
    assert done.returncode == 0, done.stderr
    return checkout


def note(checkout, place: str) -> dict:
    return json.loads((checkout.folder / place).read_text())


def test_the_first_seed_tries_each_rate_and_all_seeds_use_the_best(chosen):
    rate = note(chosen, f"{PT}/tokens-3/rate.json")
    losses = {trial["learning_rate"]: trial["validation_loss"] for trial in rate["trials"]}
    assert losses.keys() == {0.01, 0.1} and rate["learning_rate"] == min(losses, key=losses.get)
    trial = chosen.folder / f"{PT}/tokens-3_rate-{rate['learning_rate']:g}/seed-1"
    first, second = (chosen.folder / f"{PT}/tokens-3/seed-{seed}" for seed in (1, 2))
    weights = "adapter/adapter_model.safetensors"
    assert (first / weights).read_bytes() == (trial / weights).read_bytes(), "the same run is not made twice"
    assert (second / weights).read_bytes() != (first / weights).read_bytes()
    for seed in (1, 2):
        run = note(chosen, f"{PT}/tokens-3/seed-{seed}/run.json")
        assert run["tuning"]["rate"]["learning_rate"] == rate["learning_rate"]
        assert run["settings"]["method"]["settings"]["learning_rate"] == [0.01, 0.1]
    assert not (trial / "predictions.jsonl.gz").exists()


def test_another_rate_is_one_more_trial_and_then_what_depends_on_the_choice(chosen):
    study = copy.deepcopy(STUDY)
    study["methods"]["prompt-tuning"]["learning_rate"] = [0.01, 0.03, 0.1]
    planned = chosen.planned(study)
    assert {rule: len(outputs) for rule, outputs in planned.items()} == {
        **{"tune": 3, "choose": 1, "generate": 2, "score": 2, "analyse": 1},
    }
    assert sum("rate-0.03" in output for output in planned["tune"]) == 1


def test_weights_of_full_tuning_are_gone_when_they_have_been_used_and_nothing_runs_again(chosen):
    runs = chosen.folder / "results/methods/runs/tiny/mtop/full/none"
    for seed in (1, 2):
        assert (runs / f"seed-{seed}/predictions.jsonl.gz").is_file() and (runs / f"seed-{seed}/tuning.json").is_file()
        assert not (runs / f"seed-{seed}/adapter").exists()
    assert chosen.planned(STUDY) == {}
    assert chosen.records(STUDY) == ""


def test_no_more_weights_of_full_tuning_are_there_at_once_than_jobs(chosen):
    runs = chosen.folder / "results/methods/runs/tiny/mtop/full/none"
    ends = [(path.stat().st_mtime, 1) for path in runs.glob("seed-*/tuning.json")]
    ends += [(path.stat().st_mtime, -1) for path in runs.glob("seed-*/run.json")]
    assert [change for _, change in sorted(ends)] == [1, -1, 1, -1]


def test_full_tuning_whose_predictions_are_gone_is_tuned_again(chosen):
    (chosen.folder / "results/methods/runs/tiny/mtop/full/none/seed-2/predictions.jsonl.gz").unlink()
    planned = chosen.planned(STUDY)
    assert {rule: len(outputs) for rule, outputs in planned.items()} == {
        **{"tune_temporary": 1, "generate": 1, "score": 1, "analyse": 1},
    }
